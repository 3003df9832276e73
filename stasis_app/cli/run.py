"""`stasis-app run`: the service itself."""

from __future__ import annotations

import asyncio
import gc
import signal
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from loguru import logger

from stasis_app import __version__
from stasis_app.cli.common import WRONG, ConfigOption, complain_of_plan, fail, settings_or_exit
from stasis_app.flow import PlanError, ScriptError
from stasis_app.log import Log, set_up_logging
from stasis_app.settings import Settings
from stasis_app.store import StoreError

RecordOption = Annotated[
    Path | None,
    typer.Option("--record-events", metavar="FILE", help="Write Asterisk's events to FILE, for stasis-app replay."),
]

GARBAGE_AT_ONCE = 10_000
"""Objects that may pile up before the youngest are searched for garbage; Python's own 700 is a call or two."""


def run(config: ConfigOption = None, record_events: RecordOption = None) -> None:
    """Run the service. SIGTERM or Ctrl-C stops it and leaves the calls running."""
    settings = settings_or_exit(config)
    log = set_up_logging(settings.logging, settings.secrets())
    try:
        uvloop.run(_serve(settings, record_events, log))
    except PlanError as error:
        complain_of_plan(error)
    except (ScriptError, StoreError) as error:
        fail(str(error))
    except OSError as error:
        fail(f"The service can't be started: {error}. Is http.port in use, or --record-events not writable?", WRONG)


def _spare_collector() -> None:
    """Keep the garbage collector from searching what lives as long as the process, again and again, during calls.

    Hardly anything is left to it: what a call consists of goes when its last reference does.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_AT_ONCE, 20, 20)


async def _serve(settings: Settings, record_events: Path | None, log: Log) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for kind in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(kind, stop.set)
    from stasis_app.app import Service

    service = Service(settings, record_events=record_events, on_secret=log.hide, log_trouble=log.trouble)
    # The start may have to wait for the storage, and can be stopped meanwhile.
    starting, stopping = asyncio.create_task(service.start()), asyncio.create_task(stop.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        await asyncio.wait({starting})
        return
    await starting
    _spare_collector()
    logger.info("stasis-app {} is running", __version__)
    try:
        await stopping
        logger.info("stopping; calls go on without us")
    finally:
        await service.stop()
