"""When channels ended while nobody listened: noted by the dialplan, read after a gap in the events.

A channel runs the context `stasis-ended` (contrib/asterisk) when it ends: a caller's because the dialplan pushed it as
a hangup handler before `Stasis()`, one of the service's because it was made with it. If the sign of life
(`stasis_app.ari.sign_of_life`) is older than three seconds by then, the time goes into a global variable named after
the channel. Seen on 22.10.1: the handler of a channel made by `create` or `originate` runs however it ends, dialled or
not.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from stasis_app.ari.errors import AriError
from stasis_app.ari.events import StasisStart
from stasis_app.ari.variables import Server, ask_channel, read_global, write_global
from stasis_app.ari.world import World

CONTEXT = "stasis-ended"
HANDLER = {"CHANNEL(hangup_handler_push)": f"{CONTEXT},s,1"}
"""Variables to make a channel with, so that its end is noted."""
SERVES_AGAIN = 5.0
"""Seconds after which the dialplan has seen by the sign of life that calls are served again."""
_AT_ONCE = 50  # questions


def variable(channel: str) -> str:
    """The global variable that holds when a channel ended, in seconds of Unix time."""
    return f"STASIS_ENDED_{channel}"


async def notes_ends(server: Server, channel: str) -> bool:
    """Whether the dialplan has the context; asked through any channel, since without one Asterisk does not tell.

    Raises:
        AriError: Asterisk does not tell now.
    """
    return await ask_channel(server, channel, f"DIALPLAN_EXISTS({CONTEXT},s,1)") == "1"


class NotedEnds:
    """What the dialplan noted of the channels that were known when the link was lost.

    Args:
        server: who is asked.
        known: the channels that lived when they were last heard of.
    """

    def __init__(self, server: Server, known: Callable[[], Iterable[str]]) -> None:
        self._server = server
        self._known = known
        self._asked: set[str] = set()

    async def of_the_gone(self, world: World) -> dict[str, datetime]:
        """When those ended that are not there any more, as far as it was noted, by Asterisk's clock."""
        self._asked = set(self._known())
        gone = [channel for channel in self._asked if world.channel(channel) is None]
        ends: dict[str, datetime] = {}
        for first in range(0, len(gone), _AT_ONCE):
            few = gone[first : first + _AT_ONCE]
            for channel, noted in zip(few, await asyncio.gather(*map(self._read, few)), strict=True):
                if noted is not None:
                    ends[channel] = noted
        return ends

    async def clear_away(self, world: World) -> None:
        """Remove the notes of channels that are gone by now, so that they don't pile up.

        To be called `SERVES_AGAIN` seconds after the link came up, since those hung up before are noted, too.
        """
        came = {event.channel.id for event in world.missed if isinstance(event, StasisStart)}
        for channel in (self._asked | came).difference(self._known()):
            with contextlib.suppress(AriError):  # it does no harm where it is
                await write_global(self._server, variable(channel), "")

    async def _read(self, channel: str) -> datetime | None:
        try:
            return datetime.fromtimestamp(float(await read_global(self._server, variable(channel))), UTC)
        except (AriError, ValueError, OverflowError):
            return None
