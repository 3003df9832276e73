"""What is recorded of a call, and what its parties are told about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from stasis_app.calls.facts import RecordingMode
from stasis_app.calls.record import CallRecord


class ConsentWhen(StrEnum):
    """When the announcement that a call is recorded is played."""

    BEFORE = "before"  # to the caller, before anybody is rung
    CONNECTED = "connected"  # to both, when they are connected


@dataclass(frozen=True, slots=True)
class RecordingPolicy:
    """How a call is recorded.

    Without `consent` prompts nothing is announced. `longest_pause`: seconds after which a pause ends by itself, 0 for
    never.
    """

    mode: RecordingMode = RecordingMode.OFF
    stereo: bool = False
    consent: tuple[str, ...] = ()
    consent_when: ConsentWhen = ConsentWhen.BEFORE
    longest_pause: float = 0.0


PolicyOf = Callable[[CallRecord], RecordingPolicy]


def never(record: CallRecord) -> RecordingPolicy:
    """Nothing is recorded."""
    return RecordingPolicy()
