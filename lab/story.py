"""A story: people, phones and numbers of its own, the calls they make, and what must come of them.

Stories share the exchange, the service and the portal but no number, so any of them may be played at the same time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from lab.phones import Manner

Table: TypeAlias = Mapping[str, object]


class Weather(StrEnum):
    """How the portal is while a story is played."""

    WELL = "well"
    SLOW = "slow"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Client:
    """Somebody the CRM knows: his number, and the extension of the employee responsible for him."""

    number: str
    responsible: str
    name: str


class Do(StrEnum):
    """What somebody can do at a phone."""

    ANSWER = "answer"
    DECLINE = "decline"
    FORWARD = "forward"  # the ringing call, to a number
    HOLD = "hold"
    RESUME = "resume"
    PRESS = "press"  # keys
    BLIND = "transfer"  # blind, by the phone, to a number
    ASK = "ask"  # hold, and call a number beside it
    JOIN = "join"  # the attended transfer: whom he asked and whom he holds
    TAKE_BACK = "take back"  # end the call beside, resume
    HANG_UP = "hang up"


@dataclass(frozen=True, slots=True)
class Move:
    """What somebody does in the middle of a call: `by` an extension, or "" for the customer.

    The moves of a call are made one after another, each `after_s` seconds after the one before was done and `by` has a
    phone that rings (answer, decline, forward) or talks. `to` is a number, or the keys. A move of a `refused` kind must
    fail, and the call goes on.
    """

    by: str
    do: Do
    to: str = ""
    after_s: float = 1.0
    refused: bool = False


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """A call somebody makes, `after_s` seconds into the story.

    `by` is a customer's number, "" when withheld, or an extension of ours; `to` is a number of ours, or the outside
    number an employee dials. `talks_to` is who must answer (an extension; the outside number; "" nobody), `rings` the
    extensions that must ring and no others. With `moves`, `talks` are all who must talk with the customer, in the order
    they begin to, instead of `talks_to`; the last of the moves hangs up.
    """

    by: str
    to: str
    talks_to: str
    rings: Sequence[str] = ()
    after_s: float = 0.0
    talk_s: float | None = None
    gives_up_s: float | None = None
    keys: Sequence[tuple[float, str]] = ()
    outbound: bool = False
    one_of: Sequence[str] = ()  # instead of talks_to: any of these may win
    moves: Sequence[Move] = ()
    talks: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Story:
    """Everything one story needs."""

    name: str
    calls: Sequence[PlannedCall]
    phones: Sequence[Manner] = ()
    unregistered: Sequence[str] = ()
    clients: Sequence[Client] = ()
    outside: Sequence[Manner] = ()
    lines: Mapping[str, str] = field(default_factory=dict)  # DID -> the element its calls begin with
    elements: Mapping[str, Table] = field(default_factory=dict)
    weather: Weather = Weather.WELL


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of story number `n`; nobody else has them."""

    n: int

    @property
    def did(self) -> str:
        """Its line, as the trunk sends it."""
        return self.line(0)

    def line(self, which: int) -> str:
        """One of its lines, from 0 to 9."""
        return f"7495777{self.n:02d}0{which}"

    def phone(self, which: int) -> str:
        """An extension of its office, from 1 to 9."""
        return f"2{self.n:02d}{which}"

    def client(self, which: int) -> str:
        """A customer's number, as the trunk sends it."""
        return f"7916{self.n:03d}550{which}"

    def outside(self, which: int) -> str:
        """A number an employee dials, as he dials it."""
        return f"8903{self.n:03d}440{which}"

    def element(self, name: str) -> str:
        """The name of an element of its plan."""
        return f"s{self.n:02d}_{name}"


HANG_UP: Table = {"type": "hangup", "cause": "no_answer"}


def ring(n: Numbers, which: int, seconds: float = 15) -> Table:
    """An element that rings a phone for so long; when nobody answers, `end` follows."""
    return {
        "type": "ring",
        "targets": [n.phone(which)],
        "seconds": seconds,
        "on_no_answer": n.element("end"),
    }
