"""The state of a call, as the model keeps it: immutable, replaced by each transition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from stasis_app.calls.facts import Direction, EndedBy, Party, RecordingKind, Unanswered


class LegStage(StrEnum):
    """How far a leg has come."""

    SETUP = "setup"
    RINGING = "ringing"
    UP = "up"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Leg:
    """One channel of a call."""

    id: str
    party: Party
    stage: LegStage = LegStage.SETUP
    ours: bool = True  # made by us: its end is told even after it has left the application
    in_stasis: bool = False
    dialled: bool = False  # the fact Dialled has been told
    reached: bool = False  # it rang, or its side sent sound before the answer
    sent_on: bool = False  # its phone sent the call on to another number, and Asterisk calls that
    bridge: str = ""  # the bridge it is in
    joined: bool = False  # the fact Joined has been told
    held: bool = False  # by its own phone
    held_by_us: bool = False
    released: Unanswered | None = None  # we hung it up, for this reason
    leaving: bool = False  # its end was asked for, by its own phone or by us
    over: bool = False  # its last fact has been told
    elsewhere: bool = False  # it goes on in another call: here it is over, but it must not be hung up
    cause: int = 0
    tech_cause: int | None = None

    @property
    def alive(self) -> bool:
        """Whether the channel exists, as far as we know."""
        return self.stage is not LegStage.GONE


@dataclass(frozen=True, slots=True)
class Tape:
    """A recording that was ordered and has not ended.

    `files` are those of its files that are being written. A message shorter than `least` seconds is no message.
    """

    name: str
    kind: RecordingKind = RecordingKind.TALK
    leg: str = ""
    talk: str = ""
    stereo: bool = False
    least: int = 0
    files: frozenset[str] = frozenset()
    seconds: int = 0
    failed: bool = False  # what has come of it counts for nothing


@dataclass(frozen=True, slots=True)
class CallState:
    """One call.

    `caller_leg` began it. `anchor_leg` is whose end is the end of the call: the caller's, until an employee who placed
    the call moves it on; from then on that of the party he leaves behind. `first_hangup` is who ended it, known before
    its last channel is gone.
    """

    call_id: str
    direction: Direction
    caller_leg: str
    anchor_leg: str
    legs: Mapping[str, Leg] = field(default_factory=dict)
    recordings: frozenset[str] = frozenset()  # those that have started and not ended
    tapes: Mapping[str, Tape] = field(default_factory=dict)  # what is known of those ordered and not ended
    taped: frozenset[str] = frozenset()  # the recordings that are over
    handing_over: str | None = None
    watched: bool = False
    handed_over: bool = False
    first_hangup: EndedBy | None = None
    ended: bool = False

    @property
    def caller(self) -> Leg:
        """The leg of whoever began the call."""
        return self.legs[self.caller_leg]

    @property
    def anchor(self) -> Leg:
        """The leg the call lives for."""
        return self.legs[self.anchor_leg]

    @property
    def others(self) -> tuple[Leg, ...]:
        """All legs but the anchor."""
        return tuple(leg for leg in self.legs.values() if leg.id != self.anchor_leg)

    @property
    def spent(self) -> bool:
        """Whether nothing more is to come: the call ended and every channel and recording is gone."""
        return self.ended and not self.recordings and not any(leg.alive for leg in self.legs.values())

    def with_tape(self, tape: Tape, *, running: bool) -> CallState:
        """The state with this recording ordered, or running."""
        recordings = self.recordings | {tape.name} if running else self.recordings
        return replace(self, tapes={**self.tapes, tape.name: tape}, recordings=recordings)

    def without_tape(self, name: str) -> CallState:
        """The state once this recording is over."""
        tapes = {key: tape for key, tape in self.tapes.items() if key != name}
        return replace(self, tapes=tapes, recordings=self.recordings - {name}, taped=self.taped | {name})

    def with_leg(self, leg: Leg) -> CallState:
        """The state with this leg added or replaced."""
        return replace(self, legs={**self.legs, leg.id: leg})
