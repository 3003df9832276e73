"""Calls that employees placed, and then give to somebody else."""

from __future__ import annotations

from lab.chaos.attempt import Attempt, Manner
from lab.chaos.floor import Floor
from lab.chaos.kinds.kind import Kind
from lab.chaos.manners import (
    Move,
    answers,
    asks_by_keys,
    asks_by_phone,
    presses_transfer,
    refers,
    waits_for_the_other,
)
from lab.chaos.orders import ordered_consultation, ordered_transfer


class DialledGivenBlind(Kind):
    """An employee dials a customer, talks with him and transfers him: by the phone, by keys or by the API."""

    name = "outbound, dialled, blind transfer"
    weight = 1.5
    line = ""

    async def play(self, floor: Floor, attempt: Attempt) -> None:
        attempt.outbound, attempt.placed_by, attempt.gives_away = True, attempt.office.manager, True
        attempt.manners = {
            "outside": [answers(attempt.chance.uniform(0.5, 2.0), talks=False)],
            attempt.placed_by: [answers(0.5)],  # should it come back
            attempt.office.colleague: [self.colleague(attempt)],
        }
        move = self.way(floor, attempt)
        caller = attempt.caller = floor.dial_from(attempt, attempt.placed_by, attempt.customer)
        if not await caller.until_talking(10):
            attempt.stall("dialling the customer")
            await caller.hang_up()
        elif await move(attempt, caller):
            await attempt.finish(caller)
        await floor.until_hung_up(attempt)

    def way(self, floor: Floor, attempt: Attempt) -> Move:
        """How it is given away."""
        return blind_way(floor, attempt)

    def colleague(self, attempt: Attempt) -> Manner:
        """How the colleague behaves who is to take it."""
        return answers(attempt.chance.uniform(0.3, 2.0))


class DialledGivenAttended(DialledGivenBlind):
    """The same, but the colleague is asked first."""

    name = "outbound, dialled, attended transfer"

    def way(self, floor: Floor, attempt: Attempt) -> Move:
        return attended_way(floor, attempt)

    def colleague(self, attempt: Attempt) -> Manner:
        return answers(attempt.chance.uniform(0.3, 1.5), talks=False)


class OrderedGivenBlind(DialledGivenBlind):
    """A call ordered by the API is given away."""

    name = "outbound, ordered, blind transfer"
    weight = 1.0

    async def play(self, floor: Floor, attempt: Attempt) -> None:
        attempt.outbound, attempt.placed_by = True, attempt.office.manager
        attempt.manners = {
            "outside": [answers(attempt.chance.uniform(0.5, 2.0), talks=False)],
            attempt.placed_by: [answers(0.5, waits_for_the_other, self.way(floor, attempt)), answers(0.5)],
            attempt.office.colleague: [self.colleague(attempt)],
        }
        if await floor.order(attempt, attempt.placed_by, attempt.customer):
            await attempt.until_leg(attempt.placed_by, lambda leg: leg.over, 30)
            await floor.until_hung_up(attempt)


class OrderedGivenAttended(OrderedGivenBlind):
    """The same, but the colleague is asked first."""

    name = "outbound, ordered, attended transfer"

    def way(self, floor: Floor, attempt: Attempt) -> Move:
        return attended_way(floor, attempt)

    def colleague(self, attempt: Attempt) -> Manner:
        return answers(attempt.chance.uniform(0.3, 1.5), talks=False)


class InternalGiven(Kind):
    """An employee calls another, and one of the two gives the other to a third."""

    name = "internal, transferred"
    line = "-"

    async def play(self, floor: Floor, attempt: Attempt) -> None:
        office = attempt.office
        attempt.placed_by, attempt.gives_away = office.manager, True
        blind = attempt.chance.random() < 0.5
        move = (blind_way if blind else attended_way)(floor, attempt)
        called_gives = attempt.chance.random() < 0.5
        attempt.manners = {
            office.manager: [answers(0.5)],  # should it come back
            office.group[0]: [answers(0.5, *([move] if called_gives else ()), talks=called_gives), answers(0.5)],
            office.colleague: [answers(attempt.chance.uniform(0.3, 1.5), talks=blind)],
        }
        caller = attempt.caller = floor.dial_from(attempt, office.manager, office.group[0])
        if not await caller.until_talking(10):
            attempt.stall("calling a colleague")
            await caller.hang_up()
        elif not called_gives and await move(attempt, caller):
            await attempt.finish(caller)


def blind_way(floor: Floor, attempt: Attempt) -> Move:
    """A blind transfer to the colleague, in any of the three ways."""
    to = attempt.office.colleague
    return attempt.chance.choice([refers(to), presses_transfer(to), ordered_transfer(floor.order_move, to)])


def attended_way(floor: Floor, attempt: Attempt) -> Move:
    """An attended transfer to the colleague, in any of the three ways."""
    to = attempt.office.colleague
    ways = [
        asks_by_phone(floor.dial_from, to),
        asks_by_keys(to, attempt.chance.choice(["given away", "back", "conference"])),
        ordered_consultation(floor.order_move, to),
    ]
    return attempt.chance.choice(ways)
