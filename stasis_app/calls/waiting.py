"""Waiting for what events bring about. Each live call has one of these, and spends most of its time in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Waiting:
    """Those who wait for something to be so, looked after whenever something may have changed."""

    __slots__ = ("_waiters",)

    def __init__(self) -> None:
        # Nearly always there is one or none: a tuple is smaller than a list then.
        self._waiters: tuple[tuple[Callable[[], object], asyncio.Future[None]], ...] = ()

    def wake(self) -> None:
        """See whether what somebody waits for has come about."""
        for ready, future in self._waiters:
            if not future.done() and ready():
                _wake_up(future)

    async def until(self, ready: Callable[[], object], seconds: float | None) -> None:
        """Wait until `ready` is true when `wake` looks, or the time is up (None: for ever)."""
        if ready():
            return
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._waiters += ((ready, future),)
        # Lighter than `asyncio.timeout`, and most of a call is spent here.
        time_up = loop.call_later(seconds, _wake_up, future) if seconds is not None else None
        try:
            await future
        finally:
            self._waiters = tuple(waiter for waiter in self._waiters if waiter[1] is not future)
            if time_up is not None:
                time_up.cancel()


def _wake_up(sleeper: asyncio.Future[None]) -> None:
    if not sleeper.done():
        sleeper.set_result(None)
