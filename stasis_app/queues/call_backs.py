"""Callers who would rather be called back than wait: they keep their place, an agent is called first when it comes.

Orders are kept on disk. What became of a call-back is read from its call's
record, so a restart in the middle of one changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Protocol

from loguru import logger

from stasis_app.calls.facts import PartyKind
from stasis_app.calls.record import CallRecord
from stasis_app.queues.line import CALL_BACK_PREFIX, Place
from stasis_app.queues.queue import Queue
from stasis_app.queues.stores import QueueStore
from stasis_app.store import CallBackRow


class CallBackState(StrEnum):
    """How far a call-back has come."""

    WAITING = "waiting"
    CALLING = "calling"
    DONE = "done"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class CallBack:
    """A call-back. `id` is the call in which it was ordered; times are Unix seconds."""

    id: str
    queue: str
    number: str
    line: str
    since: float
    weight: int = 0
    attempts: int = 0  # how often the customer was called in vain
    not_before: float = 0.0
    state: CallBackState = CallBackState.WAITING
    call_id: str = ""  # the call that is being made for it
    agent: str = ""


class AgentNotRung(Exception):  # a finding rather than an error: the next agent is looked for
    """An agent can't be rung for a call-back: why, and whether he is away altogether."""

    def __init__(self, why: str, *, away: bool) -> None:
        super().__init__(why)
        self.why = why
        self.away = away


class CallMaker(Protocol):
    """Makes a call for a call-back: the agent's phone first, then the number."""

    async def call_back(self, order: CallBack, extension: str, *, follow_forwards: bool) -> str:
        """Begin it, with `follow_forwards` where the agent forwards all his calls to; the id of the call.

        Raises `AgentNotRung`, and nothing else.
        """
        ...


Reachable = Callable[[Queue, Place], Awaitable[list[str]]]
"""Which of the agents offered to a place can really be rung now; those who can't are sent away."""


class CallBacks:
    """All call-backs that are not done."""

    def __init__(
        self, store: QueueStore, clock: Callable[[], float], maker: CallMaker | None, reachable: Reachable
    ) -> None:
        self._store = store
        self._clock = clock
        self._maker = maker
        self._reachable = reachable
        self._orders: dict[str, CallBack] = {}
        self._queues: dict[str, Queue] = {}  # order -> its queue
        self._places: dict[str, Place] = {}
        self._calling: dict[str, str] = {}  # call -> order
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def possible(self) -> bool:
        """Whether calls can be made at all."""
        return self._maker is not None

    def order(self, queue: Queue, order: CallBack) -> None:
        """Keep an order, and its place in the line. Nobody is rung for it until the customer has `rung_off`."""
        self._line_up(queue, order, rung_off=False)

    def rung_off(self, order_id: str) -> None:
        """The call in which it was ordered is over: the customer can be called."""
        if order_id in self._places:
            self._queues[order_id].ready_again(self._places[order_id])

    def take_up(self, queue: Queue, order: CallBack, made: CallRecord | None) -> None:
        """An order from before a restart. `made` is the record of the call under way for it then, if there is one."""
        self._orders[order.id] = order
        self._queues[order.id] = queue
        if order.state is CallBackState.CALLING and made is not None:
            self._calling[order.call_id] = order.id
            self._places[order.id] = place = self._place(order)
            queue.engaged_for(place, order.agent)
            if made.ended_at is not None:
                self.ended(made)
            return
        self._line_up(queue, replace(order, state=CallBackState.WAITING, call_id=""))

    def ended(self, record: CallRecord) -> None:
        """A call is over; perhaps it was made for one of these."""
        order = self._orders.get(self._calling.pop(record.call_id, ""))
        if order is None:
            return
        queue, place = self._queues[order.id], self._places[order.id]
        reached_agent = any(ring.party.kind is PartyKind.CUSTOMER for ring in record.rings)
        if record.answered:
            self._over(order, CallBackState.DONE)
            return
        agent, order = order.agent, replace(order, state=CallBackState.WAITING, call_id="", agent="")
        later = self._clock() + queue.settings.call_back_pause
        if not reached_agent:
            queue.not_answered(place, [agent])
            if all(place.tries[one] for one in queue.serving):
                # Nobody is at his desk. Each try is a call in the CRM, so they are not rung round and round for him.
                place.tries.clear()
                order = replace(order, not_before=later)
            self._line_up(queue, order)
            return
        order = replace(order, attempts=order.attempts + 1, not_before=later)
        if order.attempts >= queue.settings.call_back_attempts:
            logger.bind(call=order.id).warning("Called back {} times in vain, given up", order.attempts)
            self._over(order, CallBackState.GIVEN_UP)
            return
        self._line_up(queue, order)

    def cancel(self) -> None:
        """Stop what is being prepared."""
        for task in self._tasks:
            task.cancel()

    def _line_up(self, queue: Queue, order: CallBack, *, rung_off: bool = True) -> None:
        """Take (again) the place in the line that is the order's by its time; it waits there until its time comes."""
        self._keep(order)
        self._queues[order.id] = queue
        former = self._places.get(order.id)
        place = self._place(order)
        if former is not None:
            place.tries = former.tries
            queue.leave(former)
        self._places[order.id] = place
        place.nudge = lambda: self._nudged(order.id)
        pause = order.not_before - self._clock()
        place.ready = rung_off and pause <= 0
        queue.enter(place)
        if pause > 0:
            asyncio.get_running_loop().call_later(pause, queue.ready_again, place)

    def _place(self, order: CallBack) -> Place:
        return Place(f"{CALL_BACK_PREFIX}{order.id}", order.since, order.number, order.weight, call_back=True)

    def _nudged(self, order_id: str) -> None:
        """Its turn has come, perhaps."""
        order, place = self._orders.get(order_id), self._places.get(order_id)
        if order is None or place is None or not place.offered or order.state is not CallBackState.WAITING:
            return
        self._orders[order_id] = replace(order, state=CallBackState.CALLING)
        task = asyncio.create_task(self._make(order_id, self._queues[order_id], place))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _make(self, order_id: str, queue: Queue, place: Place) -> None:
        order = self._orders[order_id]
        agents = await self._reachable(queue, place)
        if not agents or self._maker is None:
            self._not_now(order, queue, place)
            return
        try:
            call_id = await self._maker.call_back(order, agents[0], follow_forwards=queue.settings.follow_forwards)
        except AgentNotRung as hindered:
            queue.away(place, agents[0], hindered.why, away=hindered.away)
            self._not_now(order, queue, place)
            return
        self._calling[call_id] = order_id
        self._keep(replace(order, state=CallBackState.CALLING, call_id=call_id, agent=agents[0]))

    def _not_now(self, order: CallBack, queue: Queue, place: Place) -> None:
        """Nobody can be rung for it at this moment."""
        self._orders[order.id] = replace(order, state=CallBackState.WAITING)
        queue.given_up(place)

    def _over(self, order: CallBack, state: CallBackState) -> None:
        self._store.keep_call_back(_row(replace(order, state=state)))
        del self._orders[order.id]
        place, queue = self._places.pop(order.id), self._queues.pop(order.id)
        if state is CallBackState.DONE:
            queue.served(place, order.agent)
        else:
            queue.leave(place)

    def _keep(self, order: CallBack) -> None:
        self._orders[order.id] = order
        self._store.keep_call_back(_row(order))


def _row(order: CallBack) -> CallBackRow:
    return CallBackRow(**asdict(order))  # type: ignore[typeddict-item,no-any-return]


def call_back_of(row: CallBackRow) -> CallBack:
    """The order a row of the store stands for."""
    return CallBack(**{**row, "state": CallBackState(row["state"])})  # type: ignore[arg-type]
