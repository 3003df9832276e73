"""What employees have set at their phones decides who is rung."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

from lab.chaos.attempt import Attempt
from lab.chaos.floor import Floor
from lab.chaos.kinds.kind import Kind, group
from lab.chaos.manners import answers, refuses, rings

AGAIN_S = 0.5
PERSISTENT_S = 60.0  # the office is the next call's, which must not find the setting


class Forwarded(Kind):
    """The responsible forwards his calls to a colleague: all of them, when he is busy, or when he does not answer."""

    name = "forwarded"
    weight = 1.5

    async def play(self, floor: Floor, attempt: Attempt) -> None:
        office = attempt.office
        when, manner = attempt.chance.choice(
            [("forward_always", answers(1.0)), ("forward_busy", refuses(486)), ("forward_no_answer", rings)]
        )
        attempt.manners = {office.manager: [manner], office.colleague: [answers(0.5)], **group(attempt)}
        async with _having_set(floor, attempt, when, to=office.colleague, otherwise="") as is_set:
            if is_set and when == "forward_always":
                attempt.not_to_ring.add(office.manager)
            floor.dial_in(attempt)
            await floor.until_hung_up(attempt)


class NotToBeDisturbed(Kind):
    """The responsible does not want to be disturbed; the group takes the call."""

    name = "do not disturb"

    async def play(self, floor: Floor, attempt: Attempt) -> None:
        attempt.manners = {attempt.office.manager: [answers(1.0)], **group(attempt)}
        async with _having_set(floor, attempt, "do_not_disturb", to=True, otherwise=False) as is_set:
            if is_set:
                attempt.not_to_ring.add(attempt.office.manager)
            floor.dial_in(attempt)
            await floor.until_hung_up(attempt)


class CallWaits(Kind):
    """The responsible talks with a colleague when a customer calls, takes the second call too, and has two."""

    name = "call waiting"

    async def play(self, floor: Floor, attempt: Attempt) -> None:
        office = attempt.office
        attempt.bystanders.add(office.colleague)
        attempt.manners = {
            office.manager: [answers(attempt.chance.uniform(0.5, 2.0))],
            office.colleague: [answers(0.3, talks=False)],
            **group(attempt),
        }
        async with _having_set(floor, attempt, "call_waiting", to=True, otherwise=False):
            first = floor.dial_from(attempt, office.manager, office.colleague)
            if not await first.until_talking(8):
                attempt.stall("calling a colleague")
                await first.hang_up()
            floor.dial_in(attempt)
            if await attempt.until_leg(office.manager, lambda leg: leg is not first and leg.talking, 12):
                await first.hold()
            else:
                attempt.stall("ringing a second time")
            await floor.until_hung_up(attempt)
            await first.hang_up()


class Engaged(Kind):
    """The responsible talks with a colleague and wants no second call: the group takes it."""

    name = "responsible is in a call"

    async def play(self, floor: Floor, attempt: Attempt) -> None:
        office = attempt.office
        attempt.bystanders.add(office.colleague)
        attempt.manners = {
            office.manager: [answers(1.0)],
            office.colleague: [answers(0.3, talks=False)],
            **group(attempt),
        }
        first = floor.dial_from(attempt, office.manager, office.colleague)
        if await first.until_talking(8):
            attempt.not_to_ring.add(office.manager)
        else:
            await first.hang_up()
        floor.dial_in(attempt)
        await floor.until_hung_up(attempt)
        await first.hang_up()


@contextlib.asynccontextmanager
async def _having_set(
    floor: Floor, attempt: Attempt, what: str, *, to: object, otherwise: object
) -> AsyncIterator[bool]:
    """While the responsible has set something; tells whether the service took it. Nothing is left of it afterwards."""
    extension = attempt.office.manager
    try:
        yield await floor.set_at(attempt, extension, **{what: to})
    finally:
        until = time.monotonic() + PERSISTENT_S
        while not await floor.set_at(attempt, extension, **{what: otherwise}):
            if time.monotonic() > until:
                attempt.stall(f"ending {what}")
                break
            await asyncio.sleep(AGAIN_S)
