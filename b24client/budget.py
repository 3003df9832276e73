"""The portal's request budget, shared by everything that talks to it.

Bitrix24 counts the requests from one address to one portal in a leaky bucket: each request adds one, `rate` are taken
out every second, and above `burst` requests are refused with 503 (https://apidocs.bitrix24.com/limits.html).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol


class Priority(IntEnum):
    """Who goes first when the budget is short."""

    LOOKUP = 0
    """A caller is waiting for the answer."""
    CARD = 1
    """An employee is looking at the screen."""
    FINISH = 2
    """A call has to be written down."""
    RECORD = 3
    """A recording."""
    SYNC = 4
    """Keeping copies fresh."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The portal's published numbers: `rate` requests a second, `burst` at once. Not `enabled`: no waiting at all."""

    rate: float = 2.0
    burst: int = 50
    enabled: bool = True

    def __post_init__(self) -> None:
        if self.rate <= 0 or self.burst < 1:
            raise ValueError(f"rate must be above 0 and burst at least 1, got rate={self.rate}, burst={self.burst}")

    @classmethod
    def enterprise(cls) -> Limits:
        """The numbers of an Enterprise plan."""
        return cls(rate=5.0, burst=250)


# The part of the bucket a class may fill; what is left above it is the reserve of the classes before it.
_SHARE = {
    Priority.LOOKUP: 1.0,
    Priority.CARD: 0.9,
    Priority.FINISH: 0.7,
    Priority.RECORD: 0.5,
    Priority.SYNC: 0.4,
}
# Seconds for which the classes before it may pass a waiting request; afterwards it may use the reserve too.
_PATIENCE = {
    Priority.LOOKUP: 0.0,
    Priority.CARD: 5.0,
    Priority.FINISH: 60.0,
    Priority.RECORD: 300.0,
    Priority.SYNC: 600.0,
}


class Timer(Protocol):
    """What `call_later` returns."""

    def cancel(self) -> None:
        """Forget the call."""


@dataclass(slots=True)
class _Waiter:
    ready: asyncio.Future[None]
    due: float


class Budget:
    """Lets requests pass at the pace the portal allows, the most urgent first, nobody starved.

    The portal takes `rate` out of its bucket once a second and we do so all the time, so we stay `rate` below its
    limit. `clock` (seconds) and `call_later` are there for tests.
    """

    def __init__(
        self,
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
        call_later: Callable[[float, Callable[[], None]], Timer] | None = None,
    ) -> None:
        self.limits = limits
        self._clock = clock
        self._call_later = call_later
        self._capacity = max(1.0, limits.burst - limits.rate)
        self._level = 0.0
        self._drained_at = clock()
        self._not_before = 0.0
        self._waiting: dict[Priority, deque[_Waiter]] = {priority: deque() for priority in Priority}
        self._timer: Timer | None = None

    @property
    def level(self) -> float:
        """How full the bucket is, in requests."""
        self._drain()
        return self._level

    @property
    def waiting(self) -> int:
        """How many requests wait for room."""
        return sum(not waiter.ready.done() for queue in self._waiting.values() for waiter in queue)

    async def acquire(self, priority: Priority) -> None:
        """Wait until a request of this class may be sent."""
        if not self.limits.enabled:
            return
        now = self._drain()
        if not any(self._waiting.values()) and self._room_in(priority, now, urgent=False) <= 0:
            self._level += 1
            return
        waiter = _Waiter(asyncio.get_running_loop().create_future(), now + _PATIENCE[priority])
        self._waiting[priority].append(waiter)
        self._pump()
        try:
            await waiter.ready
        except asyncio.CancelledError:
            if waiter.ready.done() and not waiter.ready.cancelled():
                self._level = max(0.0, self._level - 1)  # granted in the same instant, but never sent
            self._pump()
            raise

    def refused(self, retry_after: float = 1.0) -> None:
        """The portal says its bucket is full (somebody else behind our address fills it too): believe it."""
        now = self._drain()
        self._level = max(self._level, self._capacity)
        self._not_before = max(self._not_before, now + retry_after)

    def wait_estimate(self, priority: Priority) -> float:
        """Seconds until a request of this class would be let through, judging by what waits now."""
        now = self._drain()
        ahead = sum(len(self._waiting[p]) for p in Priority if p <= priority)
        return max(0.0, self._room_in(priority, now, urgent=False)) + ahead / self.limits.rate

    def _drain(self) -> float:
        now = self._clock()
        self._level = max(0.0, self._level - (now - self._drained_at) * self.limits.rate)
        self._drained_at = now
        return now

    def _room_in(self, priority: Priority, now: float, *, urgent: bool) -> float:
        """Seconds until the bucket has room for this class; 0 or less: now."""
        share = max(1.0, self._capacity * (1.0 if urgent else _SHARE[priority]))
        return max((self._level + 1 - share) / self.limits.rate - 1e-9, self._not_before - now)

    def _pump(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self._drain()
        while True:
            waits: list[tuple[float, float, Priority]] = []
            for priority, queue in self._waiting.items():
                while queue and queue[0].ready.done():
                    queue.popleft()
                if queue:
                    due = queue[0].due
                    waits.append((self._room_in(priority, now, urgent=due <= now), due, priority))
            admissible = [(due, priority) for wait, due, priority in waits if wait <= 0]
            if not admissible:
                break
            waiter = self._waiting[min(admissible)[1]].popleft()
            self._level += 1
            waiter.ready.set_result(None)
        if waits:
            call_later = self._call_later or asyncio.get_running_loop().call_later
            self._timer = call_later(min(wait for wait, _, _ in waits) + 0.001, self._pump)
