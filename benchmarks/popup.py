"""How long a card takes: from the phone's 180 Ringing to the card on the employee's screen at the portal.

.venv/bin/python -m benchmarks.popup --json out.json
"""

from __future__ import annotations

import asyncio
import json as json_format
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from benchmarks import report
from benchmarks.control import rates_of
from benchmarks.measure import Spread, load, machine, plain
from benchmarks.report import Target, console
from benchmarks.stand import PORTAL_LATENCY_S, SERVICE_LINE, Stand
from lab.load import LoadResult, offer
from lab.toolbox import ToolMissing
from lab.truth import Trace

Interval: TypeAlias = tuple[float, float]

HOLD_S = 1.0
HANG_S = 30.0
OWN_LIMIT_MS = 20.0
# What hanging requests may add at most to count as adding nothing: the noise between two equal runs.
GROWTH_LIMIT_MS = 5.0


@dataclass(frozen=True, slots=True)
class Popup:
    """One card, in ms since the phone's 180: `total` until it was on the screen, `own` without the portal's work."""

    total: float
    own: float


@dataclass(frozen=True, slots=True)
class Run:
    """The cards of some calls. `hanging`: meanwhile requests about two other calls hung."""

    rate: float
    hanging: bool
    calls: int
    failed: int
    missing: int
    total: Spread
    own: Spread
    load: float

    def told(self) -> dict[str, object]:
        return {
            "rate": self.rate,
            "hanging_request": self.hanging,
            "calls": self.calls,
            "failed": self.failed,
            "cards_missing": self.missing,
            "ringing_to_card_ms": self.total.told(),
            "own_part_ms": self.own.told(),
            "load": self.load,
        }


class Bench:
    """Offers calls and finds out when their phones rang and when their cards came.

    `hang`: for how many seconds the requests hang that hang.
    """

    def __init__(self, stand: Stand, trace: Trace, hang: float) -> None:
        self._stand = stand
        self._trace = trace
        self._hang = hang

    async def run(self, rate: float, seconds: float, *, hanging: bool) -> Run:
        """Offer calls for some seconds; with `hanging`, requests about two earlier ones hang all the while."""
        if hanging:
            await self._let_requests_hang()
        calls = max(1, round(rate * seconds))
        began = time.time()
        self._trace.dialogs.clear()
        result = await self._offer(rate, calls)
        popups = await self._popups(began)
        measured = Run(
            rate,
            hanging,
            calls,
            result.failed,
            result.answered - len(popups),
            Spread.of([popup.total for popup in popups]),
            Spread.of([popup.own for popup in popups]),
            load(),
        )
        await self._stand.portal.no_trouble()
        await self._stand.settle()
        return measured

    async def _offer(self, rate: float, calls: int, callers: Sequence[str] = ()) -> LoadResult:
        stand = self._stand
        return await offer(
            stand.pbx,
            stand.folder,
            [SERVICE_LINE],
            rate=rate,
            calls=calls,
            hold_s=HOLD_S,
            callers=callers or stand.clients,
        )

    async def _let_requests_hang(self) -> None:
        """Two calls from the last clients in the list; the portal leaves hanging how one ended and one's registration.

        The service gives up a registration after 15 s and tries again, and waits for the end of a finish.
        """
        portal = self._stand.portal
        for method in ("telephony.externalCall.finish", "telephony.externalCall.register"):
            await portal.trouble(kind="hang", seconds=self._hang, times=1, methods=[method])
        await self._offer(5, 2, self._stand.clients[-2:])
        deadline = time.monotonic() + 10
        while left := json_format.loads(await portal.raw("status"))["faults"]:
            if time.monotonic() > deadline:
                raise RuntimeError(f"the portal was to leave requests hanging, but did not get them: {left}")
            await asyncio.sleep(0.05)

    async def _popups(self, began: float) -> list[Popup]:
        """Every card shown since `began` of a call whose phone rang."""
        rang = {dialog.caller[-10:]: dialog.ringing_at for dialog in self._trace.dialogs.values() if dialog.ringing_at}
        worked = defaultdict(list)
        for request in json_format.loads(await self._stand.portal.raw("requests")):
            worked[request["call_id"]].append((request["at"], request["at"] + request["seconds"]))
        popups = []
        for call in await self._stand.portal.calls():
            rang_at = rang.get(call["phone_number"][-10:])
            if call["registered_at"] < began or rang_at is None or not call["cards"]:
                continue
            shown_at = min(card["shown_at"] for card in call["cards"])
            total = shown_at - rang_at
            own = total - overlap(worked[call["call_id"]], (rang_at, shown_at))
            popups.append(Popup(1000 * total, 1000 * own))
        return popups


def overlap(intervals: Iterable[Interval], window: Interval) -> float:
    """Seconds of the window covered by at least one of the intervals."""
    covered, reached = 0.0, window[0]
    for begin, end in sorted(intervals):
        begin, end = max(begin, reached), min(end, window[1])
        if end > begin:
            covered += end - begin
            reached = end
    return covered


async def measure(
    rates: Sequence[float], seconds: float, *, hang: float = HANG_S, keep: Path | None = None
) -> dict[str, Any]:
    """Measure everything; the figures by name."""
    trace = Trace()
    phones = max(40, round(max(rates) * seconds)) + 2
    async with Stand(phones=phones, on_trace=trace.feed, keep=keep) as stand:
        about = machine(stand.pbx.toolbox.version)
        bench = Bench(stand, trace, hang)
        await bench.run(5, 2, hanging=False)  # warm up
        runs = []
        for hanging in (False, True):
            for rate in rates:
                runs.append(await bench.run(rate, seconds, hanging=hanging))
                _tell(runs[-1])
    wanted = _targets(runs)
    _print(runs, wanted)
    return {
        "benchmark": "popup",
        "machine": about,
        "portal_latency_ms": plain(1000 * PORTAL_LATENCY_S),
        "runs": [run.told() for run in runs],
        "targets": [target.told() for target in wanted],
    }


def _targets(runs: Sequence[Run]) -> list[Target]:
    wanted = []
    alone = {run.rate: run for run in runs if not run.hanging}
    for run in runs:
        name = f"{run.rate:g} calls/s{' while other requests hang' if run.hanging else ''}"
        wanted.append(Target(f"own part at {name}, p95", OWN_LIMIT_MS, run.own.p95, "ms"))
        wanted.append(Target(f"cards missing at {name}", 0, run.missing + run.failed, "calls"))
        if run.hanging:
            growth = run.own.p95 - alone[run.rate].own.p95
            wanted.append(Target(f"own part grown by, at {name}, p95", GROWTH_LIMIT_MS, growth, "ms"))
    return wanted


def _print(runs: Sequence[Run], wanted: Sequence[Target]) -> None:
    columns = (
        *("calls/s", "other requests", "calls", "failed", "no card"),
        *("own ms p50", "p95", "p99", "card ms p50", "p95", "p99", "load"),
    )
    rows = [
        (
            f"{run.rate:g}",
            "hang" if run.hanging else "answered",
            *(run.calls, run.failed, run.missing),
            *(run.own.p50, run.own.p95, run.own.p99, run.total.p50, run.total.p95, run.total.p99, run.load),
        )
        for run in runs
    ]
    title = f"from 180 to the card at a portal that takes {1000 * PORTAL_LATENCY_S:g} ms"
    report.table(title, columns, rows)
    report.targets(wanted)


def _tell(run: Run) -> None:
    others = "(others hang)" if run.hanging else ""
    console.print(
        f"{run.rate:4g}/s {others:13} {run.calls} calls, own part p50 {run.own.p50:.1f} p95 {run.own.p95:.1f} ms, "
        f"card p50 {run.total.p50:.0f} p95 {run.total.p95:.0f} ms",
        highlight=False,
    )


def main(
    rates: Annotated[str, typer.Option(help="calls per second, with commas between")] = "1,5,20",
    seconds: Annotated[float, typer.Option(min=1, max=25, help="how long calls are offered at each rate")] = 25,
    json: Annotated[Path | None, typer.Option(help="write the figures to this file")] = None,
    keep: Annotated[Path | None, typer.Option(help="copy all logs to this folder")] = None,
) -> None:
    """Measure how soon a card is there once a phone rings, also while requests about other calls hang."""
    wanted = rates_of(rates)
    try:
        figures = asyncio.run(measure(wanted, seconds, keep=keep))
    except (ToolMissing, RuntimeError, TimeoutError) as error:
        typer.echo(f"benchmarks.popup: {error}", err=True)
        raise typer.Exit(1) from None
    report.save(json, figures)


if __name__ == "__main__":
    typer.run(main)
