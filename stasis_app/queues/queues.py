"""All queues together: what facts change for the agents, who signs in and out, what is found after a restart."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping

from loguru import logger

from stasis_app.calls import facts as f
from stasis_app.calls.facts import PartyKind
from stasis_app.calls.record import CallRecord
from stasis_app.queues.call_backs import CallBacks, CallBackState, CallMaker, call_back_of
from stasis_app.queues.line import Place
from stasis_app.queues.queue import Queue, QueueSettings
from stasis_app.queues.staff import Staff
from stasis_app.queues.stores import MemoryQueueStore, QueueStore
from stasis_app.queues.view import QueueView
from stasis_app.store import CallBackRow

Hindrance = tuple[str, float, bool]
"""Why an agent can't be rung, for how many seconds that is believed, and whether he is away altogether."""

Examine = Callable[[QueueSettings, str], Awaitable[Hindrance | None]]
"""Asks whether an agent can be rung now, within a budget; None when he can. Raises nothing."""


async def _nothing_hinders(settings: QueueSettings, extension: str) -> Hindrance | None:
    return None


class Queues:
    """Every queue of the plan.

    Args:
        store: what is kept across restarts.
        engaged: whether one of our calls rings or keeps an extension's phone.
        examine: whether an agent can be rung, asked before each offer.
        maker: makes the calls of call-backs.
        clock: Unix time.
        chance: a random number from 0 to 1.
    """

    def __init__(
        self,
        store: QueueStore | None = None,
        *,
        engaged: Callable[[str], bool] = lambda _: False,
        examine: Examine = _nothing_hinders,
        maker: CallMaker | None = None,
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.clock = clock
        self._store = store or MemoryQueueStore()
        self._staff = Staff(self._store, clock, engaged)
        self._examine = examine
        self._chance = chance
        self._queues: dict[str, Queue] = {}
        self._kept_call_backs: list[CallBackRow] = []
        self._moving: dict[str, str] = {}  # legs that are between two calls -> the agent
        self.call_backs = CallBacks(self._store, clock, maker, self.reachable)

    def __iter__(self) -> Iterator[Queue]:
        return iter(self._queues.values())

    def queue(self, name: str, settings: QueueSettings) -> Queue:
        """The queue of an element of the plan, with the settings it has now."""
        queue = self._queues.get(name)
        if queue is None:
            queue = self._queues[name] = Queue(name, settings, self._staff, self.clock, self._chance)
        queue.settings = settings
        return queue

    def get(self, name: str) -> Queue | None:
        """A queue by name."""
        return self._queues.get(name)

    def views(self) -> list[QueueView]:
        """All of them as they are now."""
        return [queue.view() for queue in self._queues.values()]

    def close(self) -> None:
        """Stop offering; who waits keeps his place on the PBX."""
        self.call_backs.cancel()
        for queue in self._queues.values():
            queue.close()

    # After a restart

    async def load(self) -> None:
        """Read what was kept. A store that fails leaves the plan's agents signed in and nobody to call back."""
        try:
            agents, memberships, self._kept_call_backs = await self._store.load()
        except Exception as error:  # callers can wait without it
            logger.error("What was kept of the queues can't be read: {}", type(error).__name__)
            return
        self._staff.load(agents, memberships)

    def restore(self, records: Iterable[CallRecord], past: Mapping[str, CallRecord]) -> None:
        """Calls that had not ended, and by id the records of calls made for call-backs."""
        unfinished = list(records)
        for queue in self._queues.values():
            queue.awaits(r.call_id for r in unfinished if r.visited and r.visited[-1].element == queue.name)
        by_id = {**past, **{record.call_id: record for record in unfinished}}
        for extension, call in self._staff.on_calls():
            if call not in by_id or by_id[call].ended_at is not None:
                self._staff.finished(extension, 0.0)
        for row in self._kept_call_backs:
            found = self._queues.get(row["queue"])
            if found is None:
                logger.bind(call=row["id"]).error("A call-back waits in queue {}, which the plan lacks", row["queue"])
                continue
            self.call_backs.take_up(found, call_back_of(row), by_id.get(row["call_id"]))

    def linked(self) -> None:
        """There is a link to Asterisk, for the first time or again."""
        for queue in self._queues.values():
            queue.linked()

    @property
    def calls_to_look_up(self) -> list[str]:
        """The calls under way for call-backs when the service stopped."""
        return [row["call_id"] for row in self._kept_call_backs if row["state"] == CallBackState.CALLING]

    # What happens

    def on_fact(self, record: CallRecord, fact: f.Fact) -> None:
        """A fact of any call: perhaps an agent is free now. Returns at once."""
        match fact:
            case f.LegEnded(elsewhere=True):
                self._goes_on_elsewhere(record, fact)
            case f.Answered() if fact.leg in self._moving:
                self._staff.moved(self._moving.pop(fact.leg), fact.call_id)
            case f.LegEnded() | f.NotAnswered() if fact.party.kind is PartyKind.EMPLOYEE:
                self._freed(fact.party.number, fact.call_id)
            case f.Ended():
                self.call_backs.ended(record)
                for ring in record.rings:
                    if ring.party.kind is PartyKind.EMPLOYEE:
                        self._freed(ring.party.number, fact.call_id)
                if record.caller.kind is PartyKind.EMPLOYEE:
                    self._freed(record.caller.number, fact.call_id)
                # Whoever was rung where he forwards his calls to has no leg of his own.
                for extension, call in self._staff.on_calls():
                    if call == fact.call_id:
                        self._freed(extension, call)

    def _goes_on_elsewhere(self, record: CallRecord, fact: f.LegEnded) -> None:
        """An agent was joined into another call: there he goes on talking, and is free only after it.

        One who was rung where he forwards his calls to has no leg of his own.
        """
        here = [extension for extension, call in self._staff.on_calls() if call == fact.call_id]
        rung = {ring.party.number for ring in record.rings}
        found = [one for one in here if one == fact.party.number] or [one for one in here if one not in rung]
        if found:
            self._moving[fact.leg] = found[0]

    def _freed(self, extension: str, call: str) -> None:
        agent = self._staff.agent(extension)
        if agent.on_call == call:
            queue = self._queues.get(agent.on_queue)
            if queue is not None:
                queue.handled(self.clock() - agent.last_call_at)
            self._staff.finished(extension, queue.settings.wrap_up if queue else 0.0)
        self._agents_changed(extension)

    def _agents_changed(self, extension: str) -> None:
        for queue in self._queues.values():
            if extension in queue.members:
                queue.agents_changed()

    # Agents

    def sign(self, name: str, extension: str, *, signed_in: bool) -> None:
        """Sign an agent in or out of one queue. Raises KeyError for a queue there is not."""
        queue = self._queues[name]
        self._staff.sign(name, extension, signed_in=signed_in)
        queue.agents_changed()

    def pause(self, extension: str, *, paused: bool, reason: str = "") -> None:
        """An agent pauses in all queues, or goes on."""
        self._staff.pause(extension, paused=paused, reason=reason)
        self._agents_changed(extension)

    def paused(self, extension: str) -> bool:
        """Whether an agent pauses."""
        return self._staff.agent(extension).paused

    def toggle(self, extension: str) -> bool | None:
        """Sign an agent out of all his queues, or into them if he is in none. Whether he is in now; None: has none."""
        his = [queue for queue in self._queues.values() if extension in queue.members]
        if not his:
            return None
        signed_in = not any(queue.signed_in(extension) for queue in his)
        for queue in his:
            self.sign(queue.name, extension, signed_in=signed_in)
        return signed_in

    async def reachable(self, queue: Queue, place: Place) -> list[str]:
        """Which of the agents offered to a place can really be rung; the others are sent away for a while."""
        found = []
        offered = place.offered
        answers = await asyncio.gather(*(self._examine(queue.settings, extension) for extension in offered))
        for extension, hindrance in zip(offered, answers, strict=True):
            if hindrance is None:
                found.append(extension)
            else:
                why, seconds, away = hindrance
                queue.away(place, extension, why, seconds=seconds, away=away)
        return found
