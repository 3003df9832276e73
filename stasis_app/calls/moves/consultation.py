"""An attended transfer as a table: where it stands, what happens, what follows. Pure: no call, no requests.

The transferrer has left the customer waiting and asks the target. Seen from outside, everything that may happen to the
three of them is one of the `Happening`s; what follows in each stage stands in `TABLE`, cell by cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from stasis_app.calls.facts import TransferResult


class Stage(StrEnum):
    """Where a consultation stands."""

    RINGING = "ringing"  # the target's phone rings, the transferrer waits for him, the customer hears music
    TALKING = "talking"  # transferrer and target talk, the customer hears music
    SWAPPED = "swapped"  # transferrer and customer talk, the target hears music
    LEFT = "left"  # the transferrer is gone, the target's phone rings for the customer


class Happening(StrEnum):
    """What may happen."""

    TARGET_ANSWERS = "the target answers"
    TARGET_FAILS = "the target does not answer"  # busy, declined, rang in vain, can't be reached
    TARGET_LEAVES = "the target hangs up"
    TRANSFERRER_LEAVES = "the transferrer hangs up"
    CUSTOMER_LEAVES = "the customer hangs up"
    COMPLETE = "complete"
    CANCEL = "cancel"
    CONFERENCE = "conference"
    SWAP = "swap"


class Do(StrEnum):
    """What is to be done."""

    CONSULT = "let transferrer and target talk"
    RETURN = "let transferrer and customer talk"
    GIVE = "let target and customer talk"
    GATHER = "let all three talk"
    HOLD_TARGET = "let the target hear music"
    HOLD_CUSTOMER = "let the customer hear music"
    RELEASE_TRANSFERRER = "hang up the transferrer"
    RELEASE_TARGET = "hang up the target"
    TALK_ON = "let transferrer and target talk on without the customer"
    BRING_BACK = "lead the customer back to the transferrer, then to the plan"


@dataclass(frozen=True, slots=True)
class Next:
    """What follows: what to do, in this order, and the next stage, or how it ended."""

    do: tuple[Do, ...] = ()
    stage: Stage | None = None
    result: TransferResult | None = None


_S, _H, _R = Stage, Happening, TransferResult
_ENDS_WITH_CUSTOMER = Next((Do.RELEASE_TARGET, Do.RELEASE_TRANSFERRER), result=_R.ABANDONED)

TABLE: dict[tuple[Stage, Happening], Next] = {
    (_S.RINGING, _H.TARGET_ANSWERS): Next((Do.CONSULT,), _S.TALKING),
    (_S.RINGING, _H.TARGET_FAILS): Next((Do.RETURN,), result=_R.UNANSWERED),
    (_S.RINGING, _H.TRANSFERRER_LEAVES): Next((), _S.LEFT),
    (_S.RINGING, _H.CUSTOMER_LEAVES): _ENDS_WITH_CUSTOMER,
    (_S.RINGING, _H.COMPLETE): Next((Do.RELEASE_TRANSFERRER,), _S.LEFT),
    (_S.RINGING, _H.CANCEL): Next((Do.RELEASE_TARGET, Do.RETURN), result=_R.CANCELLED),
    (_S.TALKING, _H.TARGET_LEAVES): Next((Do.RETURN,), result=_R.CANCELLED),
    (_S.TALKING, _H.TRANSFERRER_LEAVES): Next((Do.GIVE,), result=_R.COMPLETED),
    (_S.TALKING, _H.CUSTOMER_LEAVES): Next((Do.TALK_ON,), result=_R.ABANDONED),
    (_S.TALKING, _H.COMPLETE): Next((Do.GIVE, Do.RELEASE_TRANSFERRER), result=_R.COMPLETED),
    (_S.TALKING, _H.CANCEL): Next((Do.RELEASE_TARGET, Do.RETURN), result=_R.CANCELLED),
    (_S.TALKING, _H.CONFERENCE): Next((Do.GATHER,), result=_R.CONFERENCE),
    (_S.TALKING, _H.SWAP): Next((Do.HOLD_TARGET, Do.RETURN), _S.SWAPPED),
    (_S.SWAPPED, _H.TARGET_LEAVES): Next((), result=_R.CANCELLED),
    (_S.SWAPPED, _H.TRANSFERRER_LEAVES): Next((Do.GIVE,), result=_R.COMPLETED),
    (_S.SWAPPED, _H.CUSTOMER_LEAVES): Next((Do.CONSULT, Do.TALK_ON), result=_R.ABANDONED),
    (_S.SWAPPED, _H.COMPLETE): Next((Do.GIVE, Do.RELEASE_TRANSFERRER), result=_R.COMPLETED),
    (_S.SWAPPED, _H.CANCEL): Next((Do.RELEASE_TARGET,), result=_R.CANCELLED),
    (_S.SWAPPED, _H.CONFERENCE): Next((Do.GATHER,), result=_R.CONFERENCE),
    (_S.SWAPPED, _H.SWAP): Next((Do.HOLD_CUSTOMER, Do.CONSULT), _S.TALKING),
    (_S.LEFT, _H.TARGET_ANSWERS): Next((Do.GIVE,), result=_R.COMPLETED),
    (_S.LEFT, _H.TARGET_FAILS): Next((Do.BRING_BACK,), result=_R.UNANSWERED),
    (_S.LEFT, _H.CUSTOMER_LEAVES): Next((Do.RELEASE_TARGET,), result=_R.ABANDONED),
}
"""What follows in each stage; a pair that is not here can't happen there, or is not possible and changes nothing."""


def follows(stage: Stage, happening: Happening) -> Next | None:
    """What follows when this happens in this stage; None: nothing, it is not possible there."""
    return TABLE.get((stage, happening))
