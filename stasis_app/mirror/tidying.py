"""Recordings the portal has, deleted on the PBX once their days are over."""

from __future__ import annotations

import asyncio
import time

from loguru import logger

from stasis_app.mirror.operations import Kind, parts_of
from stasis_app.mirror.recordings import Recordings
from stasis_app.store import Outbox

LOOK_EVERY = 3600.0
LOOK_BACK = 30 * 86400.0
"""Seconds before the deadline that are looked through at start: the program may have been off for weeks."""


async def discard_old(outbox: Outbox, recordings: Recordings, keep_days: int) -> None:
    """For ever: delete what was delivered more than `keep_days` days ago. A storage that fails is asked again later."""
    since = time.time() - keep_days * 86400 - LOOK_BACK
    while True:
        until = time.time() - keep_days * 86400
        try:
            delivered = await outbox.done_between(Kind.RECORD, since, until)
        except Exception as error:
            logger.warning("Old recordings can't be looked up: {}", type(error).__name__)
        else:
            for row in delivered:
                await recordings.discard(*parts_of(row.body))
            since = until
        await asyncio.sleep(LOOK_EVERY)
