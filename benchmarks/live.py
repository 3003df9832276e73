"""Many calls held in conversation: memory for each, CPU while nothing happens, and how soon they are taken up again.

.venv/bin/python -m benchmarks.live --json out.json
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import typer

from benchmarks import report
from benchmarks.measure import cpu_ms, load, machine, plain, pss_kb
from benchmarks.report import Target, console
from benchmarks.stand import SERVICE_LINE, Stand
from lab.load import LoadResult, offer
from lab.services import Program
from lab.toolbox import ToolMissing

RATE = 25.0
_LOOK_EVERY_S = 0.02
_PATIENCE_S = 60.0
_TALK_S = 600.0  # nobody hangs up before the service is told to
_AT_ONCE = 20  # requests to the service's API


@dataclass(frozen=True, slots=True)
class Held:
    """Calls in conversation at once. Memory in KiB, CPU in % of one core."""

    calls: int
    failed: int
    before_kb: int
    held_kb: int
    idle_s: float
    idle_cpu: float
    asterisk_idle_cpu: float

    @property
    def per_call_kb(self) -> float:
        return (self.held_kb - self.before_kb) / self.calls if self.calls else float("nan")

    def told(self) -> dict[str, object]:
        return {
            "calls": self.calls,
            "failed": self.failed,
            "before_mb": plain(self.before_kb / 1024),
            "held_mb": plain(self.held_kb / 1024),
            "kb_per_call": plain(self.per_call_kb),
            "idle_s": self.idle_s,
            "idle_cpu_percent": plain(self.idle_cpu),
            "asterisk_idle_cpu_percent": plain(self.asterisk_idle_cpu),
        }


@dataclass(frozen=True, slots=True)
class Adoption:
    """Calls taken up by a new process.

    Seconds from the start of the process (`restart`) or from the death of the one before (`standby`), and of these the
    part from the event websocket being open on; `cpu_seconds` the process worked meanwhile, whatever else the machine
    had to do; `talking` are the calls the new process tells to be in conversation.
    """

    by: str
    calls: int
    adopted: int
    talking: int
    seconds: float
    link_seconds: float
    cpu_seconds: float
    held_mb: float

    def told(self) -> dict[str, object]:
        return {
            "by": self.by,
            "calls": self.calls,
            "adopted": self.adopted,
            "talking": self.talking,
            "seconds": plain(self.seconds),
            "seconds_from_websocket": plain(self.link_seconds, 4),
            "cpu_seconds": plain(self.cpu_seconds),
            "held_mb": plain(self.held_mb),
        }


@dataclass(frozen=True, slots=True)
class Mirrored:
    """What the CRM holds of the calls in the end: one call for each, ended, or else `doubled`, `missing`."""

    calls: int
    doubled: int
    missing: int

    def told(self) -> dict[str, object]:
        return {"calls": self.calls, "doubled": self.doubled, "missing": self.missing}


class Bench:
    """Holds calls on a stand, and lets the service die under them."""

    def __init__(self, stand: Stand, http: aiohttp.ClientSession, calls: int, rate: float) -> None:
        self._stand = stand
        self._http = http
        self._calls = calls
        self._rate = rate
        self._pid = stand.service.pid

    async def warm_up(self) -> None:
        """Every client calls once, so that the service knows them all; then it is a fresh process."""
        await self._offer(self._calls, 0.5)
        await self._stand.settle()
        await self._stand.restart_service()
        await self._offer(min(40, self._calls), 0.5)
        await self._stand.settle()
        self._pid = self._stand.service.pid

    async def hold(self, idle: float, offering: asyncio.Task[LoadResult], before_kb: int) -> Held:
        """Wait until all calls talk, and then see what they cost while nothing happens."""
        await asyncio.sleep(self._calls / self._rate)
        async with asyncio.timeout(_PATIENCE_S):
            while (talking := await self._talking()) < self._calls and not offering.done():
                await asyncio.sleep(0.5)
                if await self._stand.figure(self._http, "stasis_calls_live") == talking:
                    break
        await asyncio.sleep(2)  # the portal learns of the last ones
        held, asterisk = pss_kb(self._pid), self._stand.pbx.pid
        spent, began = (cpu_ms(self._pid), cpu_ms(asterisk)), time.monotonic()
        await asyncio.sleep(idle)
        lasted = (time.monotonic() - began) * 1000
        percent = [100 * (cpu_ms(pid) - cpu) / lasted for pid, cpu in zip((self._pid, asterisk), spent, strict=True)]
        return Held(talking, self._calls - talking, before_kb, held, idle, *percent)

    @asynccontextmanager
    async def calling(self) -> AsyncIterator[asyncio.Task[LoadResult]]:
        """All calls come in; in the end none is left."""
        offering = asyncio.create_task(self._offer(self._calls, _TALK_S))
        try:
            yield offering
        finally:
            if offering.done():
                await offering
            offering.cancel()
            await asyncio.gather(offering, return_exceptions=True)

    async def restart(self, calls: int) -> Adoption:
        """Kill the service and start it again."""
        await self._stand.service.kill()
        began = time.monotonic()
        starting = asyncio.create_task(self._stand.service.start())
        seconds = await self._until_adopted(calls, began)
        await starting
        return await self._adoption("restart", calls, seconds, self._stand.service)

    async def take_over(self, calls: int, standby: Program) -> Adoption:
        """Kill the service while a standby waits."""
        began, spent = time.monotonic(), cpu_ms(standby.pid)
        await self._stand.service.kill()
        self._stand.service = standby
        seconds = await self._until_adopted(calls, began)
        return await self._adoption("standby", calls, seconds, standby, spent)

    @asynccontextmanager
    async def standby(self) -> AsyncIterator[Program]:
        """A second instance that waits."""
        active = self._stand.service
        program = Program(
            [*active.command, "--standby"], active.port, self._stand.folder / "standby.log", active.ready_path
        )
        await program.start()
        try:
            await _until_waiting(program)
            yield program
        finally:
            await program.stop()

    async def hang_up(self) -> None:
        """End every call by the service's API: the calls it took up obey it."""
        gate = asyncio.Semaphore(_AT_ONCE)

        async def end(call: str) -> None:
            async with gate, self._http.delete(f"{self._stand.service.url}/api/v1/calls/{call}") as answer:
                answer.raise_for_status()

        await asyncio.gather(*(end(call["id"]) for call in await self._live()))
        await self._stand.settle()

    async def mirrored(self, since: float, calls: int) -> Mirrored:
        """What the portal holds of the calls begun since then (Unix time); each caller called once."""
        found = [call for call in await self._stand.portal.calls() if call["registered_at"] >= since]
        of_caller = Counter(call["phone_number"][-10:] for call in found)
        ended = {call["phone_number"][-10:] for call in found if call["finish"]}
        return Mirrored(calls, len(found) - len(of_caller), calls - len(ended))

    async def _until_adopted(self, calls: int, began: float) -> float:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                while True:
                    try:
                        if (await self._stand.figure(self._http, "stasis_calls_adopted") or 0) >= calls:
                            return time.monotonic() - began
                    except aiohttp.ClientError:
                        pass  # it does not listen yet
                    await asyncio.sleep(_LOOK_EVERY_S)
        except TimeoutError:
            return float("nan")

    async def _adoption(
        self, by: str, calls: int, seconds: float, program: Program, spent_before: float = 0.0
    ) -> Adoption:
        spent = cpu_ms(program.pid) - spent_before
        adopted = await self._stand.figure(self._http, "stasis_calls_adopted") or 0
        link = await self._stand.figure(self._http, "stasis_ari_resync_seconds") or float("nan")
        await asyncio.sleep(5)  # whoever would be registered twice or dropped, is by now
        held = pss_kb(program.pid) / 1024
        return Adoption(by, calls, round(adopted), await self._talking(), seconds, link, spent / 1000, held)

    async def _talking(self) -> int:
        return sum(call["stage"] == "talking" for call in await self._live())

    async def _live(self) -> list[dict[str, Any]]:
        async with self._http.get(f"{self._stand.service.url}/api/v1/calls") as answer:
            answer.raise_for_status()
            found: list[dict[str, Any]] = (await answer.json())["calls"]
            return found

    async def _offer(self, calls: int, hold_s: float) -> LoadResult:
        stand = self._stand
        return await offer(
            stand.pbx,
            stand.folder,
            [SERVICE_LINE],
            rate=self._rate,
            calls=calls,
            hold_s=hold_s,
            callers=stand.clients,
        )


async def _until_waiting(standby: Program) -> None:
    async with asyncio.timeout(_PATIENCE_S):
        while True:
            if "waiting as a standby" in standby.last_words():
                return
            await asyncio.sleep(0.1)


async def measure(
    calls: int, *, rate: float = RATE, idle: float = 30, standby: bool = True, keep: Path | None = None
) -> dict[str, object]:
    """Measure everything; the figures by name."""
    async with Stand(phones=calls, record=False, keep=keep) as stand, _session(stand) as http:
        about = machine(stand.pbx.toolbox.version)
        bench = Bench(stand, http, calls, rate)
        console.print("warming up: every client calls once", highlight=False)
        await bench.warm_up()
        before, since = pss_kb(stand.service.pid), time.time()
        async with bench.calling() as offering:
            held = await bench.hold(idle, offering, before)
            console.print(f"{held.calls} of {calls} calls are held", highlight=False)
            adoptions = [await bench.restart(held.calls)]
            if standby:
                async with bench.standby() as second:
                    adoptions.append(await bench.take_over(held.calls, second))
                    await bench.hang_up()
            else:
                await bench.hang_up()
            mirrored = await bench.mirrored(since, held.calls)
    wanted = _targets(held, adoptions, mirrored)
    _print(held, adoptions, mirrored, wanted)
    return {
        "benchmark": "live",
        "machine": about,
        "load": load(),
        "held": held.told(),
        "adoptions": [adoption.told() for adoption in adoptions],
        "crm": mirrored.told(),
        "targets": [target.told() for target in wanted],
    }


def _session(stand: Stand) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(headers=stand.headers, timeout=aiohttp.ClientTimeout(total=30))


def _targets(held: Held, adoptions: Sequence[Adoption], mirrored: Mirrored) -> list[Target]:
    wanted = [
        Target("calls that could not be held", 0, held.failed, "calls"),
        Target("memory per call", 30, held.per_call_kb, "KB"),
        Target("the service's CPU while nothing happens", 2, held.idle_cpu, "%"),
    ]
    for adoption in adoptions:
        if adoption.by == "restart":
            wanted.append(Target("from the start of the process until all are adopted", 2, adoption.seconds, "s"))
        else:
            wanted.append(Target("from a kill until a standby has adopted all", 3, adoption.seconds, "s"))
        lost = adoption.calls - adoption.talking
        wanted.append(Target(f"calls that do not talk after the {adoption.by}", 0, lost, "calls"))
    wanted.append(Target("calls registered twice in the CRM", 0, mirrored.doubled, "calls"))
    wanted.append(Target("calls without their end in the CRM", 0, mirrored.missing, "calls"))
    return wanted


def _print(held: Held, adoptions: Sequence[Adoption], mirrored: Mirrored, wanted: Sequence[Target]) -> None:
    report.table(
        "calls held, without recording",
        ("", "calls", "failed", "before MB", "held MB", "KB per call", "service CPU %", "Asterisk CPU %"),
        [
            (
                "service",
                held.calls,
                held.failed,
                held.before_kb / 1024,
                held.held_kb / 1024,
                held.per_call_kb,
                held.idle_cpu,
                held.asterisk_idle_cpu,
            )
        ],
    )
    report.table(
        "taken up by a new process",
        ("by", "calls", "adopted", "talking", "ms in all", "ms from websocket", "CPU ms", "then MB"),
        [
            (
                a.by,
                a.calls,
                a.adopted,
                a.talking,
                a.seconds * 1000,
                a.link_seconds * 1000,
                a.cpu_seconds * 1000,
                a.held_mb,
            )
            for a in adoptions
        ],
    )
    report.targets(wanted)


def main(
    calls: Annotated[int, typer.Option(min=1, max=2000, help="calls held at once")] = 1000,
    rate: Annotated[float, typer.Option(min=1, max=100, help="calls per second while they come in")] = RATE,
    idle: Annotated[float, typer.Option(min=1, max=3600, help="seconds they are held while nothing happens")] = 30,
    standby: Annotated[bool, typer.Option(help="measure the take-over by a standby, too")] = True,
    json: Annotated[Path | None, typer.Option(help="write the figures to this file")] = None,
    keep: Annotated[Path | None, typer.Option(help="copy all logs to this folder")] = None,
) -> None:
    """Hold many calls in conversation; kill the service; see how soon it, or a standby, has adopted them all."""
    try:
        figures = asyncio.run(measure(calls, rate=rate, idle=idle, standby=standby, keep=keep))
    except (ToolMissing, RuntimeError, TimeoutError, aiohttp.ClientError) as error:
        typer.echo(f"benchmarks.live: {error}", err=True)
        raise typer.Exit(1) from None
    report.save(json, figures)


if __name__ == "__main__":
    typer.run(main)
