"""Where event websockets come from: we connect to Asterisk, or Asterisk connects to us.

Both give the same thing, a websocket over which events come and requests may go. The second is Asterisk's *persistent
outbound* websocket (20.15, 21.10, 22.5 and newer; websocket_client.conf and ari.conf): it keeps the events of a gap and
sends them first, in order, before `ApplicationRegistered`.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import itertools
from collections.abc import AsyncIterator, Callable
from typing import Protocol
from urllib.parse import quote

import aiohttp
from aiohttp import web
from loguru import logger

from stasis_app.settings import AsteriskSettings

SUBPROTOCOL = "ari"
PORT_AGAIN = 0.2
"""Seconds before a port that is in use is tried again."""
PORT_PATIENCE = 2
"""Attempts after which whoever held the port before us is taken for hung."""


class EventSocket(Protocol):
    """The part of aiohttp's websockets, a client's or a server's, that the link uses."""

    @property
    def close_code(self) -> int | None: ...

    def __aiter__(self) -> AsyncIterator[aiohttp.WSMessage]: ...

    async def send_str(self, data: str) -> None: ...

    async def close(self) -> bool: ...


class SocketSource(Protocol):
    """Where the next websocket comes from."""

    replays: bool
    """Whether the events of a gap come first, up to `ApplicationRegistered`."""

    async def start(self) -> None: ...

    async def next(self) -> EventSocket:
        """The next websocket. Raises aiohttp's errors or OSError when it does not come about."""
        ...

    def release(self, socket: EventSocket) -> None:
        """The link is done with this one."""
        ...

    async def stop(self) -> None: ...


class InboundSockets:
    """We connect to Asterisk.

    Args:
        session: has the credentials.
        base: address of ARI, e.g. `http://127.0.0.1:8088/ari`.
        settings: application and heartbeat.
    """

    replays = False

    def __init__(self, session: aiohttp.ClientSession, base: str, settings: AsteriskSettings) -> None:
        self._session = session
        self._url = f"{base}/events?app={quote(settings.app)}"
        self._heartbeat = settings.heartbeat

    async def start(self) -> None:
        """Nothing to prepare."""

    async def next(self) -> EventSocket:
        return await self._session.ws_connect(
            self._url, heartbeat=self._heartbeat, max_msg_size=0, timeout=aiohttp.ClientWSTimeout(ws_close=2)
        )

    def release(self, socket: EventSocket) -> None:
        """Nothing is kept."""

    async def stop(self) -> None:
        """Nothing is kept."""


class OutboundSockets:
    """Asterisk connects to us. A newer connection replaces the one before, which may be half dead.

    Args:
        settings: where to listen, what Asterisk must show, and the heartbeat.
        patient: the port may still be held by the instance before us: wait for it instead of failing.
        on_blocked: called when it is held for longer than an instance needs that steps back.
    """

    replays = True

    def __init__(
        self, settings: AsteriskSettings, *, patient: bool = False, on_blocked: Callable[[], None] = lambda: None
    ) -> None:
        self._settings = settings
        self._patient = patient
        self._on_blocked = on_blocked
        self._runner: web.AppRunner | None = None
        self._binding: asyncio.Task[None] | None = None
        self._arrived: asyncio.Queue[web.WebSocketResponse] = asyncio.Queue()
        self._current: web.WebSocketResponse | None = None
        self._over: dict[web.WebSocketResponse, asyncio.Event] = {}
        self.port = 0

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            OSError: the address can't be listened at.
        """
        app = web.Application()
        app.router.add_get(self._settings.listen_path, self._accept)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.5)
        await self._runner.setup()
        if self._patient:
            self._binding = asyncio.create_task(self._listen_when_free(self._runner), name="ari-listener")
        else:
            await self._listen(self._runner)

    async def next(self) -> EventSocket:
        """The newest connection, waited for if there is none."""
        socket = await self._arrived.get()
        while not self._arrived.empty():
            socket = self._arrived.get_nowait()
        self._current = socket
        return socket

    async def stop(self) -> None:
        if self._binding is not None:
            self._binding.cancel()
            await asyncio.wait({self._binding})
        for over in self._over.values():
            over.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _listen(self, runner: web.AppRunner) -> None:
        settings = self._settings
        await web.TCPSite(runner, settings.listen_host, settings.listen_port).start()
        self.port = runner.addresses[0][1]
        logger.info("Asterisk is awaited at ws://{}:{}{}", settings.listen_host, self.port, settings.listen_path)

    async def _listen_when_free(self, runner: web.AppRunner) -> None:
        for attempt in itertools.count(1):
            try:
                await self._listen(runner)
            except OSError as error:
                if attempt == PORT_PATIENCE:
                    logger.warning("Asterisk can't be awaited yet: {}", error)
                    self._on_blocked()
                await asyncio.sleep(PORT_AGAIN)
            else:
                return

    async def _accept(self, request: web.Request) -> web.StreamResponse:
        if not self._may_enter(request.headers.get("Authorization", "")):
            logger.warning("Somebody at {} wanted to be our Asterisk and had not the password", request.remote)
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="ari"'})
        socket = web.WebSocketResponse(
            protocols=(SUBPROTOCOL,), heartbeat=self._settings.heartbeat, max_msg_size=0, timeout=2
        )
        if not socket.can_prepare(request).ok:
            return web.Response(status=426, text="this is for Asterisk's outbound websocket")
        await socket.prepare(request)
        former = self._current
        over = self._over[socket] = asyncio.Event()
        self._arrived.put_nowait(socket)
        if former is not None and not former.closed:
            logger.warning("Asterisk has connected anew; the connection before is closed")
            await former.close()
        try:
            await over.wait()  # the link reads it
        finally:
            del self._over[socket]
        return socket

    def release(self, socket: EventSocket) -> None:
        """The link is done with this one: its request may end."""
        for known, over in self._over.items():
            if known is socket:
                over.set()

    def _may_enter(self, authorization: str) -> bool:
        """Basic authentication (RFC 7617), compared in a time that tells nothing."""
        expected = self._settings.listen_password.get_secret_value() if self._settings.listen_password else ""
        wanted = f"{self._settings.listen_username}:{expected}".encode()
        scheme, _, token = authorization.partition(" ")
        try:
            shown = base64.b64decode(token.strip(), validate=True)
        except (binascii.Error, ValueError):
            shown = b""
        return hmac.compare_digest(shown, wanted) and scheme.lower() == "basic"
