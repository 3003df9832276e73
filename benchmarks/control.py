"""What control of calls costs: native `Dial()`, a minimal loop on aioari, and this service with everything on.

.venv/bin/python -m benchmarks.control --json out.json
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import aiohttp
import typer

from benchmarks import report
from benchmarks.measure import Spread, cpu_ms, load, machine, median, plain, rss_kb
from benchmarks.report import Target, console
from benchmarks.stand import SERVICE_LINE, Stand
from lab.asterisk import ARI_USER
from lab.load import LoadResult, offer
from lab.processes import spawn, stop
from lab.toolbox import ToolMissing

TALK_S = 2.0
_ROOT = Path(__file__).resolve().parent.parent
LOOP_APP = "aioari-loop"
# Whoever calls 7495100XXXX is put through by the dialplan alone, 7495200XXXX by the loop on aioari.
DIALPLAN = f"""
[stasis-inbound]
exten => _7495100XXXX,1,Dial(PJSIP/${{EXTEN:-4}},30)
 same => n,Hangup()
exten => _7495200XXXX,1,Stasis({LOOP_APP},${{EXTEN:-4}})
 same => n,Hangup()
"""
COMPARED_RATES = (20.0, 50.0)  # those a promise is made for
SOAK_RATE = 50.0


class Variant(StrEnum):
    """Who connects the calls."""

    NATIVE = "native"
    AIOARI = "aioari"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Run:
    """What was measured while calls were offered at one rate. CPU is in ms per call, times from INVITE to 200 in ms.

    `missing` is how many calls the portal does not hold, or holds without their end or their recording.
    """

    variant: Variant
    rate: float
    seconds: float
    calls: int
    failed: int
    missing: int
    asterisk_cpu: float
    client_cpu: float
    answer: Spread
    load: float

    def told(self) -> dict[str, object]:
        return {
            "variant": self.variant.value,
            "rate": self.rate,
            "seconds": self.seconds,
            "calls": self.calls,
            "failed": self.failed,
            "missing_in_crm": self.missing,
            "asterisk_cpu_ms_per_call": plain(self.asterisk_cpu),
            "client_cpu_ms_per_call": plain(self.client_cpu),
            "answer_ms": self.answer.told(),
            "load": self.load,
        }


@dataclass(frozen=True, slots=True)
class Memory:
    """The service's memory in KiB: after a few calls, with `calls` held, and its highest until all was delivered."""

    before_kb: int
    held_kb: int
    peak_kb: int
    calls: int

    @property
    def per_call_kb(self) -> float:
        return (self.held_kb - self.before_kb) / self.calls if self.calls else float("nan")

    def told(self) -> dict[str, object]:
        return {
            "before_mb": plain(self.before_kb / 1024),
            "held_mb": plain(self.held_kb / 1024),
            "peak_mb": plain(self.peak_kb / 1024),
            "calls": self.calls,
            "kb_per_live_call": plain(self.per_call_kb),
        }


class Bench:
    """Runs calls of `talk` seconds through one of the variants on a stand."""

    def __init__(self, stand: Stand, talk: float) -> None:
        self._stand = stand
        self._talk = talk
        self._loop: asyncio.subprocess.Process | None = None
        self._lines = {
            Variant.NATIVE: [f"7495100{extension}" for extension in stand.extensions],
            Variant.AIOARI: [f"7495200{extension}" for extension in stand.extensions],
            Variant.SERVICE: [SERVICE_LINE],
        }

    async def __aenter__(self) -> Bench:
        pbx = self._stand.pbx
        command = [sys.executable, "-m", "benchmarks.aioari_loop", f"{pbx.url}/", ARI_USER, LOOP_APP]
        log = self._stand.folder / "aioari-loop.log"
        environment = {**os.environ, "ARI_PASSWORD": pbx.password}
        self._loop = await spawn(command, output=log, env=environment, folder=_ROOT)
        async with asyncio.timeout(20), aiohttp.ClientSession(headers=pbx.credentials) as http:
            while True:
                async with http.get(f"{pbx.url}/ari/applications") as answer:
                    if LOOP_APP in [application["name"] for application in await answer.json()]:
                        return self
                if self._loop.returncode is not None:
                    raise RuntimeError(f"the loop on aioari ended at once:\n{log.read_text()[-2000:]}")
                await asyncio.sleep(0.1)

    async def __aexit__(self, *_: object) -> None:
        if self._loop is not None:
            await stop(self._loop)

    async def run(self, variant: Variant, rate: float, seconds: float) -> Run:
        """Offer calls for some seconds and wait until everything that follows from them is done."""
        calls = max(1, round(rate * seconds))
        asterisk, client = self._stand.pbx.pid, self._client(variant)
        before = cpu_ms(asterisk), cpu_ms(client) if client else 0.0
        began = time.time()
        result = await self._offer(variant, rate, calls, self._talk)
        await self._stand.settle()
        after = cpu_ms(asterisk), cpu_ms(client) if client else 0.0
        return Run(
            variant,
            rate,
            seconds,
            calls,
            result.failed,
            result.answered - await self._stand.complete_in_crm(began) if variant is Variant.SERVICE else 0,
            (after[0] - before[0]) / calls,
            (after[1] - before[1]) / calls,
            Spread.of(result.answer_ms),
            load(),
        )

    async def memory(self, calls: int) -> Memory:
        """Hold many calls at once in a fresh service."""
        await self._stand.restart_service()
        await self._offer(Variant.SERVICE, 20, 40, 0.5)
        await self._stand.settle()
        pid, rate = self._stand.service.pid, 20.0
        before = rss_kb(pid)
        peaks = [before]
        offering = asyncio.create_task(self._offer(Variant.SERVICE, rate, calls, hold_s=calls / rate + 5))
        await asyncio.sleep(calls / rate + 3)
        held = rss_kb(pid)
        settling = asyncio.create_task(_after(offering, self._stand))
        while not settling.done():
            peaks.append(rss_kb(pid))
            await asyncio.wait({settling}, timeout=0.2)
        return Memory(before, held, max(*peaks, held), calls - await settling)

    async def _offer(self, variant: Variant, rate: float, calls: int, hold_s: float) -> LoadResult:
        stand = self._stand
        return await offer(
            stand.pbx,
            stand.folder,
            self._lines[variant],
            rate=rate,
            calls=calls,
            hold_s=hold_s,
            callers=stand.clients,
        )

    def _client(self, variant: Variant) -> int | None:
        match variant:
            case Variant.NATIVE:
                return None
            case Variant.AIOARI:
                return self._loop.pid if self._loop else None
            case Variant.SERVICE:
                return self._stand.service.pid


async def _after(offering: asyncio.Task[LoadResult], stand: Stand) -> int:
    """How many calls failed, once all that follows from them is done."""
    result = await offering
    await stand.settle()
    return result.failed


async def measure(
    rates: Sequence[float],
    seconds: float,
    *,
    repeat: int,
    soak: float,
    hold: int,
    talk: float = TALK_S,
    keep: Path | None = None,
) -> dict[str, object]:
    """Measure everything; the figures by name."""
    phones = max(40, round(max([*rates, SOAK_RATE if soak else 0]) * (talk + 3)), hold)
    async with Stand(phones=phones, dialplan=DIALPLAN, keep=keep) as stand, Bench(stand, talk) as bench:
        about = machine(stand.pbx.toolbox.version)
        console.print("warming up: every client calls once", highlight=False)
        for variant in Variant:
            await bench.run(variant, 25, phones / 25 if variant is Variant.SERVICE else 1)
        runs = []
        for _ in range(repeat):
            for rate in rates:
                for variant in Variant:
                    runs.append(await bench.run(variant, rate, seconds))
                    _tell(runs[-1])
        soaked = None
        if soak:
            soaked = await bench.run(Variant.SERVICE, SOAK_RATE, soak)
            _tell(soaked)
        memory = await bench.memory(hold) if hold else None
    summary = [_middle([r for r in runs if (r.variant, r.rate) == (v, rate)]) for rate in rates for v in Variant]
    wanted = _targets(summary, soaked, memory)
    _print(summary, soaked, memory, wanted)
    return {
        "benchmark": "control",
        "machine": about,
        "repeat": repeat,
        "talk_s": talk,
        "runs": [run.told() for run in summary],
        "each_run": [run.told() for run in runs],
        "soak": soaked.told() if soaked else None,
        "memory": memory.told() if memory else None,
        "targets": [target.told() for target in wanted],
    }


def _middle(runs: Sequence[Run]) -> Run:
    """The medians of repeated runs; failures are added up."""
    return Run(
        runs[0].variant,
        runs[0].rate,
        runs[0].seconds,
        sum(run.calls for run in runs),
        sum(run.failed for run in runs),
        sum(run.missing for run in runs),
        median(run.asterisk_cpu for run in runs),
        median(run.client_cpu for run in runs),
        Spread(*(median(getattr(run.answer, name) for run in runs) for name in ("p50", "p95", "p99"))),
        median(run.load for run in runs),
    )


def _targets(runs: Sequence[Run], soaked: Run | None, memory: Memory | None) -> list[Target]:
    found = {(run.variant, run.rate): run for run in runs}
    wanted = []
    if soaked:
        name = f"calls that fail at {soaked.rate:g} calls/s for {soaked.seconds:g} s"
        wanted.append(Target(name, 0, soaked.failed, "calls"))
        wanted.append(Target("of these, calls not complete in the CRM", 0, soaked.missing, "calls"))
    for rate in COMPARED_RATES:
        if (Variant.SERVICE, rate) not in found:
            continue
        ours, native = found[Variant.SERVICE, rate], found[Variant.NATIVE, rate]
        added = ours.answer.p95 - native.answer.p95
        wanted.append(Target(f"added to Dial()'s time to answer at {rate:g} calls/s, p95", 12, added, "ms"))
        share = 100 * ours.client_cpu / ours.asterisk_cpu if ours.asterisk_cpu else float("nan")
        wanted.append(Target(f"the service's CPU in relation to Asterisk's at {rate:g} calls/s", 60, share, "%"))
    if memory:
        wanted.append(Target("the service's memory", 60, memory.before_kb / 1024, "MB"))
        wanted.append(Target("its memory per live call", 30, memory.per_call_kb, "KB"))
    return wanted


def _print(runs: Sequence[Run], soaked: Run | None, memory: Memory | None, wanted: Sequence[Target]) -> None:
    columns = (
        *("variant", "calls/s", "calls", "failed", "not in CRM", "Asterisk CPU ms/call", "client CPU ms/call"),
        *("answer ms p50", "p95", "p99", "load"),
    )
    rows = [
        (
            r.variant.value,
            f"{r.rate:g}",
            r.calls,
            r.failed,
            r.missing,
            r.asterisk_cpu,
            r.client_cpu,
            *_spread(r),
            r.load,
        )
        for r in [*runs, *([soaked] if soaked else [])]
    ]
    report.table("from INVITE to 200 with a phone that rings 100 ms", columns, rows)
    if memory:
        row = [("service", memory.calls, *(kb / 1024 for kb in (memory.before_kb, memory.held_kb, memory.peak_kb)))]
        titles = ("memory", "calls held", "before MB", "held MB", "highest MB", "KB per live call")
        report.table("memory", titles, [(*row[0], memory.per_call_kb)])
    report.targets(wanted)


def _spread(run: Run) -> tuple[float, float, float]:
    return run.answer.p50, run.answer.p95, run.answer.p99


def _tell(run: Run) -> None:
    console.print(
        f"{run.variant.value:>8} {run.rate:4g}/s: {run.calls - run.failed}/{run.calls} answered, CPU ms/call "
        f"{run.asterisk_cpu:.1f} + {run.client_cpu:.1f}, answer p50 {run.answer.p50:.0f} p95 {run.answer.p95:.0f} ms",
        highlight=False,
    )


def rates_of(text: str) -> list[float]:
    """Calls per second, written with commas between. Raises `typer.BadParameter`."""
    try:
        rates = [float(part) for part in text.split(",")]
    except ValueError:
        rates = []
    if not rates or not all(0 < rate <= 1000 for rate in rates):
        raise typer.BadParameter(f"{text!r}: write numbers from 0 to 1000 with commas between, such as 20,50,100")
    return rates


def main(
    rates: Annotated[str, typer.Option(help="calls per second, with commas between")] = "20,50,100",
    seconds: Annotated[float, typer.Option(min=1, max=600, help="how long calls are offered at each rate")] = 20,
    repeat: Annotated[int, typer.Option(min=1, max=20, help="how often; medians are told")] = 1,
    soak: Annotated[float, typer.Option(min=0, max=3600, help="seconds at 50 calls/s through the service; 0: no")] = 60,
    talk: Annotated[float, typer.Option(min=0.1, max=60, help="seconds each call talks")] = TALK_S,
    hold: Annotated[int, typer.Option(min=0, max=2000, help="calls held at once to measure memory; 0: none")] = 150,
    json: Annotated[Path | None, typer.Option(help="write the figures to this file")] = None,
    keep: Annotated[Path | None, typer.Option(help="copy all logs to this folder")] = None,
) -> None:
    """Compare Dial(), a minimal loop on aioari and this service: CPU per call, time to answer, memory."""
    wanted = rates_of(rates)
    try:
        figures = asyncio.run(measure(wanted, seconds, repeat=repeat, soak=soak, hold=hold, talk=talk, keep=keep))
    except (ToolMissing, RuntimeError, TimeoutError) as error:
        typer.echo(f"benchmarks.control: {error}", err=True)
        raise typer.Exit(1) from None
    report.save(json, figures)


if __name__ == "__main__":
    typer.run(main)
