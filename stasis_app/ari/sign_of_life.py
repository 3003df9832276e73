"""The sign of life: a global variable of Asterisk's that tells the dialplan whether anybody serves calls.

With an outbound websocket Asterisk lets calls into an application that is away, and a process that hangs keeps its
websocket, so neither shows in `STASISSTATUS`. The dialplan (contrib/asterisk/extensions_stasis.conf) therefore looks at
this variable before `Stasis()`, and so does the lifeguard (contrib/asterisk/stasis-lifeguard). The time in it is
Asterisk's own, so the clocks of two machines need not agree.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

import orjson
from loguru import logger

from stasis_app.ari.errors import AriError
from stasis_app.ari.link import AriLink
from stasis_app.ari.variables import write_global

EVERY = 2.0
"""Seconds between two signs; the dialplan and the lifeguard take the service for dead after ten."""
LAST_WORD = 1.0
"""Seconds the end of the service may be held up by an Asterisk that does not answer."""
STOPPED = "0"


def variable(app: str) -> str:
    """The global variable of an application."""
    return f"STASIS_ALIVE_{app}"


class SignOfLife:
    """Says again and again that calls are served, for as long as the link is up.

    Args:
        link: the link to Asterisk; nothing is said while it is down or taken over.
        app: the Stasis application.
    """

    def __init__(self, link: AriLink, app: str) -> None:
        self._link = link
        self._variable = variable(app)
        self._failed = False

    async def run(self) -> None:
        """Say it for ever."""
        while True:
            await self._link.connected()
            try:
                await self._say(await self._time())
            except (AriError, ValueError, KeyError, TypeError) as error:
                if not self._failed:
                    logger.warning("The sign of life could not be given; calls may take the fail-open exit: {}", error)
                self._failed = True
            else:
                self._failed = False
            await asyncio.sleep(EVERY)

    async def cease(self) -> None:
        """Say that nobody serves calls from now on: new ones take the fail-open exit at once."""
        if self._link.replaced:
            return
        try:
            async with asyncio.timeout(LAST_WORD):
                await self._say(STOPPED)
        except (AriError, TimeoutError) as error:
            logger.info("Asterisk can't be told that the service stops: {!r}", error)

    async def _time(self) -> str:
        """Asterisk's clock, in whole seconds of Unix time."""
        reply = await self._link.transport.request("GET", self._link.url("asterisk/ping"))
        return str(int(datetime.fromisoformat(orjson.loads(await reply.text())["timestamp"]).timestamp()))

    async def _say(self, value: str) -> None:
        await write_global(self._link, self._variable, value)
