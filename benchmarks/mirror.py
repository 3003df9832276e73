"""How much of the portal's budget becomes calls in the CRM, and how soon a card is there, with the limits on.

.venv/bin/python -m benchmarks.mirror --json out.json
"""

from __future__ import annotations

import asyncio
import contextlib
import json as json_format
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from loguru import logger

from benchmarks import report
from benchmarks.measure import cpu_ms, load, machine, percentile, plain
from benchmarks.portal_clients import FIRST_USER, Client, FastBitrix24, InTurn, OurMirror
from benchmarks.report import Target, console
from benchmarks.told_calls import Offer, ToldCall
from lab.company import table
from lab.services import Portal, Program, sandbox

COMMAND_S = 0.06
PHONES = 600
RATE = 10.0
QUIET_RATE = 0.2
PATIENCE_S = 60.0
BATCH = 50


@dataclass(frozen=True, slots=True)
class Effects:
    """Seconds from what happened to its effect at the portal."""

    shows: list[float]
    hides: list[float]
    finishes: list[float]
    lost: int

    @property
    def cards(self) -> list[float]:
        return self.shows + self.hides


@dataclass(frozen=True, slots=True)
class Run:
    """What one client made of calls at one rate."""

    client: str
    rate: float
    calls: int
    sustained: float
    effects: Effects
    requests: int
    refusals: int
    findings: int
    portal_cpu_ms: float
    load: float

    @property
    def requests_per_call(self) -> float:
        return self.requests / max(1, self.calls)

    def told(self) -> dict[str, object]:
        figures: dict[str, object] = {
            "client": self.client,
            "rate": self.rate,
            "calls": self.calls,
            "sustained_calls_per_s": plain(self.sustained),
        }
        for name, times in (
            ("card", self.effects.cards),
            ("show", self.effects.shows),
            ("hide", self.effects.hides),
            ("finish", self.effects.finishes),
        ):
            for share in (0.5, 0.95, 0.99):
                figures[f"{name}_p{round(100 * share)}_s"] = _seconds(times, share)
        return {
            **figures,
            "requests_per_call": plain(self.requests_per_call),
            "refusals": self.refusals,
            "lost": self.effects.lost,
            "findings": self.findings,
            "portal_cpu_ms_per_call": plain(self.portal_cpu_ms / max(1, self.calls)),
            "load": self.load,
        }


@dataclass(frozen=True, slots=True)
class Drain:
    """How a backlog went: `used` is the share of the commands the limits allow that were carried out."""

    calls: int
    seconds: float
    used: float
    cards: list[float]
    lost: int
    refusals: int
    findings: int

    def told(self) -> dict[str, object]:
        return {
            "calls_waiting": self.calls,
            "drained_in_s": plain(self.seconds),
            "share_of_the_limits": plain(self.used),
            "new_card_p50_s": _seconds(self.cards, 0.5),
            "new_card_p95_s": _seconds(self.cards, 0.95),
            "lost": self.lost,
            "refusals": self.refusals,
            "findings": self.findings,
        }


class Bench:
    """A portal of its own for each run: its bucket is empty and its working time unused."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.extensions = [str(2000 + number) for number in range(PHONES)]
        self._seed = folder / "seed.toml"
        self._seed.write_text(_seed_text(self.extensions))

    @contextlib.asynccontextmanager
    async def portal(self) -> AsyncIterator[tuple[Program, Portal]]:
        """A fresh portal with the published limits, 60 ms of work for each command."""
        program = sandbox(self._seed, self._folder, "--latency", str(COMMAND_S), "--lenient")
        await program.start()
        try:
            async with Portal(program.url) as control:
                yield program, control
        finally:
            await program.stop()

    def ours(self, url: str) -> OurMirror:
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        return OurMirror(url, folder, len(self.extensions))

    async def run(self, name: str, made: Callable[[str], Client], rate: float, seconds: float, patience: float) -> Run:
        """Offer calls at a steady rate; a client gets `patience` seconds after the last one to tell the rest."""
        async with self.portal() as (program, control), made(program.url) as client:
            offer = Offer(self.extensions, client.tell)
            began_cpu = cpu_ms(program.pid)
            await offer.at(rate, seconds)
            last = max(call.ended_at for call in offer.calls)
            await asyncio.sleep(2)
            done = sum(call["finish"]["at"] <= last + 2 for call in await control.calls() if call["finish"])
            await self._all_finished(control, offer.calls, patience)
            return Run(
                name,
                rate,
                len(offer.calls),
                done / seconds,
                _effects(offer.calls, await control.calls()),
                *await _counts(control),
                len(await control.audit()),
                cpu_ms(program.pid) - began_cpu,
                load(),
            )

    async def backlog(self, waiting: int, rate: float) -> Drain:
        """The portal was away for an hour, `waiting` calls came and went; it comes back, and calls go on coming."""
        async with self.portal() as (program, control), self.ours(program.url) as client:
            offer = Offer(self.extensions, client.tell)
            await control.trouble(kind="down")
            for number in range(waiting):
                call = offer.one(ago=timedelta(seconds=3600 * (1 - number / waiting)))
                call.starts()
                call.rings()
                call.ends()
                if number % 50 == 0:
                    await asyncio.sleep(0.02)
            await asyncio.sleep(5)  # the outage is known by now
            old = list(offer.calls)
            await control.no_trouble()
            came_back = time.time()
            await self._all_finished(control, old, PATIENCE_S, least=1)  # it is known to be back
            new = asyncio.create_task(offer.at(rate, waiting / 35))
            drained = await self._all_finished(control, old, waiting / 5)
            seconds = max(drained, default=came_back) - came_back
            await new
            await self._all_finished(control, offer.calls, PATIENCE_S)
            calls = await control.calls()
            fresh = _effects(offer.calls[waiting:], calls)
            during = [call for call in offer.calls[waiting:] if call.rang_at < came_back + seconds]
            cards = _effects(during, calls).shows
            commands = _commands_until(calls, came_back + seconds)
            _, refusals = await _counts(control)
            return Drain(
                waiting,
                seconds,
                commands / (seconds * 2 * BATCH),
                cards,
                _effects(old, calls, cards=False).lost + fresh.lost,
                refusals,
                len([f for f in await control.audit() if f["invariant"] != "rejected request"]),
            )

    async def _all_finished(
        self, control: Portal, calls: Sequence[ToldCall], patience: float, *, least: int | None = None
    ) -> list[float]:
        """When these calls were finished at the portal, once all (or so many) are, or patience (seconds) has ended."""
        deadline, known = time.monotonic() + patience, {call.call_id for call in calls}
        wanted = len(known) if least is None else least
        while True:
            held = [call for call in await control.calls() if call["external_call_id"] in known and call["finish"]]
            if len(held) >= wanted or time.monotonic() > deadline:
                return [call["finish"]["at"] for call in held]
            await asyncio.sleep(0.5)


def _effects(happened: Sequence[ToldCall], calls: Sequence[dict[str, Any]], *, cards: bool = True) -> Effects:
    """Compare what happened with what the portal holds. A call is lost when its record or a card of it is missing."""
    by_id: dict[str, list[dict[str, Any]]] = {}
    for each in calls:
        by_id.setdefault(each["external_call_id"], []).append(each)
    effects = Effects([], [], [], 0)
    lost = 0
    for call in happened:
        (held, *doubles) = by_id.get(call.call_id, [None])
        shown = [card for card in held["cards"] if card["user_id"] >= FIRST_USER] if held else []
        if held is None or doubles or held["finish"] is None or (cards and len(shown) < 3):
            lost += 1
            continue
        effects.finishes.append(held["finish"]["at"] - call.ended_at)
        if cards:
            effects.shows.append(max(card["shown_at"] for card in shown) - call.rang_at)
            hidden = [card["hidden_at"] for card in shown if card["hidden_by"] == "hide"]
            effects.hides.extend([max(hidden) - call.answered_at] if hidden else [])
    return Effects(effects.shows, effects.hides, effects.finishes, lost)


async def _counts(control: Portal) -> tuple[int, int]:
    status = json_format.loads(await control.raw("status"))
    refused = sum(status["errors"].get(code, 0) for code in ("QUERY_LIMIT_EXCEEDED", "OPERATION_TIME_LIMIT"))
    return status["requests"], refused


def _commands_until(calls: Sequence[dict[str, Any]], moment: float) -> int:
    return sum(request["at"] <= moment for call in calls for request in call["requests"])


def _seconds(times: Sequence[float], share: float) -> float | None:
    value = percentile(times, share)
    return round(value, 3) if value == value else None


def _seed_text(extensions: Sequence[str]) -> str:
    users = [{"id": 1, "name": "Olga", "extension": "", "admin": True}]
    users += [{"id": FIRST_USER + at, "name": f"Agent {each}", "extension": each} for at, each in enumerate(extensions)]
    clients = [
        {"id": 1 + at, "name": f"Client {at}", "phones": [f"7916555{at:04d}"], "assigned_by": FIRST_USER + 1}
        for at in range(1000)
    ]
    rows = [("users", user) for user in users] + [("clients", client) for client in clients]
    return "".join(table(name, row, array=True) for name, row in rows)


async def measure(
    seconds: float, *, compare: float, rate: float = RATE, quiet: float = 60.0, waiting: int = 3000
) -> dict[str, Any]:
    """Measure everything; the figures by name."""
    folder = Path(tempfile.mkdtemp(prefix="stasis-bench-"))
    try:
        bench = Bench(folder)
        runs = [await bench.run("b24client", bench.ours, rate, seconds, PATIENCE_S)]
        _tell(runs[-1])
        if compare:
            for name, made in (("in turn", InTurn), ("fast_bitrix24", FastBitrix24)):
                runs.append(await bench.run(name, made, rate, compare, 0))
                _tell(runs[-1])
        lone = await bench.run("b24client, quiet", bench.ours, QUIET_RATE, quiet, PATIENCE_S)
        runs.append(lone)
        _tell(lone)
        drain = await bench.backlog(waiting, 1.0) if waiting else None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    wanted = _targets(runs[0], lone, drain)
    _print(runs, drain, wanted)
    return {
        "benchmark": "mirror",
        "machine": machine(""),
        "portal_latency_ms": 1000 * COMMAND_S,
        **{name: value for name, value in runs[0].told().items() if name not in ("client", "load")},
        "runs": [run.told() for run in runs],
        "backlog": drain.told() if drain else None,
        "targets": [target.told() for target in wanted],
    }


def _targets(ours: Run, quiet: Run, drain: Drain | None) -> list[Target]:
    wanted = [
        Target("calls/s offered but not sustained", 0.05 * ours.rate, ours.rate - ours.sustained, "calls/s"),
        Target("card at the portal, p95", 1.0, percentile(ours.effects.cards, 0.95), "s"),
        Target("refusals (503, 429)", 0, ours.refusals, ""),
        Target("calls lost", 0, ours.effects.lost, "calls"),
        Target(
            "a lone card: two commands of 60 ms in one request, p95", 0.15, percentile(quiet.effects.shows, 0.95), "s"
        ),
    ]
    if drain is not None:
        wanted += [
            Target("part of the limits a backlog leaves unused", 0.1, 1 - drain.used, ""),
            Target("new cards while it drains, p95", 1.5, percentile(drain.cards, 0.95), "s"),
            Target("calls of the backlog lost", 0, drain.lost, "calls"),
        ]
    return wanted


def _print(runs: Sequence[Run], drain: Drain | None, wanted: Sequence[Target]) -> None:
    columns = ("client", "calls/s", "calls", "sustained", "show p50", "p95", "p99", "hide p95", "finish p50", "p95")
    rows = [
        (
            run.client,
            *(f"{run.rate:g}", run.calls, f"{run.sustained:.2f}"),
            *(_cell(run.effects.shows, share) for share in (0.5, 0.95, 0.99)),
            _cell(run.effects.hides, 0.95),
            *(_cell(run.effects.finishes, share) for share in (0.5, 0.95)),
            *(f"{run.requests_per_call:.2f}", run.refusals, run.effects.lost),
        )
        for run in runs
    ]
    report.table(
        f"seconds from the event to its effect at a portal that takes {1000 * COMMAND_S:g} ms for a command",
        (*columns, "requests/call", "refusals", "lost"),
        rows,
    )
    if drain is not None:
        console.print(f"backlog: {drain.told()}", highlight=False)
    report.targets(wanted)


def _cell(times: Sequence[float], share: float) -> str:
    value = percentile(times, share)
    return f"{value:.2f}" if value == value else "–"


def _tell(run: Run) -> None:
    console.print(f"{run.client}: {run.told()}", highlight=False)


def main(
    seconds: Annotated[float, typer.Option(min=1, help="how long calls are offered")] = 300,
    compare: Annotated[float, typer.Option(min=0, help="the same for the other clients; 0: without them")] = 60,
    rate: Annotated[float, typer.Option(min=0.1, help="calls a second")] = RATE,
    quiet: Annotated[float, typer.Option(min=5, help="seconds of calls now and then")] = 60,
    waiting: Annotated[int, typer.Option(min=0, help="calls that wait after the outage; 0: no outage")] = 3000,
    json: Annotated[Path | None, typer.Option(help="write the figures to this file")] = None,
) -> None:
    """Measure what becomes of calls at a portal with the published limits, beside two other clients."""
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    figures = asyncio.run(measure(seconds, compare=compare, rate=rate, quiet=quiet, waiting=waiting))
    report.save(json, figures)


if __name__ == "__main__":
    typer.run(main)
