"""What a check finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a finding is: an error keeps calls or the CRM from working."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found. `remedy` is empty when all is well."""

    check: str
    severity: Severity
    what: str
    remedy: str = ""


def fine(check: str, what: str) -> Finding:
    """All is well."""
    return Finding(check, Severity.OK, what)


def warning(check: str, what: str, remedy: str) -> Finding:
    """Something is missing or odd, but calls are served and mirrored."""
    return Finding(check, Severity.WARNING, what, remedy)


def error(check: str, what: str, remedy: str) -> Finding:
    """Calls or their mirroring won't work."""
    return Finding(check, Severity.ERROR, what, remedy)
