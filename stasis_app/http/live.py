"""The live stream: every fact as it happens, as Server-Sent Events (WHATWG HTML, "Server-sent events")."""

from __future__ import annotations

import asyncio
import contextlib

from aiohttp import web
from loguru import logger

from stasis_app.calls.facts import Fact
from stasis_app.calls.record import CallRecord
from stasis_app.http.calls import page_json
from stasis_app.http.dependencies import DEPENDENCIES
from stasis_app.http.models import CallOut, FactOut, LiveFact

BACKLOG = 1000  # facts a reader may lag behind before it is sent away
HEARTBEAT = 15.0  # seconds; proxies close silent connections after 30 or 60


class _Reader:
    """One client of the stream."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[tuple[Fact, CallRecord] | None] = asyncio.Queue(BACKLOG + 1)

    def offer(self, fact: Fact, record: CallRecord) -> None:
        if self.queue.qsize() < BACKLOG:
            self.queue.put_nowait((fact, record))
        else:
            self.close()  # it can't keep up; it may come again and start from a fresh snapshot

    def close(self) -> None:
        with contextlib.suppress(asyncio.QueueFull):
            self.queue.put_nowait(None)


READERS = web.AppKey("live-readers", set[_Reader])


async def stream(request: web.Request) -> web.StreamResponse:
    """First `snapshot` with the live calls, then `fact` after `fact`, each with its call; a comment when all is quiet.

    A reader that lags too far behind is disconnected and starts afresh with a new snapshot.
    """
    needed = request.app[DEPENDENCIES]
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
    reader = _Reader()
    # Subscribed before the snapshot is taken, and nothing waits between: no fact falls in between.
    unsubscribe = needed.facts.subscribe(reader.offer)
    snapshot = page_json(needed.calls.live())
    request.app[READERS].add(reader)
    try:
        await response.prepare(request)
        await response.write(_event("snapshot", snapshot))
        await _follow(reader, response)
    except ConnectionResetError:
        logger.debug("a reader of the live stream has gone")
    finally:
        unsubscribe()
        request.app[READERS].discard(reader)
    return response


async def _follow(reader: _Reader, response: web.StreamResponse) -> None:
    while True:
        try:
            async with asyncio.timeout(HEARTBEAT):
                next_one = await reader.queue.get()
        except TimeoutError:
            await response.write(b": nothing new\n\n")
            continue
        if next_one is None:
            return
        fact, record = next_one
        told = LiveFact(fact=FactOut.of(fact), call=CallOut.of(record))
        await response.write(_event("fact", told.model_dump_json().encode()))


def _event(name: str, data: bytes) -> bytes:
    """JSON has no raw line breaks, so the data is one line whatever a caller calls himself."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), data)


async def end_streams(app: web.Application) -> None:
    """Let the readers go when the service stops."""
    readers = app[READERS]
    for reader in tuple(readers):
        reader.close()
