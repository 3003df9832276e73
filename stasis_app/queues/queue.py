"""One queue: its line, its agents, and the dispatcher that brings the two together.

The dispatcher runs when something has happened (a caller came or left, an agent got free, an offer came to nothing) or
when a time kept with an agent is over; it never waits. An agent is offered to one place at a time, over all queues.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from stasis_app.queues.line import Line, Place
from stasis_app.queues.staff import Staff
from stasis_app.queues.strategy import Candidate, Strategy, choose, expected_wait
from stasis_app.queues.view import AgentView, QueueView, agent_view, queue_view

RETURN_PATIENCE = 2.0
"""Seconds nobody is offered after a restart, so that the callers found in the line come back to their old order."""

HANGING_UP = 0.5
"""Seconds after which a phone that is busy is asked after once more: Asterisk may still be ending its last call."""

_NEW_WEIGHT = 0.25  # of the latest call in the average time an agent is busy with one


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """How a queue works; all times in seconds.

    `retry` is how long an agent who let a call ring, or could not be reached, is left out. `wrap_up` is the time an
    agent has for himself after a call. `follow_forwards`: agents who always forward their calls are rung there.
    """

    agents: tuple[str, ...] = ()
    strategy: Strategy = Strategy.RING_ALL
    retry: float = 5.0
    wrap_up: float = 0.0
    follow_working_day: bool = False
    follow_forwards: bool = False
    call_back_attempts: int = 3
    call_back_pause: float = 300.0


class Queue:
    """A waiting line and those who serve it.

    Args:
        name: the element's name.
        settings: how it works.
        staff: the agents of all queues.
        clock: Unix time.
        chance: a random number from 0 to 1, for the strategy that needs one.
    """

    def __init__(
        self,
        name: str,
        settings: QueueSettings,
        staff: Staff,
        clock: Callable[[], float],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self.settings = settings
        self.line = Line()
        self._staff = staff
        self._clock = clock
        self._chance = chance
        self._last = -1
        self._handling: float | None = None
        self._unlinked = False
        self._returning: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._patience: asyncio.TimerHandle | None = None

    # Who serves

    @property
    def members(self) -> list[str]:
        """Everybody who belongs to this queue, in order."""
        return self._staff.members(self.name, self.settings.agents)

    def signed_in(self, extension: str) -> bool:
        """Whether he serves this queue now."""
        return self._staff.signed_in(self.name, extension, listed=extension in self.settings.agents)

    @property
    def serving(self) -> list[str]:
        """Those who serve it and may come to take a call, now or when they are free."""
        return [e for e in self.members if self.signed_in(e) and self._staff.comes(e)]

    @property
    def empty(self) -> bool:
        """Whether it makes no sense to wait: nobody serves it."""
        return not self.serving

    # Who waits

    def enter(self, place: Place) -> None:
        """Somebody takes his place in the line."""
        self.line.add(place)
        self._returned(place.id)
        self.dispatch()

    def leave(self, place: Place) -> None:
        """He leaves: served, gone, or somewhere else in the plan."""
        self._withdraw(place)
        self.line.remove(place)
        self._returned(place.id)
        self._nudge_all()
        self.dispatch()

    def weigh(self, place: Place, weight: int) -> None:
        """The CRM told how important he is."""
        if place in self.line and weight != place.weight:
            place.weight = weight
            self._nudge_all()
            self.dispatch()

    def ready(self, place: Place, *, ready: bool) -> None:
        """Whether he may be offered to agents now; he keeps his position all the same."""
        place.ready = ready
        if not ready:
            self._withdraw(place)
        self.dispatch()

    def ready_again(self, place: Place) -> None:
        """The time a place had to wait for is over."""
        if place in self.line:
            self.ready(place, ready=True)

    def position(self, place: Place) -> int:
        """1 for whoever is next. Call-backs that are being made or have to wait for their time are not counted."""
        return 1 + sum(p.rank < place.rank for p in self.line if not (p.call_back and (p.offered or not p.ready)))

    def expected_wait(self, place: Place) -> float | None:
        """Seconds until his turn, as far as the last calls tell."""
        return expected_wait(self.position(place), self._handling, len(self.serving))

    def awaits(self, calls: Iterable[str]) -> None:
        """Calls that stood in this line before a restart: nobody is offered until they are back.

        They come back once there is a link to Asterisk (see `linked`).
        """
        self._unlinked = True
        self._returning = set(calls)

    def linked(self) -> None:
        """There is a link to Asterisk: whoever stood in the line is back within two seconds, or gone."""
        self._unlinked = False
        if not self._returning:
            self.dispatch()
        elif self._patience is None:
            self._patience = asyncio.get_running_loop().call_later(RETURN_PATIENCE, self._no_longer_awaits)

    def _returned(self, call: str) -> None:
        if call in self._returning:
            self._returning.discard(call)
            if not self._returning:
                self._no_longer_awaits()

    def _no_longer_awaits(self) -> None:
        self._returning.clear()
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self.dispatch()

    # What became of an offer

    def away(self, place: Place, extension: str, why: str, *, seconds: float = 0.0, away: bool = True) -> None:
        """An agent who was offered can't be rung: his phone is off or engaged elsewhere, or his working day is over."""
        pause = max(seconds, self.settings.retry)
        if not away and not self._staff.rested_for(extension, why, within=pause):
            pause = HANGING_UP
        self._staff.rest(extension, pause, why, away=away)
        self._take_back(place, extension)

    def not_answered(self, place: Place, extensions: Collection[str]) -> None:
        """These agents were rung in vain; they are left alone for a moment and tried again later."""
        for extension in extensions:
            place.tries[extension] += 1
            self._staff.rest(extension, self.settings.retry, "did not answer")

    def engaged_for(self, place: Place, extension: str) -> None:
        """An agent is rung or talks for this place since before a restart, perhaps not at his own phone."""
        self._offer(place, (extension,))

    def given_up(self, place: Place) -> None:
        """The offer is over, whatever came of it; the next one may be made."""
        self._withdraw(place)
        self._nudge_all()
        self.dispatch()

    def answered(self, place: Place, extension: str, call: str) -> None:
        """An agent took the call."""
        self._staff.took(extension, call, self.name)
        self.leave(place)

    def served(self, place: Place, extension: str) -> None:
        """An agent called back whoever had this place, and they have talked."""
        self._staff.took(extension, "", self.name)
        self._staff.finished(extension, self.settings.wrap_up)
        self.leave(place)

    def handled(self, seconds: float) -> None:
        """An agent was busy with a call of this queue for so long."""
        was = self._handling
        self._handling = seconds if was is None else was + (seconds - was) * _NEW_WEIGHT

    def _withdraw(self, place: Place) -> None:
        for extension in place.offered:
            self._staff.release(extension, place.id)
        place.offered = ()

    def _take_back(self, place: Place, extension: str) -> None:
        self._staff.release(extension, place.id)
        place.offered = tuple(other for other in place.offered if other != extension)

    # The dispatcher

    def dispatch(self) -> None:
        """Offer free agents to those who wait, the first first."""
        if self._unlinked or self._returning:
            return
        members = [extension for extension in self.members if self.signed_in(extension)]
        for place in self.line:
            if not place.ready or place.offered:
                continue
            chosen = self._choose(place, members)
            if not chosen:
                break
            self._offer(place, chosen)
        self._set_timer(members)

    def _choose(self, place: Place, members: list[str]) -> tuple[str, ...]:
        free = [
            Candidate(extension, at, place.tries[extension], self._staff.calls_today(agent), agent.last_call_at)
            for at, extension in enumerate(members)
            if self._staff.free(extension)
            for agent in (self._staff.agent(extension),)
        ]
        # Whoever ordered a call-back is called by one agent: two could not both talk to him.
        one = place.call_back and self.settings.strategy is Strategy.RING_ALL
        strategy = Strategy.LEAST_RECENT if one else self.settings.strategy
        chosen = choose(strategy, free, last=self._last, chance=self._chance)
        if chosen:
            self._last = members.index(chosen[-1])
        return chosen

    def _offer(self, place: Place, extensions: tuple[str, ...]) -> None:
        for extension in extensions:
            self._staff.reserve(extension, place.id)
        place.offered = extensions
        place.nudge()

    def _set_timer(self, members: list[str]) -> None:
        """Agents whose time of rest ends are looked at again then, as long as somebody waits for them."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not any(place.ready and not place.offered for place in self.line):
            return
        due = [until for extension in members if (until := self._staff.free_from(extension)) is not None]
        if due:
            delay = max(0.0, min(due) - self._clock()) + 0.01
            self._timer = asyncio.get_running_loop().call_later(delay, self._time_is_up)

    def _time_is_up(self) -> None:
        self._timer = None
        self.dispatch()

    def agents_changed(self) -> None:
        """Somebody came, went, paused or got free."""
        self._nudge_all()
        self.dispatch()

    def _nudge_all(self) -> None:
        for place in self.line:
            place.nudge()

    def close(self) -> None:
        """Offer nobody any more, and stop what waits for a time."""
        self._unlinked = True
        for timer in (self._timer, self._patience):
            if timer is not None:
                timer.cancel()

    # What others see

    def view(self) -> QueueView:
        """Everything about it at this moment."""
        return queue_view(self, self._staff, self._clock())

    def agent_view(self, extension: str) -> AgentView:
        """One agent of it."""
        return agent_view(self, self._staff, extension, self._clock())

    @property
    def wait_of_one_more(self) -> float | None:
        """Seconds somebody who came now would wait, as far as the last calls tell."""
        return expected_wait(len(self.line) + 1, self._handling, len(self.serving))
