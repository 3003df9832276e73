"""Headless Chromium: a page of the sandbox as a person sees it."""

from __future__ import annotations

import asyncio
import base64
import itertools
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

CHROMIUM = shutil.which("chromium")
QUIET = [
    f"--{switch}"
    for switch in (
        *("headless", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "disable-background-networking"),
        *(
            "disable-component-update",
            "disable-sync",
            "no-first-run",
            "remote-debugging-port=0",
            "window-size=1400,900",
        ),
    )
]


class Page:
    """A page in Chromium, asked over the DevTools protocol (https://chromedevtools.github.io/devtools-protocol/)."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)

    async def picture(self, path: Path) -> None:
        """Keep what is to be seen now."""
        number = next(self._ids)
        await self._socket.send_json({"id": number, "method": "Page.captureScreenshot"})
        while (answer := await self._socket.receive_json()).get("id") != number:
            continue
        await asyncio.to_thread(path.write_bytes, base64.b64decode(answer["result"]["data"]))

    async def value(self, expression: str) -> Any:
        """What an expression is on the page now."""
        number = next(self._ids)
        parameters = {"expression": expression, "returnByValue": True}
        await self._socket.send_json({"id": number, "method": "Runtime.evaluate", "params": parameters})
        while (answer := await self._socket.receive_json()).get("id") != number:
            continue
        return answer["result"]["result"].get("value")

    async def until(self, expression: str, expected: Any) -> None:
        """Wait until an expression has a value; `AssertionError` with the last one when it never has."""
        value = None
        for _ in range(200):
            value = await self.value(expression)
            if value == expected:
                return
            await asyncio.sleep(0.05)
        assert value == expected


@asynccontextmanager
async def browsed(address: str, http: aiohttp.ClientSession, folder: Path) -> AsyncIterator[Page]:
    """A page in a browser of its own, whose profile is kept in a folder."""
    assert CHROMIUM is not None
    browser = await asyncio.create_subprocess_exec(
        CHROMIUM, *QUIET, f"--user-data-dir={folder}", stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(30):
            assert browser.stderr is not None
            while not (found := re.search(rb"ws://([\d.]+:\d+)/", await browser.stderr.readline())):
                continue
        devtools = found[1].decode()
        async with http.put(f"http://{devtools}/json/new?{address}") as answer:
            target = await answer.json()
        async with http.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
            yield Page(socket)
    finally:
        browser.kill()
        await browser.communicate()
