"""`scripts/demo`: a company's telephone day on a real exchange, checked against what really happened."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import signal
import sys
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from lab.exchange import Exchange, Result
from lab.stories import all_stories
from lab.story import Story, Weather
from lab.toolbox import ToolMissing

console = Console() if sys.stdout.isatty() else Console(width=140)
AT_ONCE = 5


@dataclass(frozen=True, slots=True)
class Report:
    """What came of playing every story once."""

    results: Sequence[Result]
    seconds: float

    @property
    def calls(self) -> int:
        return sum(result.calls for result in self.results)

    def told(self) -> dict[str, object]:
        """As the report file holds it."""
        stories = [{"name": r.name, "agrees": r.agrees, "differences": list(r.differences)} for r in self.results]
        return {"stories": stories, "calls": self.calls, "elapsed_s": round(self.seconds, 1)}


class Board:
    """The table of stories, live on a terminal and line by line elsewhere."""

    def __init__(self, stories: Sequence[Story]) -> None:
        self._names = [story.name for story in stories]
        self._state: dict[str, str] = {}
        self._results: dict[str, Result] = {}
        self._live: Live | None = None

    def __enter__(self) -> Board:
        if console.is_terminal:
            self._live = Live(self._table(), console=console, refresh_per_second=4)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.update(self._table())
            self._live.stop()
        else:
            console.print(self._table())

    def playing(self, name: str) -> None:
        """A story has begun."""
        self._state[name] = "[yellow]playing[/]"
        self._show(f"  playing  {name}")

    def judging(self, name: str) -> None:
        """Its calls are over; the CRM is being waited for."""
        self._state[name] = "[cyan]judging[/]"
        self._show(f"  over     {name}")

    def done(self, result: Result) -> None:
        """A story has been judged."""
        if result.name not in self._names:
            self._names.append(result.name)
        self._results[result.name] = result
        self._state[result.name] = "[green]agrees[/]" if result.agrees else "[red]differs[/]"
        count = f"{len(self._results)}/{len(self._names)}"
        self._show(f"{count:>8}  {'agrees ' if result.agrees else 'DIFFERS'}  {result.name}")

    def _show(self, line: str) -> None:
        if self._live:
            self._live.update(self._table())
        else:
            console.print(line, markup=False, highlight=False)

    def _table(self) -> Table:
        table = Table(title=f"{len(self._results)} of {len(self._names)} stories", title_justify="left")
        table.add_column("story", ratio=2)
        table.add_column("")
        table.add_column("what differed between the phones and the CRM", ratio=3)
        for name in self._names:
            result = self._results.get(name)
            table.add_row(
                escape(name), self._state.get(name, ""), escape("\n".join(result.differences if result else ()))
            )
        return table


async def play_all(exchange: Exchange, stories: Sequence[Story], board: Board, at_once: int) -> list[Result]:
    """Every story once: several at a time, those with a portal in trouble afterwards and alone."""
    places = asyncio.Semaphore(at_once)

    async def perform(story: Story) -> Result:
        async with places:
            board.playing(story.name)
            played = await exchange.play(story)
        board.judging(story.name)
        result = await exchange.judge(played)
        board.done(result)
        return result

    well = [story for story in stories if story.weather is Weather.WELL]
    results = list(await asyncio.gather(*(perform(story) for story in well)))
    for story in stories:
        if story.weather is not Weather.WELL:
            results.append(await perform(story))
    complaints = [f"{c['invariant']}: {c['detail']}" for c in await exchange.portal.audit()]
    left = [f"{thing} is left" for thing in await exchange.pbx.left()]
    for name, differences in (
        ("afterwards the portal has nothing to complain of", complaints),
        ("afterwards no channel and no bridge is left in Asterisk", left),
    ):
        results.append(Result(name, 0, differences))
        board.done(results[-1])
    return results


async def keep_calling(exchange: Exchange, stories: Sequence[Story], at_once: int) -> None:
    """Customers call for ever: stories in random order, `at_once` of them at a time."""
    free = [story for story in stories if story.weather is Weather.WELL] or list(stories)

    async def player() -> None:
        while True:
            story = free.pop(random.randrange(len(free)))
            result = await exchange.perform(story)
            free.append(story)
            mark = "[green]agrees[/]" if result.agrees else "[red]differs[/]"
            console.print(f"{time.strftime('%H:%M:%S')} {mark} {escape(story.name)}", highlight=False)
            for difference in result.differences:
                console.print(f"           {difference}", markup=False, highlight=False)
            await asyncio.sleep(random.uniform(0, 3))

    await asyncio.gather(*(player() for _ in range(min(at_once, len(free)))))


async def run(once: bool, stories: Sequence[Story], keep: Path | None, at_once: int) -> Report:
    """Start the exchange and play; what came of it."""
    began = time.monotonic()
    async with contextlib.AsyncExitStack() as stack:
        with console.status("starting Asterisk, the portal and the service"):
            exchange = await stack.enter_async_context(Exchange(stories, keep=keep))
        console.print(f"Asterisk {exchange.pbx.toolbox.version}", highlight=False)
        for what, address in (
            ("desktops of the employees", f"{exchange.sandbox.url}/sandbox/"),
            ("the service", f"{exchange.service.url}/"),
            ("its token", exchange.company.token),
        ):
            console.print(f"{what:<26} {address}", highlight=False, soft_wrap=True)
        if not once:
            console.print("customers are calling; Ctrl-C ends it")
            await keep_calling(exchange, stories, min(at_once, 3))
        with Board(stories) as board:
            results = await play_all(exchange, stories, board, at_once)
    return Report(results, time.monotonic() - began)


def settle(report: Report, file: Path | None) -> int:
    """Tell the outcome, on the console and in a file; the exit status."""
    if file:
        file.write_text(json.dumps(report.told(), ensure_ascii=False, indent=2) + "\n")
    wrong = [result for result in report.results if not result.agrees]
    outcome = f"[red]{len(wrong)} stories differ[/]" if wrong else "[green]every story agrees[/]"
    console.print(f"{report.calls} calls in {report.seconds:.0f} s: {outcome}", highlight=False)
    return 1 if wrong else 0


def main(
    once: Annotated[bool, typer.Option("--once", help="play every story once and end")] = False,
    report: Annotated[Path | None, typer.Option("--json", help="write the outcome of --once to this file")] = None,
    only: Annotated[str, typer.Option(help="only stories with this text in their name")] = "",
    keep: Annotated[Path | None, typer.Option(help="keep all logs and traces in this folder")] = None,
    at_once: Annotated[int, typer.Option(min=1, help="how many stories at a time")] = AT_ONCE,
) -> None:
    """Play a company's telephone day: real Asterisk, SIPp phones, the service, a portal; and compare with the CRM."""
    stories = [story for story in all_stories() if only in story.name]
    if not stories:
        raise typer.BadParameter(f"no story has {only!r} in its name", param_hint="--only")
    try:
        played = asyncio.run(_until_interrupted(run(once, stories, keep, at_once)))
    except ToolMissing as error:
        console.print(f"error: {error}", markup=False)
        raise typer.Exit(2) from None
    if played is None:
        raise typer.Exit(130 if once else 0)
    raise typer.Exit(settle(played, report))


async def _until_interrupted(work: Coroutine[None, None, Report]) -> Report | None:
    """Run to the end, or until Ctrl-C or SIGTERM: then everything is tidied up, and there is no report."""
    task = asyncio.create_task(work)
    loop = asyncio.get_running_loop()
    for kind in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(kind, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        return await task
    return None


if __name__ == "__main__":
    typer.run(main)
