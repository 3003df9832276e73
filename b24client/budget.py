"""The portal's request budget, shared by everything that talks to it from one address.

Bitrix24 counts the requests from one address to one portal in a leaky bucket: each request adds one, `rate` are taken
out every second, and above `burst` requests are refused with 503 (https://apidocs.bitrix24.com/limits.html). A batch
counts as one request, whatever it holds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum


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
    """The portal's published numbers: `rate` requests a second, `burst` at once; `operating`: the seconds of work a
    method may use in ten minutes. Not `enabled`: no waiting at all, and no batches but those asked for.
    """

    rate: float = 2.0
    burst: int = 50
    operating: float = 480.0
    enabled: bool = True

    def __post_init__(self) -> None:
        if self.rate <= 0 or self.burst < 1:
            raise ValueError(f"rate must be above 0 and burst at least 1, got rate={self.rate}, burst={self.burst}")
        if self.operating <= 0:
            raise ValueError(f"operating must be above 0 seconds, got {self.operating}")

    @classmethod
    def enterprise(cls) -> Limits:
        """The numbers of an Enterprise plan."""
        return cls(rate=5.0, burst=250)


# The part of the bucket a class may fill; what is left above it is the reserve of the classes before it.
_SHARE = {
    Priority.LOOKUP: 1.0,
    Priority.CARD: 0.9,
    Priority.FINISH: 0.8,
    Priority.RECORD: 0.5,
    Priority.SYNC: 0.4,
}


class Budget:
    """How many requests the portal would take now.

    The portal takes `rate` out of its bucket once a second and we do so all the time, so we stay `rate` below its
    limit. `clock` (seconds) is there for tests.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self._clock = clock
        self._level = 0.0
        self._drained_at = clock()
        self._not_before = 0.0

    @property
    def level(self) -> float:
        """How full the bucket is, in requests."""
        self._drain()
        return self._level

    def fill(self, priority: Priority) -> float:
        """How much of what this class may use is used up: 0 nothing, 1 all."""
        self._drain()
        return self._level / self._filled_to(priority, urgent=False)

    def take(self) -> None:
        """A request goes out."""
        self._drain()
        self._level += 1

    def room(self, priority: Priority, part: float = 1.0) -> int:
        """How many requests of this class may go out now until this part of what it may use is used up."""
        now = self._drain()
        if now < self._not_before:
            return 0
        return max(0, int(part * self._filled_to(priority, urgent=False) - self._level + 1e-6))

    def room_in(self, priority: Priority, *, urgent: bool = False) -> float:
        """Seconds until a request of this class may go out; 0: now."""
        now = self._drain()
        short = (self._level + 1 - self._filled_to(priority, urgent=urgent)) / self.limits.rate - 1e-6
        return max(short, self._not_before - now, 0.0)

    def refused(self, retry_after: float = 1.0) -> None:
        """The portal says its bucket is full (somebody else behind our address fills it too): believe it."""
        now = self._drain()
        self._level = max(self._level, self._capacity)
        self._not_before = max(self._not_before, now + retry_after)

    def change(self, limits: Limits) -> None:
        """The portal has other limits than thought."""
        self._drain()
        self.limits = limits

    @property
    def _capacity(self) -> float:
        return max(1.0, self.limits.burst - self.limits.rate)

    def _filled_to(self, priority: Priority, *, urgent: bool) -> float:
        return max(1.0, self._capacity * (1.0 if urgent else _SHARE[priority]))

    def _drain(self) -> float:
        now = self._clock()
        self._level = max(0.0, self._level - (now - self._drained_at) * self.limits.rate)
        self._drained_at = now
        return now
