"""The faults of a run as excuses: which of them were on when, and what nobody could know meanwhile."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lab.chaos.faults import Reach, Strike
from lab.chaos.sight import EDGE_S


@dataclass
class Weather:
    """What struck, and when."""

    strikes: Sequence[Strike]

    def unseen(self, since: float, until: float) -> bool:
        """Whether the service could know nothing of that whole time."""
        return any(began <= since and until <= ended for began, ended in self._absences())

    def _absences(self) -> list[tuple[float, float]]:
        """When the service could note nothing: what it saw in the moment between two faults may not be on disk."""
        found: list[tuple[float, float]] = []
        for strike in sorted(self.of(Reach.SERVICE, Reach.ASTERISK), key=lambda strike: strike.at):
            began, ended = strike.at - EDGE_S, (strike.over_at or math.inf) + EDGE_S
            if found and strike.at <= found[-1][1]:
                began, _ = found.pop()
            found.append((began, ended))
        return found

    def met(self, since: float, until: float, *reaches: Reach) -> bool:
        """Whether such a fault was on at some moment."""
        return any(s.at - EDGE_S <= until and since <= (s.over_at or until) + EDGE_S for s in self.of(*reaches))

    def of(self, *reaches: Reach) -> Iterator[Strike]:
        """The faults that reach so far."""
        return (strike for strike in self.strikes if strike.reach in reaches)

    def loses_answers(self, since: float, until: float) -> bool:
        """Whether answers of the portal may have got lost at some moment of that time."""
        return any(s.loses_answers and s.at <= until and since <= (s.over_at or until) for s in self.strikes)
