"""What a kind of call is, and the plain one that most others build on: the responsible answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from lab.chaos.attempt import Attempt, Manner
from lab.chaos.floor import Floor
from lab.chaos.manners import Move, answers, refuses, rings


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


class Responsible(Kind):
    """The responsible answers; moves of others build on this."""

    name = "responsible answers"
    weight = 3.0

    async def play(self, floor: Floor, attempt: Attempt) -> None:
        office = attempt.office
        moves = self.move(floor, attempt)
        attempt.manners[office.manager] = [answers(attempt.chance.uniform(0.3, 2.0), *moves), answers(0.5)]
        attempt.manners[office.colleague] = [self.colleague(attempt)]
        attempt.manners |= group(attempt)  # should the service be restarted when he no longer rings
        floor.dial_in(attempt)
        await floor.until_hung_up(attempt)

    def colleague(self, attempt: Attempt) -> Manner:
        """How the colleague behaves whom a move leads to."""
        return answers(attempt.chance.uniform(0.3, 2.0))


def group(attempt: Attempt) -> dict[str, list[Manner]]:
    """Of the three of a group one answers; of the others one rings and one may be busy."""
    phones = list(attempt.office.group)
    attempt.chance.shuffle(phones)
    other: Manner = attempt.chance.choice([rings, refuses(486), refuses(603, 0.7)])
    after = attempt.chance.uniform(0.3, 1.5)
    return {phones[0]: [answers(after)], phones[1]: [rings], phones[2]: [other]}
