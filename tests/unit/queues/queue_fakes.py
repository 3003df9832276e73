"""A hall with a waiting line: the exchange in memory, a plan with one queue, and phones as the test says."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stasis_app.ari import events as e
from stasis_app.calls import facts as f
from stasis_app.calls.call import Call
from stasis_app.calls.facts import Direction
from stasis_app.calls.record import CallRecord
from stasis_app.crm import (
    Client,
    Directory,
    Employee,
    Extensions,
    Importance,
    MemoryClientStore,
    MemoryEmployeeStore,
    Numbers,
    Phonebook,
    Phones,
    ResponsibleFinder,
    WorkingDays,
)
from stasis_app.flow import Colleagues, FlowContext, Plan, resume_call, route_outbound, run_plan
from stasis_app.flow.codes import Codes
from stasis_app.flow.elements.hangup import Hangup
from stasis_app.flow.elements.queue import Queue as QueueElement
from stasis_app.flow.queue_codes import pause_or_go_on, sign_in_or_out
from stasis_app.queue_adapters import CallBackMaker
from stasis_app.queues import MemoryQueueStore, Queue, Queues
from stasis_app.queues.reach import Reach
from tests.unit.calls.calls_fakes import Exchange
from tests.unit.flow.flow_fakes import FakeAsterisk

NUMBERS = Numbers("RU")
QUIET = {"announce_position": False, "announce_wait": False}


def _codes() -> Codes:
    codes = Codes()
    codes.add("*45", sign_in_or_out)
    codes.add("*46", pause_or_go_on)
    return codes


class MemoryValues:
    """Keeps named values."""

    async def get(self, name: str) -> Any:
        return None

    async def set(self, name: str, value: Any) -> bool:
        return True


class Hall(Exchange):
    """An exchange with one queue, `sales`. Keys of the element as arguments; nothing is announced unless they say so.

    `crm` answers how important a client is, `days` the working day of a user; neither is asked by default.
    """

    def __init__(
        self,
        *agents: str,
        crm: Any = None,
        days: dict[int, str] | None = None,
        chance: Any = None,
        store: MemoryQueueStore | None = None,
        **keys: Any,
    ) -> None:
        super().__init__()
        self.flow = self.lead
        values = {"agents": agents, "on_timeout": "bye", **QUIET, **keys}
        self.element = QueueElement.model_validate(values)
        elements = {"sales": self.element, **{name: Hangup(cause="normal") for name in ("bye", "full", "empty")}}
        self.plan = Plan(Path("plan.toml"), "", "sales", elements)
        self.asterisk = FakeAsterisk()
        self.asked_days: list[int] = []
        staff = [Employee(int(agent), f"Agent {agent}", agent) for agent in ("101", "102", "103", "104")]
        directory = Directory(None, MemoryEmployeeStore(), overrides=staff)
        phonebook = Phonebook(None, MemoryClientStore())
        self.extensions = Extensions(MemoryValues())
        phones = Phones(
            self.asterisk,
            channels_of=lambda extension: self.tracker.channels_of(extension),
            settings=self.extensions,
        )
        self._begin = time.time()
        self.store = store or MemoryQueueStore()

        async def day(user_id: int) -> Any:
            self.asked_days.append(user_id)
            return type("Day", (), {"status": (days or {})[user_id]})

        reach = Reach(phones, directory, WorkingDays(day if days is not None else None, clock=self.now))
        self.queues = Queues(
            self.store,
            engaged=self._engaged,
            examine=reach.examine,
            maker=CallBackMaker(lambda: self.tracker, Colleagues(phones, directory, NUMBERS)),
            clock=self.now,
            **({"chance": chance} if chance else {}),
        )
        self.phonebook = phonebook
        self.context = FlowContext(
            numbers=NUMBERS,
            phonebook=phonebook,
            directory=directory,
            phones=phones,
            responsibles=ResponsibleFinder(phonebook, directory, phones),
            queues=self.queues,
            codes=_codes(),
            importance=Importance(crm),
        )
        self.queue: Queue = self.queues.queue("sales", self.element.settings())

    def now(self) -> float:
        """Unix time on the clock that jumps."""
        return self._begin + asyncio.get_running_loop().time()

    async def lead(self, call: Call) -> None:
        if call.record.direction is Direction.OUTBOUND:
            await route_outbound(call, self.context, call.record.dialled)
        else:
            await run_plan(self.plan, call, self.context, "sales")

    async def resume(self, call: Call) -> None:
        await resume_call(self.plan, call, self.context)

    def knows(self, number: str, client: Client) -> None:
        self.phonebook.remember(NUMBERS.read(number), client)

    def _engaged(self, extension: str) -> bool:
        return self.tracker.engaged(extension)

    def _told(self, record: CallRecord, fact: f.Fact) -> None:
        super()._told(record, fact)
        self.queues.on_fact(record, fact)

    # What a test sees

    def rung(self) -> list[str]:
        """The extensions rung so far, in order."""
        return [endpoint.partition("/")[2] for _, _, endpoint, *_ in self.requests("originate") if "@" not in endpoint]

    def waiting(self) -> list[str]:
        """Who is in the line, the next first."""
        return [place.id for place in self.queue.line]

    def ended(self, channel: str) -> bool:
        return self.records[channel].ended_at is not None

    def talks(self, channel: str) -> str:
        """The extension this caller talks with now, "" for nobody."""
        return next((t.party.number for t in self.records[channel].talking_now), "")

    def visited(self, channel: str) -> list[str]:
        return [visit.element for visit in self.records[channel].visited]

    # What people do

    async def calls(self, channel: str, number: str = "79161234567") -> None:
        await self.arrives("inbound", "sales", "74951230000", channel=channel, number=number)
        await self.settled()

    async def orders_call_back(self) -> None:
        """Who waits alone wishes to be called back, and confirms it."""
        await self.presses("5")
        await self.settled()
        await self.presses("1")
        await self.settled()
        for _ in range(2):
            await self.prompt_ends()
        await self.settled()

    async def settled(self) -> None:
        for _ in range(3):
            await super().settled()

    async def lets_ring(self, extension: str) -> None:
        """The phone rings until Asterisk gives up at the end of the ring time."""
        await self.rings(extension)
        await self.passes(self.element.ring_seconds - 0.5)
        await self.declines(extension, 19, 480)
        await self.settled()

    async def sends_on(self, extension: str, to: str) -> None:
        """The phone sends the call on (SIP 302), and Asterisk ends its channel before it has noted why."""
        leg, pair = self.leg(extension), f"Local/{to}@stasis-phones-00000001"
        instead = e.Channel(id="9.1", name=f"{pair};1", state="Down")
        self.tell(e.Dial, peer=self.channels[leg], dialstatus="CANCEL", forwarded=instead)
        await self.hangs_up(leg, 0)
        await self.arrives("internal", to, channel="9.0", name=f"{pair};2", number="")
        await self.settled()

    async def answered_by(self, extension: str) -> None:
        await self.rings(extension)
        await self.answers(extension)
        await self.settled()


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
