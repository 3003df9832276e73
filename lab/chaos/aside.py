"""Moves in which somebody beside the conversation has a part: parking, and a supervisor."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from lab.chaos.attempt import Attempt
from lab.chaos.manners import Move, refers
from lab.chaos.orders import OrderMove
from lab.sip_call import SipCall

Dial = Callable[[Attempt, str, str], SipCall]
# Tells under which slot a call waits, "" when under none.
SlotOf = Callable[[Attempt], Awaitable[str]]
# Parks a call; the slot, or "" when nothing came of it.
Park = Callable[[Attempt, SipCall], Awaitable[str]]


# ---------------------------------------------------------------- parking


def parks_by_keys(slot_of: SlotOf) -> Park:
    """#7: the service chooses the slot and says it."""

    async def park(attempt: Attempt, leg: SipCall) -> str:
        attempt.tell(f"{leg.number} presses #7")
        await leg.press("#7")
        slot = await slot_of(attempt) if await leg.until_over(10) else ""
        if not slot:
            attempt.stall("#7")
        return slot

    return park


def parks_by_phone(slot: str) -> Park:
    """A blind transfer to the slot."""

    async def park(attempt: Attempt, leg: SipCall) -> str:
        return "" if await refers(slot)(attempt, leg) else slot

    return park


def parks_by_order(order: OrderMove, slot: str) -> Park:
    """Ordered of the service."""

    async def park(attempt: Attempt, leg: SipCall) -> str:
        wanted: dict[str, object] = {"participant": leg.number, "slot": slot}
        if not await order(attempt, "park", wanted) or not await leg.until_over(8):
            attempt.stall(f"ordering to park in {slot}")
            return ""
        return slot

    return park


def is_parked(park: Park, then: Callable[[Attempt, str], Awaitable[None]]) -> Move:
    """Park the call; `then` is what happens to it in its slot. Comes it back, whoever parked it is rung anew."""

    async def move(attempt: Attempt, leg: SipCall) -> bool:
        await asyncio.sleep(attempt.chance.uniform(0.7, 2.0))
        slot = await park(attempt, leg)
        if slot:
            await then(attempt, slot)
        return not leg.over

    return move


def is_taken(dial: Dial, by: str) -> Callable[[Attempt, str], Awaitable[None]]:
    """A colleague dials the slot and talks with the customer."""

    async def then(attempt: Attempt, slot: str) -> None:
        await asyncio.sleep(attempt.chance.uniform(0.3, 2.0))
        taker = dial(attempt, by, slot)
        if await taker.until_talking(8):
            await attempt.finish(taker)
            return
        attempt.stall(f"taking the call in {slot}")
        await taker.hang_up()

    return then


async def is_left(attempt: Attempt, slot: str) -> None:
    """Nobody takes it; sometimes the customer does not wait until it comes back."""
    if attempt.outside and attempt.chance.random() < 0.3:
        await attempt.outside.until_over(attempt.chance.uniform(0.5, 3.0))
        attempt.end("the customer")
        await attempt.outside.hang_up()


# ---------------------------------------------------------------- a supervisor


def is_supervised(order: OrderMove, by: str, modes: Sequence[str]) -> Move:
    """A supervisor follows the talk in these modes, one after another; sometimes he leaves before it is over."""

    async def move(attempt: Attempt, leg: SipCall) -> bool:
        await asyncio.sleep(attempt.chance.uniform(0.3, 1.0))
        for mode in modes:
            if leg.over or not await _follows(attempt, leg, order, by, mode):
                return not leg.over
            await leg.until_over(attempt.chance.uniform(1.0, 2.5))
        follower = await attempt.until_leg(by, lambda chief: chief.talking, 0.5)
        if follower and attempt.chance.random() < 0.3:
            attempt.tell(f"{by} has heard enough")
            await follower.hang_up()
        return not leg.over

    return move


async def _follows(attempt: Attempt, leg: SipCall, order: OrderMove, by: str, mode: str) -> bool:
    attempt.is_supervised(mode)
    ordered = await order(attempt, "supervise", {"extension": by, "mode": mode})
    chief = await attempt.until_leg(by, lambda chief: chief.talking, 8) if ordered else None
    tones = [leg.tone, *([attempt.outside.tone] if attempt.outside else [])]
    if chief is None or not all([await chief.until_hears(tone, 4) for tone in tones]):
        attempt.stall(mode)
        return False
    return True
