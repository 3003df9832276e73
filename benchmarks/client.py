"""What a request costs: `b24client` beside bare aiohttp and two other clients, on one sandbox portal without limits.

.venv/bin/python -m benchmarks.client --json client.json
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import aiohttp
import orjson
import typer
import uvloop

from b24client import Limits, Portal, WebhookAuth
from b24client.sandbox import SAMPLE_SEED
from benchmarks import report
from benchmarks.measure import load, machine, median, plain
from benchmarks.report import Target, console
from lab.services import sandbox

ASKED = "profile"
"""The method: what the portal itself does for it is next to nothing."""
CPU_LIMIT = 1.3
CONCURRENCY = (1, 20)
SLICE_S = 0.5
_UNLIMITED = 10**9
_WARM_UP = 50

Ask = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Client:
    """A way to ask the portal. `opened(webhook, concurrency)` gives what makes one request."""

    name: str
    opened: Callable[[str, int], contextlib.AbstractAsyncContextManager[Ask]]


@asynccontextmanager
async def _bare(webhook: str, _concurrency: int) -> AsyncIterator[Ask]:
    """The least one would write: a session, JSON there and back, and no look at what came."""
    connector = aiohttp.TCPConnector(limit=200)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        url, headers = webhook + ASKED, {"Content-Type": "application/json"}

        async def ask() -> object:
            async with session.post(url, data=orjson.dumps({}), headers=headers) as response:
                return orjson.loads(await response.read())["result"]

        yield ask


@asynccontextmanager
async def _ours(webhook: str, _concurrency: int) -> AsyncIterator[Ask]:
    async with Portal(WebhookAuth(webhook), limits=Limits(enabled=False), allow_http=True) as portal:
        yield lambda: portal.call(ASKED)


@asynccontextmanager
async def _fast_bitrix24(webhook: str, _concurrency: int) -> AsyncIterator[Ask]:
    """Its own limits as wide as they go: it can't do without."""
    from fast_bitrix24.bitrix import BitrixAsync

    async with aiohttp.ClientSession(raise_for_status=True) as session:
        client = BitrixAsync(
            webhook,
            verbose=False,
            client=session,
            request_pool_size=_UNLIMITED,
            requests_per_second=float(_UNLIMITED),
            operating_time_limit=_UNLIMITED,
        )
        yield lambda: client.call(ASKED, raw=True)


@asynccontextmanager
async def _b24pysdk(webhook: str, concurrency: int) -> AsyncIterator[Ask]:
    """It knows https only and no asyncio: its address is put right here, and it runs in as many threads as asked."""
    from b24pysdk.api.callers.call_method import _MethodCaller
    from b24pysdk.credentials import BitrixWebhook

    class PlainCaller(_MethodCaller):  # type: ignore[misc]
        @property
        def _base_url(self) -> str:
            return f"http://{self._domain}/rest"

    parts = urlsplit(webhook)
    token = BitrixWebhook(domain=parts.netloc, webhook_token=parts.path.removeprefix("/rest/"))

    def call() -> object:
        answer = PlainCaller(domain=token.domain, auth_token=token.auth_token, is_webhook=True, api_method=ASKED).call()
        return answer["result"]

    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(concurrency) as threads:
        yield lambda: loop.run_in_executor(threads, call)


CLIENTS = (
    Client("aiohttp", _bare),
    Client("b24client", _ours),
    Client("fast_bitrix24", _fast_bitrix24),
    Client("b24pysdk", _b24pysdk),
)


@dataclass(slots=True)
class Run:
    """What a client did at one concurrency; a figure per round."""

    client: str
    concurrency: int
    requests: int = 0
    per_second: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)

    @property
    def cpu(self) -> float:
        """CPU time of this process per request, in ms."""
        return median(self.cpu_ms)

    def told(self, bare: Run) -> dict[str, object]:
        return {
            "client": self.client,
            "concurrency": self.concurrency,
            "requests": self.requests,
            "rounds": len(self.cpu_ms),
            "requests_per_s": plain(median(self.per_second)),
            "cpu_ms_per_request": round(self.cpu, 4),
            "cpu_times_aiohttp": plain(compared(self, bare)),
        }


def compared(run: Run, bare: Run) -> float:
    """How many times the CPU of bare aiohttp: the median of the rounds' own ratios, so that slow times cancel out."""
    return median(mine / its for mine, its in zip(run.cpu_ms, bare.cpu_ms, strict=True))


async def _round(run: Run, ask: Ask, seconds: float) -> None:
    """Ask for some seconds with as many requests at a time as the run is about."""
    done = 0
    end = time.perf_counter() + seconds

    async def asking() -> None:
        nonlocal done
        while True:  # once at least: a round may be over before it has begun
            await ask()
            done += 1
            if time.perf_counter() >= end:
                return

    gc.collect()
    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(asking() for _ in range(run.concurrency)))
    run.cpu_ms.append(1000 * (time.process_time() - cpu) / done)
    run.per_second.append(done / (time.perf_counter() - began))
    run.requests += done


async def _measured(clients: Sequence[Client], concurrency: int, webhook: str, seconds: float) -> list[Run]:
    """Rounds of all clients in turn, so that what changes on the machine meanwhile befalls them all."""
    rounds = max(1, round(seconds / SLICE_S))
    async with contextlib.AsyncExitStack() as stack:
        runs = []
        for client in clients:
            ask = await stack.enter_async_context(client.opened(webhook, concurrency))
            for _ in range(_WARM_UP):
                await ask()
            runs.append((Run(client.name, concurrency), ask))
        for _ in range(rounds):
            for run, ask in runs:
                await _round(run, ask, seconds / rounds)
    return [run for run, _ in runs]


async def measure(seconds: float, concurrencies: Sequence[int] = CONCURRENCY) -> dict[str, Any]:
    """Measure everything; the figures by name."""
    with tempfile.TemporaryDirectory(prefix="client-bench-") as folder:
        portal = sandbox(SAMPLE_SEED, Path(folder), "--no-limits")
        await portal.start()
        try:
            runs: list[Run] = []
            for concurrency in concurrencies:
                runs += await _measured(CLIENTS, concurrency, f"{portal.url}/rest/1/sandboxsecret/", seconds)
        finally:
            await portal.stop()
    wanted = _targets(runs)
    _print(runs, wanted)
    return {
        "benchmark": "client",
        "machine": machine(),
        "method": ASKED,
        "runs": [run.told(_bare_of(run, runs)) for run in runs],
        "targets": [target.told() for target in wanted],
    }


def _bare_of(run: Run, runs: Sequence[Run]) -> Run:
    return next(each for each in runs if each.client == "aiohttp" and each.concurrency == run.concurrency)


def _targets(runs: Sequence[Run]) -> list[Target]:
    return [
        Target(f"CPU of b24client, {_at(run.concurrency)}", CPU_LIMIT, compared(run, _bare_of(run, runs)), "× aiohttp")
        for run in runs
        if run.client == "b24client"
    ]


def _at(concurrency: int) -> str:
    return "one after another" if concurrency == 1 else f"{concurrency} at a time"


def _print(runs: Sequence[Run], wanted: Sequence[Target]) -> None:
    rows = [
        (
            *(run.client, run.concurrency, run.requests, median(run.per_second)),
            *(f"{run.cpu:.3f}", f"{compared(run, _bare_of(run, runs)):.2f}"),
        )
        for run in runs
    ]
    columns = ("client", "at a time", "requests", "requests/s", "CPU ms/request", "× aiohttp")
    report.table(f"requests for {ASKED}, limits off", columns, rows)
    report.targets(wanted)
    console.print(f"load {load()}", highlight=False)


def main(
    seconds: Annotated[float, typer.Option(min=0.1, help="how long each client asks, each way")] = 20,
    json: Annotated[Path | None, typer.Option(help="write the figures to this file")] = None,
) -> None:
    """Measure what a request costs each client, one after another and 20 at a time."""
    try:
        figures = uvloop.run(measure(seconds))
    except (RuntimeError, TimeoutError) as error:
        typer.echo(f"benchmarks.client: {error}", err=True)
        raise typer.Exit(1) from None
    report.save(json, figures)


if __name__ == "__main__":
    typer.run(main)
