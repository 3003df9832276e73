"""Steps whose failure stops nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from stasis_app.ari.errors import AriError, Gone, SteppedBack
from stasis_app.calls.verbs import CallGone

if TYPE_CHECKING:
    from loguru import Logger

    from stasis_app.calls.call import Call

# Seconds a call waits for the disk: one that refuses must not keep people from calling.
_DISK_PATIENCE = 0.5


async def try_to(request: Awaitable[object], log: Logger) -> None:
    """Take one step, and go on whether or not it succeeds.

    That somebody is gone shows in the events, and an instance that has stepped back does nothing any more. Any other
    failure is said in the log, and leaves nobody half done.
    """
    try:
        await request
    except (Gone, CallGone, SteppedBack):
        pass
    except AriError as error:
        log.warning("A step failed, the next is taken all the same: {}", error)


async def be_remembered(call: Call) -> None:
    """Wait until what has been told of a call is on disk, before something is done that only this explains."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DISK_PATIENCE):
            await call.options.on_disk()
