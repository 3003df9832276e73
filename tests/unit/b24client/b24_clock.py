"""A clock that is turned by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class HandClock:
    """A clock with its timers; `turn` moves it on and runs what falls due."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self._timers: list[HandTimer] = []

    def __call__(self) -> float:
        return self.now

    def call_later(self, seconds: float, run: Callable[[], None]) -> HandTimer:
        timer = HandTimer(self.now + seconds, run)
        self._timers.append(timer)
        return timer

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        self.call_later(seconds, lambda: woken.done() or woken.set_result(None))
        await woken

    async def turn(self, seconds: float) -> None:
        end = self.now + seconds
        await settled()
        while due := [t for t in self._timers if t.run and t.at <= end]:
            timer = min(due, key=lambda t: t.at)
            self.now, run, timer.run = max(self.now, timer.at), timer.run, None
            assert run is not None
            run()
            self._timers = [t for t in self._timers if t.run]
            await settled()
        self.now = end


class HandTimer:
    def __init__(self, at: float, run: Callable[[], None]) -> None:
        self.at = at
        self.run: Callable[[], None] | None = run

    def cancel(self) -> None:
        self.run = None


async def settled() -> None:
    """Let everything happen that happens without the clock moving."""
    for _ in range(12):
        await asyncio.sleep(0)
