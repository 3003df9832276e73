"""Trying again, for what may be tried again: failures for now, and limits once they have passed.

async for attempt in retrying(attempts=3):
    with attempt:
        rows = await portal.call("user.get")
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from loguru import logger
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential, wait_random

from b24client.errors import LimitExceeded, Temporary

FIRST_PAUSE = 0.5
"""Seconds before the second attempt after a failure; each further pause is twice as long, and up to this much longer
by chance, so that many who failed together do not come back together."""


def retrying(
    *,
    attempts: int = 5,
    longest: float = 60.0,
    sleep: Callable[[float], Awaitable[None]] | None = None,
) -> AsyncRetrying:
    """Attempts at something that raises B24Error; after the last one its error is raised as it is.

    `Temporary` is tried again after growing pauses of at most `longest` seconds, `LimitExceeded` after the
    `retry_after` it tells; a limit that lasts longer than `longest` is not waited for. All else is raised at once.
    """
    growing = wait_exponential(multiplier=FIRST_PAUSE, max=longest) + wait_random(0, FIRST_PAUSE)

    def pause(state: RetryCallState) -> float:
        error = _error(state)
        return error.retry_after if isinstance(error, LimitExceeded) else min(longest, growing(state))

    def enough(state: RetryCallState) -> bool:
        error = _error(state)
        too_long = isinstance(error, LimitExceeded) and error.retry_after > longest
        return too_long or state.attempt_number >= attempts

    return AsyncRetrying(
        retry=retry_if_exception_type((Temporary, LimitExceeded)),
        stop=enough,
        wait=pause,
        sleep=asyncio.sleep if sleep is None else sleep,
        before_sleep=_tell,
        reraise=True,
    )


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _tell(state: RetryCallState) -> None:
    logger.debug(
        "attempt {} failed, next one in {:.1f} s: {}", state.attempt_number, state.upcoming_sleep, _error(state)
    )
