"""Which instance serves calls: waiting for the lease, serving while it is ours, stepping back when it is not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TYPE_CHECKING

from loguru import logger

from stasis_app.store import Lease

if TYPE_CHECKING:
    from stasis_app.app import Service

SIT_OUT = 30.0
"""Seconds a program that is no instance of ours, but took our application's name, is left alone with it."""


class Outcome(StrEnum):
    """Why an instance no longer serves."""

    STOPPED = "stopped"
    REPLACED = "replaced"


async def serve(
    make: Callable[[], Service],
    lease: Lease,
    stop: asyncio.Event,
    *,
    standby: bool,
    started: Callable[[], None] = lambda: None,
) -> Outcome:
    """Serve calls until `stop` is set or another instance takes over.

    Args:
        make: makes the service, which is started only once the lease is ours.
        lease: the lease.
        stop: set when the process shall end.
        standby: wait until nobody else serves, instead of refusing to start while somebody does.
        started: called when the service has been started.

    Raises:
        LeaseHeld: another instance serves, and `standby` is not set; besides whatever `Service.start` raises.
    """
    if standby:
        logger.info("waiting as a standby for the instance that serves calls")
        if not await before(stop, lease.wait()):
            return Outcome.STOPPED
        logger.warning("taking over")
    else:
        if not await before(stop, lease.take()):
            return Outcome.STOPPED
    service = make()
    # The start may have to wait for the storage, and can be stopped meanwhile.
    if not await before(stop, service.start()):
        await service.stop()
        return Outcome.STOPPED
    started()
    if not await before(stop, lease.lost(), service.replaced()):
        logger.info("stopping; calls go on without us")
        await service.stop()
        return Outcome.STOPPED
    await service.step_back()
    if standby and lease.held:
        # The name was taken by a program that does not know our lease: two that take it from each other help nobody.
        await lease.give_up()
        await before(stop, asyncio.sleep(SIT_OUT))
    return Outcome.STOPPED if stop.is_set() else Outcome.REPLACED


async def before(stop: asyncio.Event, *works: Awaitable[object]) -> bool:
    """Wait for the first of the works; False when `stop` is set before any of them is done."""
    tasks = [asyncio.ensure_future(work) for work in works]
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        done = [task for task in tasks if task.done()]
        for task in done:
            task.result()
        return bool(done)
    finally:
        stopping.cancel()
        for task in tasks:
            task.cancel()
        await asyncio.gather(stopping, *tasks, return_exceptions=True)
