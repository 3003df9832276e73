"""`stasis-app run`: the service itself."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
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
from stasis_app.standby import Outcome, before, serve
from stasis_app.store import LeaseHeld, StoreError, open_lease

RecordOption = Annotated[
    Path | None,
    typer.Option("--record-events", metavar="FILE", help="Write Asterisk's events to FILE, for stasis-app replay."),
]

StandbyOption = Annotated[
    bool,
    typer.Option("--standby", help="Wait while another instance with this database serves calls; take over from it."),
]

REPLACED = 3
"""Exit code: another instance serves calls."""

GARBAGE_AT_ONCE = 10_000
"""Objects that may pile up before the youngest are searched for garbage; Python's own 700 is a call or two."""


def run(config: ConfigOption = None, record_events: RecordOption = None, standby: StandbyOption = False) -> None:
    """Run the service. SIGTERM or Ctrl-C stops it and leaves the calls running.

    Exit codes: 0 stopped, 1 it could not listen, 2 wrong configuration, plan or storage, 3 another instance serves.
    """
    settings = settings_or_exit(config)
    log = set_up_logging(settings.logging, settings.secrets())
    outcome = Outcome.STOPPED
    try:
        outcome = uvloop.run(_serve(settings, record_events, log, standby=standby))
    except LeaseHeld as error:
        fail(f"The service can't be started: {error}", REPLACED)
    except PlanError as error:
        complain_of_plan(error)
    except (ScriptError, StoreError) as error:
        fail(str(error))
    except OSError as error:
        fail(f"The service can't be started: {error}. Is http.port in use, or --record-events not writable?", WRONG)
    if outcome is Outcome.REPLACED:
        if standby:
            # Waiting begins with an empty memory, in the same process.
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
        raise typer.Exit(REPLACED)


def _spare_collector() -> None:
    """Keep the garbage collector from searching what lives as long as the process, again and again, during calls.

    Hardly anything is left to it: what a call consists of goes when its last reference does.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_AT_ONCE, 20, 20)


async def _serve(settings: Settings, record_events: Path | None, log: Log, *, standby: bool) -> Outcome:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for kind in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(kind, stop.set)
    from stasis_app.app import Service

    def started() -> None:
        _spare_collector()
        logger.info("stasis-app {} is running", __version__)

    # The store may have to be waited for, and the process can be stopped meanwhile.
    opening = asyncio.create_task(open_lease(settings.storage))
    if not await before(stop, opening):
        return Outcome.STOPPED
    lease = opening.result()
    try:
        return await serve(
            lambda: Service(
                settings,
                record_events=record_events,
                on_secret=log.hide,
                log_trouble=log.trouble,
                lease=lease,
                takes_over=lease.took_over,
            ),
            lease,
            stop,
            standby=standby,
            started=started,
        )
    finally:
        await lease.close()
