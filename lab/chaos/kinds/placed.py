"""Employees call: customers, and each other."""

from __future__ import annotations

from lab.chaos.attempt import Attempt, Manner
from lab.chaos.floor import Floor
from lab.chaos.kinds.kind import Kind
from lab.chaos.manners import answers, refuses, rings, waits_for_the_other


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
        attempt.outbound, attempt.placed_by = True, attempt.office.manager
        attempt.manners = {
            "outside": [_of_outside(attempt)],
            attempt.placed_by: [answers(0.5, waits_for_the_other)],
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


def _of_outside(attempt: Attempt) -> Manner:
    """Customers who are called: most answer."""
    after = attempt.chance.uniform(0.5, 2.0)
    return attempt.chance.choice(
        [answers(after), answers(after), answers(after), refuses(486, ends=True), refuses(603, 1.0, ends=True), rings]
    )
