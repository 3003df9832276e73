"""What the service itself is about to do to a call, told to the model before the request is sent.

Asterisk's events may come before the reply to the request that caused them, so the model must already know what they
are about. Intents go the same way as events and carry the time of this machine, since nothing has happened at Asterisk.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from stasis_app.calls.facts import Fact, Party, RecordingKind, Unanswered


def now() -> datetime:
    """The time of this machine, aware."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Intent:
    """Something the service is about to do."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Dialling(Intent):
    """A leg is being set up towards a party. `ours` is false for a channel somebody else made."""

    leg: str
    party: Party
    ours: bool = True


@dataclass(frozen=True, slots=True)
class DialFailed(Intent):
    """Asterisk would not even create the leg: the endpoint is unknown or has no contact.

    `cause` (Q.850) is set when it was not asked to: no trunk leads there.
    """

    leg: str
    cause: int = 0


@dataclass(frozen=True, slots=True)
class Vanished(Intent):
    """A leg does not exist any more, though nothing was told of its end (a server that moved it about)."""

    leg: str


@dataclass(frozen=True, slots=True)
class Releasing(Intent):
    """A leg is hung up by us, for this reason if it has not answered."""

    leg: str
    why: Unanswered


@dataclass(frozen=True, slots=True)
class HandingOver(Intent):
    """The caller goes back to the dialplan. `watched` tells whether we will still learn of his end."""

    to: str
    watched: bool


@dataclass(frozen=True, slots=True)
class Anchoring(Intent):
    """From now on the call lives for this leg."""

    leg: str


@dataclass(frozen=True, slots=True)
class TakingOver(Intent):
    """A leg that talks in another call goes on in this one."""

    leg: str
    party: Party


@dataclass(frozen=True, slots=True)
class Dismissing(Intent):
    """A leg goes on in another call: here it is over."""

    leg: str


@dataclass(frozen=True, slots=True)
class Holding(Intent):
    """A party puts the others on hold through us, or takes them back."""

    leg: str
    held: bool


@dataclass(frozen=True, slots=True)
class HangingUp(Intent):
    """The plan ends the call."""


@dataclass(frozen=True, slots=True)
class ExchangeRestarted(Intent):
    """Asterisk was restarted since, which ended the call whatever it was doing."""


@dataclass(frozen=True, slots=True)
class Taping(Intent):
    """A recording is about to begin; the fields are those of `RecordingStarted`, `least` in seconds (messages)."""

    name: str
    kind: RecordingKind
    leg: str
    talk: str = ""
    stereo: bool = False
    least: int = 0


@dataclass(frozen=True, slots=True)
class TapingFailed(Intent):
    """A recording could not be begun."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class RecordingOver(Intent):
    """A recording is taken for complete though nothing was heard of its end: the event was missed."""

    name: str
    format: str


@dataclass(frozen=True, slots=True)
class Noted(Intent):
    """A fact that comes from the service and not from Asterisk (an element visited, a client identified)."""

    fact: Fact
