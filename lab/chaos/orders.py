"""Moves in the talk that are ordered of the service."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Protocol

from lab.chaos.attempt import Attempt, Hushed
from lab.chaos.manners import Move, guest_finishes
from lab.sip_call import SipCall

AGAIN_S = 1.0  # an order nobody took is given again so soon, where people would
PERSISTENT_S = 30.0  # ... and for so long


class OrderMove(Protocol):
    """Asks the service for something to be done with a live call; whether it took the order."""

    async def __call__(self, attempt: Attempt, what: str, body: dict[str, object], method: str = "POST") -> bool: ...


def ordered_transfer(order: OrderMove, to: str) -> Move:
    """Blind transfer."""

    async def move(attempt: Attempt, leg: SipCall) -> bool:
        await asyncio.sleep(attempt.chance.uniform(0.5, 2.0))
        wanted: dict[str, object] = {"to": to, "kind": "blind", "extension": leg.number}
        if not await order(attempt, "transfer", wanted) or not await leg.until_over(8):
            attempt.stall(f"ordering a transfer to {to}")
            return not leg.over
        return False

    return move


def ordered_consultation(order: OrderMove, to: str) -> Move:
    """Attended transfer: a colleague is asked, then given the call."""

    async def move(attempt: Attempt, leg: SipCall) -> bool:
        await asyncio.sleep(attempt.chance.uniform(0.5, 1.5))
        wanted: dict[str, object] = {"to": to, "kind": "attended", "extension": leg.number}
        asked = await order(attempt, "transfer", wanted)
        if not asked or not await attempt.until_leg(to, lambda guest: guest.talking, 10):
            attempt.stall(f"ordering to ask {to}")
            return not leg.over
        await asyncio.sleep(attempt.chance.uniform(0.5, 1.5))
        if not await order(attempt, "transfer/complete", {}) or not await leg.until_over(8):
            attempt.stall("ordering the end of a consultation")
            return not leg.over
        await guest_finishes(attempt, to)
        return False

    return move


def ordered_conference(order: OrderMove, to: str) -> Move:
    """A colleague is invited; then who invited him leaves."""

    async def move(attempt: Attempt, leg: SipCall) -> bool:
        await asyncio.sleep(attempt.chance.uniform(0.5, 1.5))
        invited = await order(attempt, "participants", {"to": to})
        if not invited or not await attempt.until_leg(to, lambda guest: guest.talking, 10):
            attempt.stall(f"inviting {to}")
            return not leg.over
        await leg.until_over(attempt.chance.uniform(1.0, 2.0))
        attempt.tell(f"{leg.number} leaves, {to} has the call")
        await leg.hang_up()
        await guest_finishes(attempt, to)
        return False

    return move


def ordered_swap(order: OrderMove, to: str, then: str) -> Move:
    """A colleague is asked, the customer is spoken with in between; `then` the call is given away, or not."""

    async def move(attempt: Attempt, leg: SipCall) -> bool:
        await asyncio.sleep(attempt.chance.uniform(0.5, 1.5))
        wanted: dict[str, object] = {"to": to, "kind": "attended", "extension": leg.number}
        asked = await order(attempt, "transfer", wanted)
        guest = await attempt.until_leg(to, lambda guest: guest.talking, 10) if asked else None
        if guest is None:
            attempt.stall(f"ordering to ask {to}")
            return not leg.over
        await leg.until_over(attempt.chance.uniform(0.5, 1.5))
        if not await order(attempt, "transfer/swap", {}) or not await _is_heard(attempt, leg):
            attempt.stall("ordering to swap")
            return not leg.over
        await leg.until_over(attempt.chance.uniform(0.5, 1.5))
        if then == "back":
            if not await order(attempt, "transfer/cancel", {}) or not await guest.until_over(8):
                attempt.stall("ordering to go back")
            return not leg.over
        if not await order(attempt, "transfer/complete", {}) or not await leg.until_over(8):
            attempt.stall("ordering the end of a consultation")
            return not leg.over
        await guest_finishes(attempt, to)
        return False

    return move


def ordered_hushes(order: OrderMove, ways: Sequence[str]) -> Move:
    """He holds the customer (`held`) or is muted (`muted`) for a while, one after another."""

    async def move(attempt: Attempt, leg: SipCall) -> bool:
        for way in ways:
            await leg.until_over(attempt.chance.uniform(0.5, 1.5))
            if not leg.over:
                await _is_hushed(attempt, leg, order, way)
        return not leg.over

    return move


async def _is_hushed(attempt: Attempt, leg: SipCall, order: OrderMove, way: str) -> None:
    who = f"participants/{leg.number}"
    if not await order(attempt, who, {way: True}, "PATCH"):
        attempt.stall(f"ordering {way}")
        return
    since = time.time()
    await leg.until_over(attempt.chance.uniform(1.0, 3.0))
    ended = await _until_taken(attempt, leg, order, who, {way: False}, "PATCH")
    attempt.hushed.append(Hushed(leg.number, since, time.time(), music=way == "held"))
    if not ended or not await _is_heard(attempt, leg):
        attempt.stall(f"ordering the end of {way}")


def ordered_pause(order: OrderMove) -> Move:
    """The recording is paused for a while."""

    async def move(attempt: Attempt, leg: SipCall) -> bool:
        await leg.until_over(attempt.chance.uniform(1.5, 2.5))
        if leg.over or not await order(attempt, "recording/pause", {}):
            attempt.stall("ordering a pause of the recording")
            return not leg.over
        since = time.time()
        await leg.until_over(attempt.chance.uniform(1.0, 2.5))
        attempt.paused.append((since, time.time()))
        if not await _until_taken(attempt, leg, order, "recording/resume", {}):
            attempt.stall("ordering the recording to go on")
        return not leg.over

    return move


async def _until_taken(
    attempt: Attempt, leg: SipCall, order: OrderMove, what: str, body: dict[str, object], method: str = "POST"
) -> bool:
    """Order until the service takes it: nobody leaves it at that. True as well when the talk is over before."""
    until = time.monotonic() + PERSISTENT_S
    while not leg.over and not await order(attempt, what, body, method):
        if time.monotonic() > until:
            return False
        await leg.until_over(AGAIN_S)
    return True


async def _is_heard(attempt: Attempt, leg: SipCall) -> bool:
    """Whether the customer hears him now, or need not any more."""
    side = attempt.outside
    return side is None or side.over or leg.over or await side.until_hears(leg.tone, 4) or side.over
