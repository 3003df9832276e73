"""A caller's stay in a waiting line: he hears music and is told his position, while agents are rung beside."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from loguru import logger

from stasis_app.calls.facts import CallBackOrdered, Party, Queued, Unanswered
from stasis_app.calls.verbs import RingResult, Target
from stasis_app.crm import Source
from stasis_app.flow.announcing import THANKS, position_prompts, wait_prompts
from stasis_app.flow.forwarding import way_to
from stasis_app.flow.step import Step, tried_in_words
from stasis_app.queues import CallBack, Place, Queue

if TYPE_CHECKING:
    from stasis_app.flow.elements.queue import Queue as QueueElement


class _News(StrEnum):
    """What there is to react to."""

    OFFER = "offer"
    RUNG = "rung"
    KEY = "key"
    EMPTY = "empty"


class Stay:
    """One caller at one queue element."""

    def __init__(self, element: QueueElement, step: Step) -> None:
        self._element = element
        self._step = step
        self._call = step.call
        self._queues = step.context.queues
        self._queue: Queue = self._queues.queue(step.name, element.settings())
        self._since = step.entered_at.timestamp()
        self._place = Place(self._call.id, self._since, self._call.record.customer_number, nudge=self._call.wake)
        self._ringing: asyncio.Task[RingResult | None] | None = None
        self._announcing: asyncio.Task[None] | None = None
        self._connecting = False
        self._told_position = 0
        self._agent_at: dict[str, str] = {}  # the numbers agents are rung at instead of their own
        self._trouble = ""  # what the last attempt came to

    async def run(self) -> str | None:
        """See him through; the next element, None when the call is over."""
        element, queue = self._element, self._queue
        if self._call.record.call_back_to:
            # The service was restarted while he was being thanked for it: he has his place in the line already.
            await self._call.hang_up()
            return None
        if self._is_full():
            return self._step.go(element.on_full or element.on_timeout, f"{len(queue.line)} wait already")
        if element.on_empty is not None and queue.empty:
            return self._step.go(element.on_empty, "no agent serves the queue")
        queue.enter(self._place)
        self._tell_position()
        weighing = self._call.spawn(self._weigh())
        try:
            await self._call.hold(self._step.name, element.music)
            return await self._wait()
        finally:
            weighing.cancel()
            self._stop()
            queue.leave(self._place)

    def _is_full(self) -> bool:
        """Whether there is no room for him; whoever was in the line before a restart has his place in it."""
        most = self._element.max_callers
        return most is not None and not self._step.resumed and len(self._queue.line) >= most

    def _stop(self) -> None:
        """No phone rings and nothing is said any more."""
        for task in (self._ringing, self._announcing):
            if task is not None:
                task.cancel()

    async def _wait(self) -> str | None:
        self._announce(greet=not self._step.resumed)
        while True:
            news = await self._call.until(self._news, self._left())
            match news:
                case None if not self._connecting:
                    return await self._leave(self._element.on_timeout, self._why_timeout())
                case _News.EMPTY if self._element.on_empty is not None:
                    return await self._leave(self._element.on_empty, "no agent serves the queue any more")
                case _News.OFFER:
                    self._ringing = asyncio.create_task(self._ring())
                    self._ringing.add_done_callback(self._ring_is_over)
                case _News.RUNG:
                    if await self._rung():
                        await self._call.talk()
                        return None
                case _News.KEY:
                    if self._call.key() == self._element.call_back_key and await self._wants_call_back():
                        return None

    def _news(self) -> _News | None:
        if self._ringing is not None and self._ringing.done():
            return _News.RUNG
        if self._connecting:
            return None
        if self._element.call_back_key and self._step.context.queues.call_backs.possible and self._call.has_key:
            return _News.KEY
        if self._ringing is None and self._place.offered:
            return _News.OFFER
        if self._element.on_empty is not None and self._queue.empty and not self._place.offered:
            return _News.EMPTY
        return None

    def _left(self) -> float | None:
        """Seconds until he has waited long enough; None while he is being connected."""
        if self._connecting:
            return None
        return max(0.0, self._since + self._element.timeout - self._queues.clock())

    def _why_timeout(self) -> str:
        waited = f"waited {self._queues.clock() - self._since:.0f} s"
        return f"{waited}: {self._trouble}" if self._trouble else waited

    async def _leave(self, element: str, why: str) -> str:
        self._stop()
        await self._call.unhold(self._step.name)
        return self._step.go(element, why)

    # Ringing

    async def _ring(self) -> RingResult | None:
        """Ring the agents who were offered; None when none of them can be rung."""
        agents = await self._queues.reachable(self._queue, self._place)
        if not agents:
            return None
        targets = await self._targets(agents)
        if not targets:
            return None
        return await self._call.ring(
            targets,
            seconds=self._element.ring_seconds,
            on_hold=self._before_connecting,
            sent_on=self._element.follow_forwards,
        )

    async def _targets(self, agents: Sequence[str]) -> list[Target]:
        """Where these agents are rung: at their phones, or where they always forward their calls to."""
        targets = [self._step.target(agent) for agent in agents]
        if self._element.follow_forwards:
            ways = await asyncio.gather(*(way_to(target, self._step, always_only=True) for target in targets))
            targets = []
            for agent, way in zip(agents, ways, strict=True):
                self._step.tell_forwarding(way.hops)
                if way.target is None:
                    self._queue.away(self._place, agent, way.why, away=way.unanswered is Unanswered.UNREACHABLE)
                elif way.target not in targets:
                    targets.append(way.target)
                    # A colleague's phone is that colleague's, when he is rung as well.
                    if way.target.party.number not in agents:
                        self._agent_at[way.target.party.number] = agent
        return targets

    def _agent(self, party: Party) -> str:
        """Which agent was meant when this party was rung."""
        return self._agent_at.get(party.number, party.number)

    def _ring_is_over(self, ringing: asyncio.Task[RingResult | None]) -> None:
        if not ringing.cancelled() and ringing.exception() is not None and self._ringing is not ringing:
            logger.bind(call=self._call.id).debug("Ringing failed when he had left already: {}", ringing.exception())
        self._call.wake()

    async def _before_connecting(self) -> None:
        """Somebody answered: from here he is neither spoken to nor sent elsewhere."""
        self._connecting = True
        if self._announcing is not None:
            self._announcing.cancel()

    async def _rung(self) -> bool:
        """Whether somebody talks with him now."""
        ringing, self._ringing = self._ringing, None
        assert ringing is not None
        result = await ringing
        if result is not None and result.answered_by is not None:
            agent = self._agent(result.instead_of or result.answered_by)
            self._queue.answered(self._place, agent, self._call.id)
            return True
        if result is not None:
            self._trouble = tried_in_words(result)
            rung = [self._agent(p) for p, why in result.tried if why is not Unanswered.ANSWERED_ELSEWHERE]
            self._queue.not_answered(self._place, rung)
        self._queue.given_up(self._place)
        if self._connecting:
            self._connecting = False
            self._announce()
        return False

    async def _no_longer_ring(self) -> None:
        if self._ringing is not None:
            self._ringing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ringing
            self._ringing = None

    # Speaking

    def _announce(self, *, greet: bool = False) -> None:
        self._announcing = self._call.spawn(self._speak(greet=greet))

    async def _speak(self, *, greet: bool) -> None:
        element = self._element
        if greet and element.greeting:
            await self._call.say(*element.greeting)
        while prompts := self._prompts():
            await self._call.say(*prompts)
            if not element.announce_every:
                return
            await self._call.until(lambda: None, element.announce_every)

    def _prompts(self) -> tuple[str, ...]:
        element, said = self._element, list[str]()
        self._tell_position()
        if element.announce_position:
            said += position_prompts(self._queue.position(self._place))
        if element.announce_wait:
            said += wait_prompts(self._queue.expected_wait(self._place))
        if said:
            said.append(THANKS)
        if element.call_back_key and self._queues.call_backs.possible:
            said += (*element.call_back_offer, f"digits:{element.call_back_key}")
        return tuple(said)

    def _tell_position(self) -> None:
        position = self._queue.position(self._place)
        if position == self._told_position:
            return
        self._told_position = position
        self._call.note(
            Queued(
                call_id=self._call.id,
                at=datetime.now(UTC),
                element=self._step.name,
                position=position,
                since=self._step.entered_at,
            )
        )

    # The CRM

    async def _weigh(self) -> None:
        """Ask the CRM how important he is, beside his waiting; the answer moves him forward."""
        element, context = self._element, self._step.context
        if not element.first:
            return
        client = context.phonebook.known(self._step.number)
        while client is None:
            found = await context.phonebook.lookup(self._step.number)
            client = found.client
            if client is None and found.source is not Source.TOO_SLOW:
                return
        weight = await context.importance.of(client, element.first, element.vip_field, element.vip_values)
        self._queue.weigh(self._place, weight)

    # The call-back

    async def _wants_call_back(self) -> bool:
        """He pressed the key: on which number? False when he would rather wait after all."""
        self._queue.ready(self._place, ready=False)
        await self._no_longer_ring()
        if self._announcing is not None:
            self._announcing.cancel()
        number = await self._number_to_call()
        if not number:
            self._queue.ready(self._place, ready=True)
            self._announce()
            return False
        order = CallBack(
            id=self._call.id,
            queue=self._queue.name,
            number=number,
            line=self._call.record.line,
            since=self._since,
            weight=self._place.weight,
        )
        self._queue.line.remove(self._place)
        self._queues.call_backs.order(self._queue, order)
        self._call.note(
            CallBackOrdered(call_id=self._call.id, at=datetime.now(UTC), element=self._step.name, number=number)
        )
        try:
            await self._call.say(*self._element.call_back_thanks)
            await self._call.hang_up()
        except Exception:  # he hung up himself, or whatever else: the order stands
            self._queues.call_backs.rung_off(order.id)
            raise
        self._queues.call_backs.rung_off(order.id)
        return True

    async def _number_to_call(self) -> str:
        """His own number when he confirms it, else the one he dials; "" when he gives none."""
        element, own = self._element, self._step.number
        if not own.is_withheld:
            digits = f"digits:{own.key.removeprefix('+')}"
            if await self._step.read(*element.call_back_number, digits, *element.call_back_confirm) == "1":
                return own.key
        dialled = await self._step.read(*element.call_back_enter, digits=15, seconds=8.0, between=4.0)
        given = self._step.context.numbers.read(dialled) if dialled else None
        return given.key if given is not None and given.is_public else ""
