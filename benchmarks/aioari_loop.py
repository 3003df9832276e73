"""The least one would write to connect calls on aioari as shipped: ring a phone, answer, bridge, hang up.

A caller enters with the extension to ring as his argument. Listeners only start tasks, because aioari awaits them in
the loop that reads the websocket; written the way its examples are, this would be slower.

    ARI_PASSWORD=... python -m benchmarks.aioari_loop http://127.0.0.1:8088/ USER APP
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import aioari
from aiohttp.web import HTTPException

Event = dict[str, Any]


class Loop:
    """All calls of one application; `client` is aioari's."""

    def __init__(self, client: Any, app: str) -> None:
        self._client = client
        self._app = app
        self._peers: dict[str, str] = {}
        self._bridges: dict[str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve calls until the websocket closes."""
        self._client.on_event("StasisStart", self._begin(self._entered))
        self._client.on_event("ChannelDestroyed", self._begin(self._ended))
        self._client.on_event("StasisEnd", self._begin(self._ended))
        await self._client.run(apps=self._app)

    def _begin(self, handler: Callable[[Event], Coroutine[Any, Any, None]]) -> Callable[[Event], None]:
        def listener(event: Event) -> None:
            task = asyncio.create_task(handler(event))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        return listener

    async def _entered(self, event: Event) -> None:
        channel, args = event["channel"]["id"], event["args"]
        if args[0] == "leg":
            await self._connect(args[1], channel)
        else:
            await self._dial(channel, args[0], event["channel"]["caller"]["number"])

    async def _dial(self, caller: str, extension: str, number: str) -> None:
        leg = f"leg-{secrets.token_hex(8)}"
        self._peers[caller], self._peers[leg] = leg, caller
        await self._client.channels.originateWithId(
            channelId=leg,
            endpoint=f"PJSIP/{extension}",
            app=self._app,
            appArgs=f"leg,{caller}",
            callerId=number,
            originator=caller,
        )
        await self._client.channels.ring(channelId=caller)

    async def _connect(self, caller: str, leg: str) -> None:
        bridge = self._bridges[caller] = f"bridge-{leg}"
        await self._client.channels.answer(channelId=caller)
        await self._client.bridges.createWithId(bridgeId=bridge, type="mixing")
        await self._client.bridges.addChannel(bridgeId=bridge, channel=f"{caller},{leg}")

    async def _ended(self, event: Event) -> None:
        channel = event["channel"]["id"]
        peer = self._peers.pop(channel, None)
        if peer is None or self._peers.pop(peer, None) is None:
            return
        with contextlib.suppress(HTTPException):  # it may be gone, too
            await self._client.channels.hangup(channelId=peer)
        bridge = self._bridges.pop(channel, None) or self._bridges.pop(peer, None)
        if bridge is not None:
            await self._client.bridges.destroy(bridgeId=bridge)


async def main(url: str, user: str, app: str) -> None:
    """Connect and serve."""
    client = await aioari.connect(url, user, os.environ["ARI_PASSWORD"])  # type: ignore[no-untyped-call]
    try:
        await Loop(client, app).run()
    finally:
        await client.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
