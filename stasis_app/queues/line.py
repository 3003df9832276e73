"""The waiting line: who waits, since when, and who is next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

CALL_BACK_PREFIX = "call-back-"
"""Of the id of a place whose caller has hung up; the id of his call follows."""


def _nobody() -> None:
    return None


@dataclass(slots=True)
class Place:
    """A place in the line, of a caller or (`call_back`) of somebody who will be called.

    `since` is the Unix time he came; `weight` goes before it: the heavier is served first. `offered` are the agents who
    are being rung for him now. A place that is not `ready` keeps its position and is offered to nobody. `nudge` is
    called whenever something about it changes.
    """

    id: str
    since: float
    number: str = ""
    weight: int = 0
    call_back: bool = False
    ready: bool = True
    offered: tuple[str, ...] = ()
    tries: Counter[str] = field(default_factory=Counter)
    nudge: Callable[[], None] = _nobody

    @property
    def rank(self) -> tuple[int, float, str]:
        """Sorts places: the heavier first, then who came first."""
        return -self.weight, self.since, self.id


class Line:
    """All places of one queue."""

    def __init__(self) -> None:
        self._places: dict[str, Place] = {}

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, place: Place) -> bool:
        return self._places.get(place.id) is place

    def __iter__(self) -> Iterator[Place]:
        """In the order they are served."""
        return iter(sorted(self._places.values(), key=lambda place: place.rank))

    def add(self, place: Place) -> None:
        """One more; a former place of the same id is replaced."""
        self._places[place.id] = place

    def remove(self, place: Place) -> None:
        """He has left, for whatever reason; nothing happens when he is gone already."""
        if place in self:
            del self._places[place.id]
