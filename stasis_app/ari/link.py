"""The supervised link to Asterisk: one event websocket, opened again whenever it is lost.

The reader waits for nothing but the websocket: it reads a message and hands the event on by a plain call
(`stasis_app.ari.incoming`). After every (re)connection the world is read and handed over before any live event, so that
what happened in the gap can be worked out; events that arrive meanwhile are kept and follow.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import aiohttp
import orjson
from loguru import logger
from tenacity import AsyncRetrying, RetryCallState, wait_exponential, wait_random

from stasis_app.ari.api import connect_api, server_identity
from stasis_app.ari.ends import SERVES_AGAIN, NotedEnds
from stasis_app.ari.errors import AriError, Gone, LinkDown, Unauthorized, error_for
from stasis_app.ari.events import UNUSED_EVENTS, Event
from stasis_app.ari.incoming import Incoming
from stasis_app.ari.sockets import EventSocket, InboundSockets, OutboundSockets, SocketSource
from stasis_app.ari.transport import TwoLaneTransport, basic_auth
from stasis_app.ari.versions import since
from stasis_app.ari.world import World, read_world

if TYPE_CHECKING:
    from aioari.client import Client

    from stasis_app.settings import AsteriskSettings

# Seconds after which a connection counts as one that works: when it ends, the next is tried at once.
_LASTING = 5.0
_ACCESS_HINT = "; check asterisk.username and asterisk.password, and that ari.conf has no read_only for this user"
# First Asterisk of each line whose websocket carries REST requests too.
_REST_OVER_WEBSOCKET = {20: 14, 21: 9, 22: 4}


class LinkState(StrEnum):
    """What the link is doing."""

    DOWN = "down"  # no connection; it is being tried again
    RESYNCING = "resyncing"  # connected, reading what happened meanwhile
    CONNECTED = "connected"
    REPLACED = "replaced"  # another instance took over our application; this one has stepped back


class AriLink:
    """One supervised connection to one Asterisk under one application name.

    Args:
        settings: how to reach ARI.
        on_event: called for each event, in order; must return at once.
        on_world: called after each (re)connection, before the first live event; must return at once.
        known: the channels that lived when they were last heard of; asked after each (re)connection.
        cache: folder for API descriptions, or None.
        record_events: called with every raw message, for recordings to be replayed.
        may_act: asked before each request; False: another instance has taken over.
        takes_over: another instance served until now and may hold the port at which Asterisk is awaited.
        on_blocked: called when it holds it for too long.
    """

    def __init__(
        self,
        settings: AsteriskSettings,
        on_event: Callable[[Event], None],
        on_world: Callable[[World], None],
        *,
        known: Callable[[], Iterable[str]] = tuple,
        cache: Path | None = None,
        record_events: Callable[[str], None] | None = None,
        may_act: Callable[[], Awaitable[bool]] | None = None,
        takes_over: bool = False,
        on_blocked: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._on_world = on_world
        self._ends = NotedEnds(self, known)
        self._cache = cache
        self._may_act = may_act
        self._takes_over = takes_over
        self._on_blocked = on_blocked
        self._source: SocketSource | None = None
        self._lost_at: datetime | None = None
        self._base = settings.url.rstrip("/") + "/ari"
        self._session: aiohttp.ClientSession | None = None
        self._transport: TwoLaneTransport | None = None
        self._client: Client | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._connected = asyncio.Event()
        self._replaced = asyncio.Event()
        self.incoming = Incoming(settings.app, on_event, self._told_replaced, record_events)
        """What comes over the websocket, and how much of it."""
        self.state = LinkState.DOWN
        self.version = ""
        self.started_at: datetime | None = None  # this Asterisk's
        self.connections = 0
        self.resync_seconds = 0.0  # from the last connection to the moment all that exists was compared

    @property
    def replaced(self) -> bool:
        """Whether another instance has taken over our application."""
        return self.state is LinkState.REPLACED

    @property
    def api(self) -> Client:
        """The API of the server as aioari binds it: `await link.api.channels.answer(channelId=...)`.

        Raises:
            LinkDown: there has been no connection yet.
        """
        if self._client is None:
            raise LinkDown("ARI", f"not connected to {self._settings.url} yet")
        return self._client

    @property
    def source(self) -> SocketSource:
        """Where the event websockets come from.

        Raises:
            LinkDown: the link has not been started.
        """
        if self._source is None:
            raise LinkDown("ARI", "the link has not been started")
        return self._source

    @property
    def transport(self) -> TwoLaneTransport:
        """What carries the requests, for those that aioari has no use for.

        Raises:
            LinkDown: the link has not been started.
        """
        if self._transport is None:
            raise LinkDown("ARI", "the link has not been started")
        return self._transport

    def url(self, path: str) -> str:
        """The address of an ARI path."""
        return f"{self._base}/{path}"

    async def download(self, path: str, target: Path) -> None:
        """Write what an ARI path answers, e.g. a recording, to a file, piece by piece.

        Raises:
            AriError: it can't be had.
            OSError: the file can't be written.
        """
        if self._session is None:
            raise LinkDown(f"GET {path}", "the link has not been started")
        # A long recording takes longer than a request may: what counts is that something keeps coming.
        patience = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=30)
        try:
            async with self._session.get(self.url(path), timeout=patience) as response:
                if response.status >= 400:
                    raise error_for(f"GET {path}", response.status, (await response.text(errors="replace"))[:200])
                with await asyncio.to_thread(target.open, "wb") as file:
                    async for piece in response.content.iter_chunked(256 * 1024):
                        await asyncio.to_thread(file.write, piece)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise LinkDown(f"GET {path}", f"the download broke off: {type(error).__name__}") from None

    async def start(self) -> None:
        """Begin to connect; returns at once, the connection is kept up in the background.

        Raises:
            OSError: Asterisk can't be awaited at the address given.
        """
        context = None
        if self._settings.ca_file is not None:
            context = await asyncio.to_thread(ssl.create_default_context, cafile=str(self._settings.ca_file))
        # Asterisk closes idle connections after 15 s; closing first avoids sending into a closing one. Its http.conf
        # allows 100 sessions by default, so the pool must stay well below that.
        connector = aiohttp.TCPConnector(limit=48, keepalive_timeout=10, ssl=context if context else True)
        headers = basic_auth(self._settings.username, self._settings.password.get_secret_value())
        self._session = aiohttp.ClientSession(connector=connector, headers=headers)
        self._transport = TwoLaneTransport(
            self._session, self._base, timeout=self._settings.request_timeout, may_act=self._may_act
        )
        if self._settings.connect == "outbound":
            self._source = OutboundSockets(self._settings, patient=self._takes_over, on_blocked=self._on_blocked)
        else:
            self._source = InboundSockets(self._session, self._base, self._settings)
        await self._source.start()
        self._supervisor = asyncio.create_task(self._supervise(), name="ari-link")

    async def stop(self) -> None:
        """Close the connection. Calls on the server are not touched."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.gather(self._supervisor, return_exceptions=True)
        if self._source is not None:
            await self._source.stop()
        if self._session is not None:
            await self._session.close()
        self._become(LinkState.DOWN)

    async def connected(self) -> None:
        """Wait until the link is up and has read the world."""
        await self._connected.wait()

    async def until_replaced(self) -> None:
        """Wait until another instance takes over our application."""
        await self._replaced.wait()

    def step_back(self) -> None:
        """Another instance has taken over: no more events are handed on."""
        self.incoming.cease()
        self._become(LinkState.REPLACED)
        self._replaced.set()

    async def _supervise(self) -> None:
        waits = wait_exponential(multiplier=0.1, max=5) + wait_random(0, 0.3)
        while not self.replaced:
            # A new ladder of waits begins after every connection that lasted.
            async for attempt in AsyncRetrying(wait=waits, before_sleep=self._tell):
                with attempt:
                    await self._keep_connection()

    async def _keep_connection(self) -> None:
        """Connect, and serve the connection to its end.

        Raises:
            Exception: it did not come about, or did not last: the next attempt had better wait.
        """
        socket = await self._open()
        opened = time.monotonic()
        failure: Exception = LinkDown("GET events", "the server closes the connection at once")
        try:
            await self._serve(socket)
        except (AriError, aiohttp.ClientError, OSError, TimeoutError) as error:
            failure = error
        except Exception as error:
            logger.exception("The link to Asterisk failed unexpectedly; it is opened again")
            failure = error
        finally:
            await socket.close()
            self.source.release(socket)
            if not self.replaced:
                self._become(LinkState.DOWN)
        if not self.replaced and time.monotonic() - opened < _LASTING:
            raise failure

    def _tell(self, retry: RetryCallState) -> None:
        error = retry.outcome.exception() if retry.outcome else None
        wait = retry.next_action.sleep if retry.next_action else 0
        if retry.attempt_number in (1, 5) or retry.attempt_number % 60 == 0:
            logger.warning(
                "No link to Asterisk at {} (attempt {}, next in {:.1f} s): {}{}",
                self._settings.url,
                retry.attempt_number,
                wait,
                _brief(error),
                _ACCESS_HINT if isinstance(error, Unauthorized) else "",
            )

    async def _open(self) -> EventSocket:
        """Connect. The API is bound first, so that whoever sees an event can act on it."""
        self._become(LinkState.DOWN)
        self.version, self.started_at = await server_identity(self.transport, self._base)
        self._client = await connect_api(self.transport, self._base, self._cache)
        self.incoming.hold(self.transport)
        return await self.source.next()

    async def _serve(self, socket: EventSocket) -> None:
        """Read the socket to its end; meanwhile, first of all, read what exists."""
        self._become(LinkState.RESYNCING)
        opened = time.monotonic()
        if self._may_carry_rest():
            self.transport.attach(socket)
        self.connections += 1
        reader = asyncio.create_task(self._read_all(socket), name="ari-reader")
        beside = [reader]
        try:
            world = await self._resync()
            if not self.replaced and not reader.done():
                world = replace(world, missed=self.incoming.missed())
                self._go_live(world)
                self.resync_seconds = time.monotonic() - opened
                # Beside the reader: a server that does not answer must not hold up the next connection.
                beside.append(asyncio.create_task(self._tidy_up(world), name="ari-tidying"))
            await reader
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    async def _tidy_up(self, world: World) -> None:
        await asyncio.sleep(SERVES_AGAIN)
        await self._ends.clear_away(world)

    def _go_live(self, world: World) -> None:
        """Hand on what exists, then what happened meanwhile; from now on events are handed on as they come."""
        self.transport.lanes.keep_only(channel.id for channel in world.channels)
        try:
            self._on_world(world)
        except Exception:
            logger.exception("What exists on the server could not be compared with what was known")
        self.incoming.let_go()
        self._become(LinkState.CONNECTED)

    async def _read_all(self, socket: EventSocket) -> None:
        try:
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self.incoming.read(message.data)
        finally:
            self._lost_at = datetime.now(UTC)
            self.transport.detach()
            if not self.replaced:
                # At once, so that whoever now learns of the loss and waits for the link really waits.
                self._become(LinkState.DOWN)
        if not self.replaced:
            logger.warning("The event websocket was closed (code {})", socket.close_code)

    def _may_carry_rest(self) -> bool:
        wanted = self._settings.rest_over_websocket
        return carries_rest_over_websocket(self.version) if wanted is None else wanted

    async def _resync(self) -> World:
        """Filter events anew, subscribe anew and read what exists."""
        if self.source.replays:
            await self.incoming.until_registered()
        send = self.transport.request
        unused = orjson.dumps({"disallowed": [{"type": name} for name in UNUSED_EVENTS]}).decode()
        app = f"applications/{quote(self._settings.app)}"
        await send("PUT", self.url(f"{app}/eventFilter"), data=unused)
        channels, bridges = await asyncio.gather(send("GET", self.url("channels")), send("GET", self.url("bridges")))
        world = read_world(await channels.text(), await bridges.text(), self.incoming.pass_over)
        self.incoming.watched.intersection_update(channel.id for channel in world.channels)
        for channel in list(self.incoming.watched):
            with contextlib.suppress(Gone):
                source = orjson.dumps({"eventSource": f"channel:{channel}"}).decode()
                await send("POST", self.url(f"{app}/subscription"), data=source)
        return replace(
            world,
            started_at=self.started_at,
            lost_at=self._lost_at,
            ended=await self._ends.of_the_gone(world),
            subscribed=await self._subscribed(app),
        )

    async def _subscribed(self, app: str) -> frozenset[str]:
        try:
            reply = await self.transport.request("GET", self.url(app))
            return frozenset(orjson.loads(await reply.text())["channel_ids"])
        except (Gone, ValueError, KeyError, TypeError):
            return frozenset()

    def _told_replaced(self) -> None:
        self.step_back()
        logger.error(
            "Another instance has taken over the application {!r}; this one steps back. Stop one of the two, or give "
            "them different names (asterisk.app).",
            self._settings.app,
        )

    def _become(self, state: LinkState) -> None:
        if state is self.state:
            return
        logger.info("The link to Asterisk is {} (Asterisk {})", state, self.version or "unknown")
        self.state = state
        if state is LinkState.CONNECTED:
            self._connected.set()
        else:
            self._connected.clear()


def carries_rest_over_websocket(version: str) -> bool:
    """Whether an Asterisk of this version takes REST requests over the event websocket."""
    return since(version, _REST_OVER_WEBSOCKET)


def _brief(error: BaseException | None) -> str:
    return f"{type(error).__name__}: {error}" if error else "unknown"
