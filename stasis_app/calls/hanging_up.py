"""Hanging up, and once more if that fails: a phone must not ring for nobody."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from stasis_app.ari.errors import AriError
from stasis_app.calls import intents as i
from stasis_app.calls.causes import ANSWERED_ELSEWHERE, NORMAL
from stasis_app.calls.facts import Unanswered

if TYPE_CHECKING:
    from stasis_app.calls.call import Call

_SECOND_TRY = 3.0  # seconds
_LATE_EVENT = 2.0  # seconds an event may come after the reply to a request


async def release(call: Call, leg: str, why: Unanswered) -> None:
    """Hang up a leg, unless it went on in another call."""
    if call.leg(leg).elsewhere:
        return
    call.intend(i.Releasing(i.now(), leg, why))
    cause = ANSWERED_ELSEWHERE if why is Unanswered.ANSWERED_ELSEWHERE else NORMAL
    await end_channel(call, leg, cause)


async def release_later(call: Call, leg: str, seconds: float) -> None:
    """Hang up a leg whose phone has so long to do it by itself: one that does not would stay for ever."""
    await call.wait(lambda: not call.leg(leg).alive, seconds)
    await release(call, leg, Unanswered.CANCELLED)


async def end_channel(call: Call, channel: str, cause: int) -> None:
    """Hang up; when that fails, again a little later, and nobody waits for it."""
    try:
        existed = await call.control.hang_up(channel, cause)
    except AriError as error:
        call.log.warning("A channel could not be hung up; it is tried again: {}", error)
        call.spawn(_end_later(call, channel, cause))
        return
    if not existed:
        # If the event of its end does not come, there will be none.
        vanished = i.Vanished(i.now(), channel)
        asyncio.get_running_loop().call_later(_LATE_EVENT, call.intend, vanished)


async def _end_later(call: Call, channel: str, cause: int) -> None:
    await asyncio.sleep(_SECOND_TRY)
    await call.control.hang_up(channel, cause)
