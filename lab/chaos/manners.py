"""What people at desk phones do with a call: answer, refuse, let it ring; and what they do in a talk."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from lab.chaos.attempt import Attempt, Hushed, Manner
from lab.sip_call import SipCall

# A move in the middle of a talk; true when whoever makes it still has the call afterwards.
Move = Callable[[Attempt, SipCall], Awaitable[bool]]
FAREWELL_S = 0.2  # a phone whose transfer went well hangs up so soon


def answers(after: float, *moves: Move, talks: bool = True) -> Manner:
    """Ring, answer, make the moves, and (`talks`) end the call some time later."""

    async def manner(attempt: Attempt, leg: SipCall) -> None:
        leg.ring()
        if await leg.until_over(after):
            return
        leg.answer()
        if not await leg.until(lambda: bool(leg.dialog.confirmed_at), 5):
            return
        attempt.tell(f"{leg.number} has answered")
        for move in moves:
            if leg.over or not await move(attempt, leg):
                return
        if talks:
            await attempt.finish(leg)

    return manner


def refuses(status: int, after: float = 0.0, *, ends: bool = False) -> Manner:
    """Refuse, at once or after ringing; `ends` when that is the end of the whole call."""

    async def manner(attempt: Attempt, leg: SipCall) -> None:
        if after:
            leg.ring()
            if await leg.until_over(after):
                return
        attempt.tell(f"{leg.number} refuses with {status}")
        if ends:
            attempt.end(leg.number)
        leg.refuse(status)

    return manner


async def rings(attempt: Attempt, leg: SipCall) -> None:
    """Ring, and nobody comes."""
    leg.ring()


# ---------------------------------------------------------------- moves


async def waits_for_the_other(attempt: Attempt, leg: SipCall) -> bool:
    """Whoever is connected to a customer waits for him to answer; the customer's side ends the talk."""
    for _ in range(300):
        if attempt.outside and (attempt.outside.talking or attempt.outside.over):
            break
        await asyncio.sleep(0.05)
    return True


async def holds(attempt: Attempt, leg: SipCall) -> bool:
    """Put the customer on hold for a while."""
    await asyncio.sleep(attempt.chance.uniform(0.5, 1.5))
    attempt.tell(f"{leg.number} holds")
    if await leg.hold() >= 300:
        attempt.stall("hold")
    since = time.time()
    await leg.until_over(attempt.chance.uniform(1.0, 3.0))
    attempt.tell(f"{leg.number} resumes")
    attempt.hushed.append(Hushed(leg.number, since, time.time(), music=True))
    if not leg.over and await leg.resume() >= 300:
        attempt.stall("resume")
    return not leg.over


def refers(to: str) -> Move:
    """Blind transfer by the phone (REFER)."""

    async def move(attempt: Attempt, leg: SipCall) -> bool:
        await asyncio.sleep(attempt.chance.uniform(0.5, 2.0))
        attempt.tell(f"{leg.number} transfers to {to} (REFER)")
        status, before = await leg.transfer(to)
        if not 200 <= status < 300:
            attempt.stall(f"REFER to {to} answered with {status}")
            return not leg.over
        told = await leg.until_transferred(before, 8)
        if 200 <= told < 300 or leg.over:
            await asyncio.sleep(FAREWELL_S)
            await leg.hang_up()
            return False
        attempt.stall(f"REFER to {to} told {told}")
        return True

    return move


def presses_transfer(to: str) -> Move:
    """Blind transfer by keys: ## and the number."""

    async def move(attempt: Attempt, leg: SipCall) -> bool:
        await asyncio.sleep(attempt.chance.uniform(0.7, 2.0))
        attempt.tell(f"{leg.number} presses ## {to}")
        await leg.press("##")
        await asyncio.sleep(0.8)
        await leg.press(f"{to}#")
        if await leg.until_over(8):
            return False
        attempt.stall(f"## {to}")
        return True

    return move


def asks_by_phone(dial: Callable[[Attempt, str, str], SipCall], to: str) -> Move:
    """Attended transfer by the phone: hold, a second call, REFER with Replaces."""

    async def move(attempt: Attempt, leg: SipCall) -> bool:
        await asyncio.sleep(attempt.chance.uniform(0.5, 1.5))
        given = await _asks_and_connects(attempt, leg, dial, to)
        if given:
            await guest_finishes(attempt, to)
        return not given and not leg.over

    return move


def asks_queue_by_phone(dial: Callable[[Attempt, str, str], SipCall], to: str) -> Move:
    """The same with a queue: the two are connected while it still looks for an agent, or when one has answered."""

    async def move(attempt: Attempt, leg: SipCall) -> bool:
        await asyncio.sleep(attempt.chance.uniform(0.5, 1.5))
        given = await _asks_and_connects(attempt, leg, dial, to)
        return not given and not leg.over

    return move


async def _asks_and_connects(
    attempt: Attempt, leg: SipCall, dial: Callable[[Attempt, str, str], SipCall], to: str
) -> bool:
    """Whether the call was given away; if not, he has the customer again."""
    attempt.tell(f"{leg.number} holds and asks {to}")
    await leg.hold()
    since = time.time()
    second = dial(attempt, leg.number, to)
    given = False
    if await second.until_talking(8):
        await asyncio.sleep(attempt.chance.uniform(0.5, 1.5))
        attempt.tell(f"{leg.number} connects them (REFER with Replaces)")
        status, before = await leg.transfer(to, second)
        told = await leg.until_transferred(before, 8) if 200 <= status < 300 else status
        given = 200 <= told < 300 or leg.over
        if not given:
            attempt.stall(f"REFER with Replaces to {to} told {told}")
    else:
        attempt.stall(f"asking {to}")
    attempt.hushed.append(Hushed(leg.number, since, time.time(), music=True))
    if given:
        await asyncio.sleep(FAREWELL_S)
        await leg.hang_up()
    await second.hang_up()
    if not given:
        await leg.resume()
    return given


def asks_by_keys(to: str, then: str) -> Move:
    """Attended transfer by keys: *2 and the number; `then` he gives it away, goes back, or has all three talk."""

    async def move(attempt: Attempt, leg: SipCall) -> bool:
        await asyncio.sleep(attempt.chance.uniform(0.7, 1.5))
        attempt.tell(f"{leg.number} presses *2 {to}")
        await leg.press("*2")
        await asyncio.sleep(0.8)
        await leg.press(f"{to}#")
        guest = await attempt.until_leg(to, lambda asked: asked.talking, 10)
        if guest is None or leg.over:
            attempt.stall(f"*2 {to}")
            return not leg.over
        await asyncio.sleep(attempt.chance.uniform(1.0, 2.0))
        if then == "customer leaves" and attempt.outside:
            attempt.end("the customer")
            await attempt.outside.hang_up()
            await leg.until_over(attempt.chance.uniform(0.5, 2.0))  # the two go on talking as long as they like
            await leg.hang_up()
            return False
        if then == "back":
            return await _goes_back(attempt, leg, guest)
        if then == "conference":
            attempt.tell(f"{leg.number} presses *3: all three talk")
            await leg.press("*3")
            await leg.until_over(2.5)
        attempt.tell(f"{leg.number} hangs up, {to} has the call")
        await leg.hang_up()
        await guest_finishes(attempt, to)
        return False

    return move


async def _goes_back(attempt: Attempt, leg: SipCall, guest: SipCall) -> bool:
    attempt.tell(f"{leg.number} presses *1: back to the customer")
    await leg.press("*1")
    if not await guest.until_over(8):
        attempt.stall("*1")
    return not leg.over


async def guest_finishes(attempt: Attempt, to: str) -> None:
    """Whoever the call was given to talks for a while, and ends it."""
    guest = await attempt.until_leg(to, lambda leg: leg.talking, 3)
    if guest is not None:
        await attempt.finish(guest)
