"""The wire between the service and Asterisk, in our hands: it can be cut, and it can go dead without a word."""

from __future__ import annotations

import asyncio
import contextlib

from lab.services import HOST


class Wire:
    """A TCP proxy. `await open(port)` it; `url` is where the service finds Asterisk."""

    def __init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._flows = asyncio.Event()
        self._flows.set()
        self._cut = False
        self._ends: set[asyncio.StreamWriter] = set()
        self._port = 0
        self.url = ""

    async def open(self, port: int) -> None:
        """Listen, and pass everything on to `port`."""
        self._port = port
        self._server = await asyncio.start_server(self._connected, HOST, 0)
        self.url = f"http://{HOST}:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        """Be gone."""
        self._flows.set()
        self._abort()
        if self._server:
            self._server.close()
            await self._server.wait_closed()

    async def cut(self, seconds: float) -> None:
        """Reset every connection, and take no new one for some time."""
        self._cut = True
        self._abort()
        await asyncio.sleep(seconds)
        self._cut = False

    async def freeze(self, seconds: float) -> None:
        """Let nothing through for some time, in either direction; then everything that was on its way."""
        self._flows.clear()
        await asyncio.sleep(seconds)
        self._flows.set()

    def _abort(self) -> None:
        for end in self._ends:
            end.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(HOST, self._port)
        except OSError:
            writer.transport.abort()
            return
        self._ends |= {writer, far_writer}
        try:
            await asyncio.gather(self._pass_on(reader, far_writer), self._pass_on(far_reader, writer))
        finally:
            self._ends -= {writer, far_writer}

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()
