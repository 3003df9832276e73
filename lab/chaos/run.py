"""One chaos run, from starting everything to the verdict."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from lab.asterisk import Asterisk
from lab.chaos.attempt import Attempt
from lab.chaos.company import RECEPTION, Offices
from lab.chaos.faults import FAULTS, Fault, Storage, Strike
from lab.chaos.floor import Floor
from lab.chaos.judge import Crm, Judge, Verdict
from lab.chaos.kinds import KINDS, Kind
from lab.chaos.wire import Wire
from lab.mariadb import MariaDb
from lab.processes import free_port
from lab.rig import Rig
from lab.services import HOST, Portal, Program, sandbox, service

OFFICES = 60
READY_S = 30.0  # for the service to be well after a fault
AFTER_ALL_S = 5.0  # for the CRM to change when the service has nothing more to tell
STEP_S = 2.0  # between two looks at what the CRM still lacks
NO_PROGRESS_S = 150.0  # a portal that blocked a method for its operating time is asked again after a minute or more


@dataclass(frozen=True, slots=True)
class Wish:
    """What kind of run."""

    seed: int = 1
    minutes: float = 1.0
    rate: float = 1.0  # calls a second
    fault_every_s: float = 20.0
    kinds: Sequence[Kind] = KINDS
    faults: Sequence[Fault] = FAULTS
    storage: Storage = Storage.SQLITE

    @property
    def weather(self) -> Sequence[Fault]:
        """The faults that can strike: not those of another storage."""
        return [fault for fault in self.faults if fault.storage in (None, self.storage)]

    @property
    def clients_of_an_office(self) -> int:
        """So many that hardly any of them calls twice."""
        return 5 + round(1.5 * self.minutes * 60 * self.rate / OFFICES)


@dataclass(repr=False)  # asyncio spells out what a task returns, and here that is every call of the run
class Outcome:
    """What came of it."""

    verdict: Verdict
    attempts: list[Attempt]
    strikes: list[Strike]
    crm: list[Crm]
    strangers: list[str]
    left_in_asterisk: list[str]
    audit: list[str]
    not_made: int  # calls that found no office free


@dataclass
class Chaos(Rig):
    """`async with Chaos(wish) as chaos: outcome = await chaos.run()`.

    Args:
        wish: what kind of run.
        keep: copy every log here at the end.
        progress: told now and then what is going on.
    """

    wish: Wish
    keep: Path | None = None
    progress: Callable[[str], None] = lambda _: None
    strikes: list[Strike] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__("chaos", self.keep)
        self.offices = Offices(OFFICES, self.wish.clients_of_an_office)
        self.pbx = Asterisk(
            self.offices.company.accounts,
            globals={"STASIS_RECEPTION": f"PJSIP/{RECEPTION}"},
            keep_folder=self.keep / "asterisk" if self.keep else None,
        )
        self.wire = Wire()
        self.not_made = 0
        self.service: Program
        self.standby: Program | None = None
        self.mariadb: MariaDb | None = None
        self.portal: Portal
        self.floor: Floor
        self._calls: set[asyncio.Task[None]] = set()
        self._used_clients: dict[int, int] = {}

    async def __aexit__(self, *_: object) -> None:
        for call in self._calls:
            call.cancel()
        await super().__aexit__()

    async def _start(self) -> None:
        if self.wish.storage == Storage.MARIADB:
            self.mariadb = self._stack.enter_context(MariaDb(self.folder / "mariadb.log"))
            self.offices.company.storage = self.mariadb.fresh()
        await self._stack.enter_async_context(self.pbx)
        await self.wire.open(self.pbx.http_port)
        self._stack.push_async_callback(self.wire.close)
        port = free_port(HOST, socket.SOCK_STREAM)
        # Two requests a second are not enough for two recordings a second: who calls that much has the larger plan.
        plan = ["--enterprise"] if self.wish.rate > 1 else []
        portal = sandbox(self.folder / "seed.toml", self.folder, *plan)
        files = self.offices.company.write(
            self.folder, self.pbx, portal=portal.url, http_port=port, ari_url=self.wire.url
        )
        files["stasis"].write_text(files["stasis"].read_text() + self.offices.configuration)
        self._stack.push_async_callback(portal.stop)
        await portal.start()
        self.portal = await self._stack.enter_async_context(Portal(portal.url))
        events = ["--record-events", str(self.folder / "events.jsonl")] if self.keep else []
        self.service = service(files["stasis"], port, self.folder, *events)
        self._stack.push_async_callback(self._stop_service)
        await self.service.start()
        await self.portal.install(self.service.url)
        await self._until_ready()
        self.floor = Floor(self.pbx, self.folder, self.offices, self.service.url)
        await self._stack.enter_async_context(self.floor)

    async def _stop_service(self) -> None:
        for instance in (self.standby, self.service):
            if instance:
                await instance.stop()

    # ---------------------------------------- the run

    async def run(self) -> Outcome:
        """Play it, and judge it."""
        until = time.monotonic() + self.wish.minutes * 60
        await asyncio.gather(self._call(until), self._strike(until))
        self.progress("the last calls come to their end")
        await asyncio.gather(*self._calls)
        await self._until_ready()
        crm = await self._settled()
        left = await self.pbx.left()
        verdict = Judge(self.offices, self.strikes).verdict(self.floor.attempts, crm)
        audit = [f"{found['invariant']}: {found['detail']}" for found in await self.portal.audit()]
        return Outcome(
            verdict, self.floor.attempts, self.strikes, crm, self.floor.strangers, left, audit, self.not_made
        )

    async def _call(self, until: float) -> None:
        chance = random.Random(f"calls {self.wish.seed}")
        due, serial = time.monotonic(), 0
        while (due := due + chance.expovariate(self.wish.rate)) < until:
            serial += 1
            kind = chance.choices(self.wish.kinds, [kind.weight for kind in self.wish.kinds])[0]
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if not self.floor.idle:
                self.not_made += 1
                continue
            task = asyncio.create_task(self._one(kind, serial))
            self._calls.add(task)
            if serial % 20 == 0:
                self.progress(f"{serial} calls begun, {OFFICES - len(self.floor.idle)} under way")

    async def _one(self, kind: Kind, serial: int) -> None:
        office = self.floor.idle.pop(0)
        attempt = Attempt(serial, kind.name, random.Random(f"{self.wish.seed} {serial}"), office, time.time())
        if kind.line == "":
            attempt.customer = f"8925{serial:07d}"
        elif kind.line != "-":
            attempt.line = office.line(kind.line)
            known = kind.needs_client or attempt.chance.random() < 0.5
            attempt.customer = self._client(office.n) if known else f"7903{serial:07d}"
        async with self.floor.having(attempt):
            try:
                await kind.play(self.floor, attempt)
            except Exception as error:
                attempt.stall(f"the phones' own part failed: {type(error).__name__} {error}")

    def _client(self, office: int) -> str:
        used = self._used_clients[office] = self._used_clients.get(office, -1) + 1
        clients = self.offices.offices[office].clients
        return clients[used % len(clients)]

    async def _strike(self, until: float) -> None:
        chance = random.Random(f"faults {self.wish.seed}")
        weather = self.wish.weather
        due = time.monotonic()
        while (due := max(due + self.wish.fault_every_s, time.monotonic())) < until:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            fault = chance.choices(weather, [fault.weight for fault in weather])[0]
            await fault.prepare(self)
            strike = Strike(fault.name, fault.reach, time.time())
            self.strikes.append(strike)
            if detail := await fault.strike(self, random.Random(chance.random())):
                strike.name = f"{fault.name}: {detail}"
            await self._until_ready()
            strike.over_at = time.time()
            self.progress(f"fault: {strike.told}")

    # ---------------------------------------- the end

    async def _until_ready(self) -> None:
        """Wait until the service says that calls can be served."""
        deadline = time.monotonic() + READY_S
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
            while time.monotonic() < deadline:
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with http.get(f"{self.service.url}/readyz") as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.1)
        raise RuntimeError(f"the service does not get ready again:\n{self.service.last_words()}")

    async def _settled(self) -> list[Crm]:
        """What the CRM holds once it is complete, or once nothing comes any more: the portal takes few requests."""
        judge = Judge(self.offices, self.strikes)
        known, since = -1, time.monotonic()
        while True:
            crm: list[Crm] = [*await self.portal.calls()]
            missing = sum(
                judge.verdict(self.floor.attempts, crm).counts()[c]
                for c in ("lost", "cards_open", "recordings_missing")
            )
            if not missing:
                return crm
            have = sum(bool(c["finish"]) + bool(c["record"]) + len(c["cards"]) for c in crm)
            if have != known:
                known, since = have, time.monotonic()
                self.progress(f"the CRM still lacks {missing} things")
            patience = NO_PROGRESS_S if await self.floor.is_something_to_be_told() else AFTER_ALL_S
            if time.monotonic() - since > patience:
                return crm
            await asyncio.sleep(STEP_S)
