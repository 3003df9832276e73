"""Which agents are offered a call: pure functions over what is known of the free ones."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Strategy(StrEnum):
    """In which order the agents of a queue are rung. All but ring_all ring one at a time."""

    RING_ALL = "ring_all"
    LINEAR = "linear"
    ROUND_ROBIN = "round_robin"
    LEAST_RECENT = "least_recent"
    FEWEST_CALLS = "fewest_calls"
    RANDOM = "random"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A free agent. `position` is his place in the queue's list, `tries` how often this call has rung him in vain."""

    extension: str
    position: int
    tries: int = 0
    calls: int = 0  # taken today
    last_call_at: float = 0.0  # Unix time his last call ended, 0 when he had none


def choose(
    strategy: Strategy,
    free: Sequence[Candidate],
    *,
    last: int = -1,
    chance: Callable[[], float] = random.random,
) -> tuple[str, ...]:
    """The agents to ring now, () when nobody is free.

    An agent whom this call has not rung yet goes before one who let it ring, whatever the strategy: else the call would
    come back to the first of the list for ever. `last` is the position of the agent the queue rang last (-1: nobody).
    """
    if not free:
        return ()
    if strategy is Strategy.RING_ALL:
        return tuple(agent.extension for agent in sorted(free, key=lambda a: a.position))

    def turn(agent: Candidate) -> tuple[float, ...]:
        match strategy:
            case Strategy.ROUND_ROBIN:
                return (agent.position <= last, agent.position)
            case Strategy.LEAST_RECENT:
                return (agent.last_call_at, agent.position)
            case Strategy.FEWEST_CALLS:
                return (agent.calls, agent.last_call_at, agent.position)
            case Strategy.RANDOM:
                return (chance(),)
            case _:
                return (agent.position,)

    return (min(free, key=lambda agent: (agent.tries, *turn(agent))).extension,)


def expected_wait(position: int, handling: float | None, agents: int) -> float | None:
    """Seconds until the turn of whoever is at this position (from 1) comes; None when nobody can say.

    `handling` is how long an agent is busy with a call, on average; `agents` how many serve the queue.
    """
    if handling is None or agents < 1:
        return None
    return handling * position / agents
