"""What goes on beside the calls, for as long as the service runs or until it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from loguru import logger

from b24client import B24Error, Portal, retrying
from stasis_app.settings import Bitrix24Settings
from stasis_app.store import Store

_PURGE_EVERY = 3600.0  # seconds; each time forgets a limited number of calls, so that it never holds up the disk


class Duties:
    """The tasks in the background. One that fails says so in the log; the others go on."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, work: Coroutine[Any, Any, object]) -> None:
        """Do this beside everything else."""
        task = asyncio.create_task(_told(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def end(self) -> None:
        """Stop them all."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _told(work: Coroutine[Any, Any, object]) -> None:
    try:
        await work
    except Exception:
        logger.exception("Something in the background failed")


async def know_limits(portal: Portal, settings: Bitrix24Settings) -> None:
    """Which plan the portal has; until it is known, the narrower limits are kept to."""
    if settings.limits != "auto":
        return
    try:
        async for attempt in retrying(attempts=50, longest=300):
            with attempt:
                await portal.recognise_limits()
    except B24Error as error:  # not installed yet, mostly: the installation asks again
        logger.info("The portal's plan is not known, its narrower limits are kept to: {}", error)


async def forget_old_calls(store: Store, keep_days: int) -> None:
    """For ever: forget what ended longer ago."""
    while True:
        await store.purge(keep_days)
        await asyncio.sleep(_PURGE_EVERY)
