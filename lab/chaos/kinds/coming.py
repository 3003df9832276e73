"""Customers call, and this or that happens until somebody answers."""

from __future__ import annotations

import asyncio
import time

from lab.chaos.attempt import Attempt, Manner
from lab.chaos.company import CALL_BACK_KEY
from lab.chaos.floor import Floor
from lab.chaos.kinds.kind import Kind, group
from lab.chaos.manners import answers, refuses, rings, waits_for_the_other
from lab.sip_call import SipCall


class ResponsibleAway(Kind):
    """The responsible does not answer, is busy or declines; the group takes it."""

    name = "responsible does not, group does"
    weight = 2.0

    async def play(self, floor: Floor, attempt: Attempt) -> None:
        ways: list[Manner] = [rings, refuses(486), refuses(603, 1.0), refuses(480), answers(0.5)]
        attempt.manners = {attempt.office.manager: [attempt.chance.choice(ways[:4])], **group(attempt)}
        floor.dial_in(attempt)
        await floor.until_hung_up(attempt)


class Menu(Kind):
    """The customer presses a key, or none."""

    name = "menu"
    weight = 3.0
    line = "menu"

    async def play(self, floor: Floor, attempt: Attempt) -> None:
        attempt.manners = group(attempt)
        side = floor.dial_in(attempt)
        key = attempt.chance.choice(["1", "2", "", "9"])
        if key and await side.until_talking(20):
            await asyncio.sleep(attempt.chance.uniform(0.2, 1.2))
            attempt.tell(f"the customer presses {key}")
            await side.press(key)
        await floor.until_hung_up(attempt)


class GroupAnswers(Kind):
    """One of a group answers, sometimes two in the same instant."""

    name = "group, all at once"
    weight = 2.0
    line = "group"

    async def play(self, floor: Floor, attempt: Attempt) -> None:
        attempt.manners = group(attempt)
        if attempt.chance.random() < 0.3:
            attempt.manners = {phone: [answers(1.0)] for phone in attempt.office.group}
        floor.dial_in(attempt)
        await floor.until_hung_up(attempt)


class TurnAnswers(GroupAnswers):
    """One of a group rung in turn answers."""

    name = "group, in turn"
    line = "turn"


class NobodyAnswers(Kind):
    """Nobody answers, and the plan ends it."""

    name = "nobody answers"
    line = "group"

    async def play(self, floor: Floor, attempt: Attempt) -> None:
        attempt.plan_ends = True
        attempt.manners = {phone: [attempt.chance.choice([rings, refuses(486)])] for phone in attempt.office.group}
        floor.dial_in(attempt)
        await floor.until_hung_up(attempt)


class GivesUp(Kind):
    """The customer hangs up before anybody answers, in whatever phase that is, or in the instant of the answer."""

    name = "customer gives up"
    weight = 2.0

    async def play(self, floor: Floor, attempt: Attempt) -> None:
        attempt.gives_up = True
        attempt.line = attempt.office.line(attempt.chance.choice(["responsible", "menu", "group", "turn"]))
        after = attempt.chance.choice([0.05, 0.2, 1.0, 2.0, 3.5])
        race = attempt.chance.random() < 0.3
        manner: Manner = answers(after + attempt.chance.uniform(-0.02, 0.02)) if race else rings
        attempt.manners = {phone: [manner] for phone in attempt.office.phones}
        side = floor.dial_in(attempt)
        await attempt.customer_leaves_after(side, after)


class QueueAnswers(GroupAnswers):
    """The customer waits in a line with music until an agent is free."""

    name = "queue"
    line = "queue"


class CalledBack(Kind):
    """The customer would rather be called back than wait; an agent's phone rings first, then his."""

    name = "called back by a queue"
    line = "call_back"

    async def play(self, floor: Floor, attempt: Attempt) -> None:
        attempt.manners = {
            phone: [rings, answers(0.3 + 0.4 * n, waits_for_the_other)] for n, phone in enumerate(attempt.office.group)
        }
        attempt.manners["outside"] = [answers(attempt.chance.uniform(0.5, 2.0), talks=False)]
        side = floor.dial_in(attempt)
        if not await side.until_talking(20) or not await self._asks(attempt, side):
            await floor.until_hung_up(attempt)
            return
        if await attempt.until_called_back(45):
            await floor.until_hung_up(attempt)
        else:
            attempt.stall("being called back")

    async def _asks(self, attempt: Attempt, side: SipCall) -> bool:
        """Whether it is settled: the service thanks him and hangs up."""
        for key in (CALL_BACK_KEY, "1"):
            if await side.until_over(attempt.chance.uniform(0.8, 1.5)):
                return False
            attempt.tell(f"the customer presses {key}")
            await side.press(key)
        attempt.asked_back_at = time.time()
        return await side.until_over(12) and bool(side.dialog.ended_at) and not side.dialog.hung_up_here


class LeavesMessage(Kind):
    """The customer leaves a message."""

    name = "voicemail"
    line = "voicemail"

    async def play(self, floor: Floor, attempt: Attempt) -> None:
        attempt.leaves_message = True
        side = floor.dial_in(attempt)
        await attempt.customer_leaves_after(side, attempt.chance.uniform(4.0, 7.0))


class PickedUp(Kind):
    """A colleague takes a call that rings at the responsible's phone (API)."""

    name = "pickup"

    async def play(self, floor: Floor, attempt: Attempt) -> None:
        office = attempt.office
        attempt.manners = {office.manager: [rings], office.colleague: [answers(0.3)], **group(attempt)}
        floor.dial_in(attempt)
        if await attempt.until_leg(office.manager, lambda leg: not leg.over, 10):
            await asyncio.sleep(1.0)
            await floor.order_move(attempt, "pickup", {"extension": office.colleague})
        await floor.until_hung_up(attempt)
