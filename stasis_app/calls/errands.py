"""What is done beside a call: tasks that nobody waits for, and that end when the service lets go of the call."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextvars import Context

from loguru import logger

from stasis_app.ari.errors import AriError, SteppedBack
from stasis_app.calls.verbs import CallGone


class Errands:
    """The tasks of one call.

    Args:
        context: what they run in; what they log bears the call's id by it.
    """

    __slots__ = ("_context", "_stopped", "_tasks")

    def __init__(self, context: Context) -> None:
        self._context = context
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False

    def __len__(self) -> int:
        return len(self._tasks)

    def begin(self, work: Coroutine[object, object, object]) -> asyncio.Task[None]:
        """Do something; failures are logged."""
        task = asyncio.create_task(_guarded(work), context=self._context)
        if self._stopped:
            # What is cancelled would clear up behind itself, and let go of phones that have to ring on.
            task.cancel()
            work.close()
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def stop(self) -> None:
        """End all that is under way; from now on nothing is done any more."""
        self._stopped = True
        for task in self._tasks:
            task.cancel()


async def _guarded(work: Coroutine[object, object, object]) -> None:
    try:
        await work
    except (CallGone, SteppedBack):
        pass
    except AriError as error:
        logger.warning("{}", error)
    except Exception:
        logger.exception("Something about this call failed unexpectedly")
