"""`stasis-app run`: the service itself."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from loguru import logger

from stasis_app import __version__
from stasis_app.cli.common import WRONG, ConfigOption, complain_of_plan, fail, settings_or_exit
from stasis_app.flow import PlanError, ScriptError
from stasis_app.log import set_up_logging
from stasis_app.settings import Settings
from stasis_app.store import StoreError

RecordOption = Annotated[
    Path | None,
    typer.Option("--record-events", metavar="FILE", help="Write Asterisk's events to FILE, for stasis-app replay."),
]


def run(config: ConfigOption = None, record_events: RecordOption = None) -> None:
    """Run the service. SIGTERM or Ctrl-C stops it and leaves the calls running."""
    settings = settings_or_exit(config)
    redactor = set_up_logging(settings.logging, settings.secrets())
    try:
        uvloop.run(_serve(settings, record_events, redactor.add))
    except PlanError as error:
        complain_of_plan(error)
    except (ScriptError, StoreError) as error:
        fail(str(error))
    except OSError as error:
        fail(f"The service can't be started: {error}. Is http.port in use, or --record-events not writable?", WRONG)


async def _serve(settings: Settings, record_events: Path | None, on_secret: Callable[[str], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for kind in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(kind, stop.set)
    from stasis_app.app import Service

    service = Service(settings, record_events=record_events, on_secret=on_secret)
    await service.start()
    logger.info("stasis-app {} is running", __version__)
    try:
        await stop.wait()
        logger.info("stopping; calls go on without us")
    finally:
        await service.stop()
