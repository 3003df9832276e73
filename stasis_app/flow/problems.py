"""What is wrong with a plan, said so that one can mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any


class Severity(StrEnum):
    """Whether the plan can be used as it is."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a plan. `where` is the table of the file ("elements.main"), "" for the whole file."""

    where: str
    key: str
    value: str
    problem: str
    remedy: str
    severity: Severity = Severity.ERROR

    def text(self, path: Path) -> str:
        """In one line, with the file."""
        place = " ".join(filter(None, (f"[{self.where}]" if self.where else "", self.key)))
        value = f" = {self.value}" if self.value else ""
        return _printable(f"{path}: {place}{value}{': ' if place else ''}{self.problem}. {self.remedy}")

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


class PlanError(Exception):
    """A plan can't be used. `problems` are all of them, warnings included."""

    def __init__(self, path: Path, problems: Sequence[Problem]) -> None:
        self.path = path
        self.problems = tuple(problems)
        self.errors = tuple(p for p in problems if p.severity is Severity.ERROR)
        super().__init__("\n".join(p.text(path) for p in self.errors))


def shown(value: object) -> str:
    """A value as it would stand in the file, short."""
    text = f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    text = _printable(text)
    return text if len(text) <= 60 else f"{text[:57]}..."


def choose_from(wrong: str, right: Iterable[str], what: str) -> str:
    """A remedy that names the likeliest right word, or all of them."""
    names = sorted(right)
    close = difflib.get_close_matches(wrong, names, 1)
    if close:
        return f'Did you mean "{close[0]}"?'
    listed = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    return f"{what}: {listed}." if names else f"{what}: there are none yet."


def _printable(text: str) -> str:
    """Without what could break a line or paint a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)
