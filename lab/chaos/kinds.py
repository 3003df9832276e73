"""The kinds of calls people make. One more kind is one more small class in `KINDS`."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from lab.chaos.attempt import Attempt, Manner
from lab.chaos.floor import Floor
from lab.chaos.manners import (
    Move,
    answers,
    asks_by_keys,
    asks_by_phone,
    holds,
    ordered_conference,
    ordered_consultation,
    ordered_transfer,
    presses_transfer,
    refers,
    refuses,
    rings,
)


class Kind(ABC):
    """One kind of call. `weight` is how often it happens beside the others."""

    name: ClassVar[str]
    weight: ClassVar[float] = 1.0
    line: ClassVar[str] = "responsible"  # what the customer dials; "" when he is called, "-" when there is none

    @property
    def needs_client(self) -> bool:
        """Whether the customer has to be one the CRM knows."""
        return self.line == "responsible"

    @abstractmethod
    async def play(self, floor: Floor, attempt: Attempt) -> None:
        """Make the call and see it to its end."""

    def move(self, floor: Floor, attempt: Attempt) -> Sequence[Move]:
        """What who answers does in the talk."""
        return ()


# ---------------------------------------------------------------- customers call


class Responsible(Kind):
    """The responsible answers; moves of others build on this."""

    name = "responsible answers"
    weight = 3.0

    async def play(self, floor: Floor, attempt: Attempt) -> None:
        office = attempt.office
        moves = self.move(floor, attempt)
        attempt.manners = {office.manager: [answers(attempt.chance.uniform(0.3, 2.0), *moves), answers(0.5)]}
        attempt.manners[office.colleague] = [self.colleague(attempt)]
        attempt.manners |= _group(attempt)  # should the service be restarted when he no longer rings
        floor.dial_in(attempt)
        await floor.until_hung_up(attempt)

    def colleague(self, attempt: Attempt) -> Manner:
        """How the colleague behaves whom a move leads to."""
        return answers(attempt.chance.uniform(0.3, 2.0))


class ResponsibleAway(Kind):
    """The responsible does not answer, is busy or declines; the group takes it."""

    name = "responsible does not, group does"
    weight = 2.0

    async def play(self, floor: Floor, attempt: Attempt) -> None:
        ways: list[Manner] = [rings, refuses(486), refuses(603, 1.0), refuses(480), answers(0.5)]
        attempt.manners = {attempt.office.manager: [attempt.chance.choice(ways[:4])], **_group(attempt)}
        floor.dial_in(attempt)
        await floor.until_hung_up(attempt)


class Menu(Kind):
    """The customer presses a key, or none."""

    name = "menu"
    weight = 3.0
    line = "menu"

    async def play(self, floor: Floor, attempt: Attempt) -> None:
        attempt.manners = _group(attempt)
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
        attempt.manners = _group(attempt)
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
        if not await side.until_over(after):
            attempt.end("the customer")
            await side.hang_up()


class QueueAnswers(GroupAnswers):
    """The customer waits in a line with music until an agent is free."""

    name = "queue"
    line = "queue"


class LeavesMessage(Kind):
    """The customer leaves a message."""

    name = "voicemail"
    line = "voicemail"

    async def play(self, floor: Floor, attempt: Attempt) -> None:
        attempt.leaves_message = True
        side = floor.dial_in(attempt)
        if not await side.until_over(attempt.chance.uniform(4.0, 7.0)):
            attempt.end("the customer")
            await side.hang_up()


class PickedUp(Kind):
    """A colleague takes a call that rings at the responsible's phone (API)."""

    name = "pickup"

    async def play(self, floor: Floor, attempt: Attempt) -> None:
        office = attempt.office
        attempt.manners = {office.manager: [rings], office.colleague: [answers(0.3)], **_group(attempt)}
        floor.dial_in(attempt)
        if await attempt.until_leg(office.manager, lambda leg: not leg.over, 10):
            await asyncio.sleep(1.0)
            await floor.order_move(attempt, "pickup", {"extension": office.colleague})
        await floor.until_hung_up(attempt)


# ---------------------------------------------------------------- what happens in the talk


class Holds(Responsible):
    """Hold and resume."""

    name = "hold"

    def move(self, floor: Floor, attempt: Attempt) -> Sequence[Move]:
        return (holds,)


class RefersBlind(Responsible):
    """Blind transfer by the phone."""

    name = "blind transfer by the phone"
    weight = 1.5

    def move(self, floor: Floor, attempt: Attempt) -> Sequence[Move]:
        return (refers(attempt.office.colleague),)


class RefersToNobody(RefersBlind):
    """Who is to take the call does not, so it comes back."""

    name = "blind transfer comes back"
    weight = 1.0

    def colleague(self, attempt: Attempt) -> Manner:
        return attempt.chance.choice([refuses(486), refuses(603, 1.0)])


class TransfersByKeys(Responsible):
    """Blind transfer by ##."""

    name = "blind transfer by keys"

    def move(self, floor: Floor, attempt: Attempt) -> Sequence[Move]:
        return (presses_transfer(attempt.office.colleague),)


class AsksByPhone(Responsible):
    """Attended transfer by the phone."""

    name = "attended transfer by the phone"
    weight = 1.5

    def move(self, floor: Floor, attempt: Attempt) -> Sequence[Move]:
        return (asks_by_phone(floor.dial_from, attempt.office.colleague),)

    def colleague(self, attempt: Attempt) -> Manner:
        return answers(attempt.chance.uniform(0.3, 1.5), talks=False)


class AsksByKeys(AsksByPhone):
    """Attended transfer by *2: given away, taken back, a conference, or the customer does not wait for it."""

    name = "attended transfer by keys"
    weight = 2.0

    def move(self, floor: Floor, attempt: Attempt) -> Sequence[Move]:
        then = attempt.chance.choice(["given away", "back", "conference", "customer leaves"])
        attempt.tell(f"to be {then}")
        return (asks_by_keys(attempt.office.colleague, then),)


class TransfersByApi(Responsible):
    """Blind transfer ordered of the service."""

    name = "blind transfer by the API"

    def move(self, floor: Floor, attempt: Attempt) -> Sequence[Move]:
        return (ordered_transfer(floor.order_move, attempt.office.colleague),)


class AsksByApi(AsksByPhone):
    """Attended transfer ordered of the service."""

    name = "attended transfer by the API"

    def move(self, floor: Floor, attempt: Attempt) -> Sequence[Move]:
        return (ordered_consultation(floor.order_move, attempt.office.colleague),)


class InvitesByApi(AsksByPhone):
    """A colleague is invited into the conversation, and stays alone with the customer."""

    name = "conference by the API"

    def move(self, floor: Floor, attempt: Attempt) -> Sequence[Move]:
        return (ordered_conference(floor.order_move, attempt.office.colleague),)


# ---------------------------------------------------------------- employees call


class DialsOut(Kind):
    """An employee dials a customer, who answers, refuses or is not there."""

    name = "outbound, dialled"
    weight = 2.0
    line = ""

    async def play(self, floor: Floor, attempt: Attempt) -> None:
        attempt.outbound, attempt.placed_by = True, attempt.office.manager
        attempt.manners = {"outside": [_of_outside(attempt)], attempt.office.colleague: [answers(0.5, talks=False)]}
        caller = attempt.caller = floor.dial_from(attempt, attempt.placed_by, attempt.customer)
        if not await caller.until_over(attempt.chance.uniform(12, 16)):
            attempt.end(attempt.placed_by)
            await caller.hang_up()


class OrdersOut(Kind):
    """A call ordered by the API: the employee's phone rings first."""

    name = "outbound, ordered"
    weight = 1.0
    line = ""

    async def play(self, floor: Floor, attempt: Attempt) -> None:
        attempt.outbound, attempt.placed_by, attempt.ordered = True, attempt.office.manager, True
        attempt.manners = {
            "outside": [_of_outside(attempt)],
            attempt.placed_by: [answers(0.5, _waits_for_the_other)],
        }
        if await floor.order(attempt, attempt.placed_by, attempt.customer):
            await attempt.until_leg(attempt.placed_by, lambda leg: leg.over, 30)


class Internal(Kind):
    """One employee calls another."""

    name = "internal"
    line = "-"

    async def play(self, floor: Floor, attempt: Attempt) -> None:
        attempt.placed_by = attempt.office.manager
        manner: Manner = attempt.chance.choice([answers(1.0), refuses(486, ends=True)])
        attempt.manners = {attempt.office.colleague: [manner]}
        caller = attempt.caller = floor.dial_from(attempt, attempt.placed_by, attempt.office.colleague)
        if not await caller.until_over(15):
            attempt.end(attempt.placed_by)
            await caller.hang_up()


KINDS: Sequence[Kind] = (
    Responsible(),
    ResponsibleAway(),
    Menu(),
    GroupAnswers(),
    TurnAnswers(),
    QueueAnswers(),
    LeavesMessage(),
    PickedUp(),
    NobodyAnswers(),
    GivesUp(),
    Holds(),
    RefersBlind(),
    RefersToNobody(),
    TransfersByKeys(),
    AsksByPhone(),
    AsksByKeys(),
    TransfersByApi(),
    AsksByApi(),
    InvitesByApi(),
    DialsOut(),
    OrdersOut(),
    Internal(),
)


# ---------------------------------------------------------------- who answers


def _group(attempt: Attempt) -> dict[str, list[Manner]]:
    """Of the three of a group one answers; of the others one rings and one may be busy."""
    phones = list(attempt.office.group)
    attempt.chance.shuffle(phones)
    other: Manner = attempt.chance.choice([rings, refuses(486), refuses(603, 0.7)])
    after = attempt.chance.uniform(0.3, 1.5)
    return {phones[0]: [answers(after)], phones[1]: [rings], phones[2]: [other]}


def _of_outside(attempt: Attempt) -> Manner:
    """Customers who are called: most answer."""
    after = attempt.chance.uniform(0.5, 2.0)
    return attempt.chance.choice(
        [answers(after), answers(after), answers(after), refuses(486, ends=True), refuses(603, 1.0, ends=True), rings]
    )


async def _waits_for_the_other(attempt: Attempt, leg: object) -> bool:
    """Whoever is connected to a customer waits for him to answer; the customer's side ends the talk."""
    for _ in range(300):
        if attempt.outside and (attempt.outside.talking or attempt.outside.over):
            break
        await asyncio.sleep(0.05)
    return True
