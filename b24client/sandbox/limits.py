"""The portal's limits: requests per second, and working time per method."""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import dataclass, field

from b24client.sandbox.config import RequestLimits
from b24client.sandbox.wire import RestError

WINDOW = 600
"""Seconds of working time that count together."""
_BUCKET = 60


@dataclass(slots=True)
class _Bucket:
    level: float = 0.0
    second: int = 0


@dataclass(slots=True)
class Gate:
    """Counts what comes from one address; every second `rate` requests are forgotten."""

    limits: RequestLimits
    overruns: int = 0
    _buckets: dict[str, _Bucket] = field(default_factory=dict)

    def enter(self, address: str) -> None:
        """Let a request in. Raises RestError QUERY_LIMIT_EXCEEDED."""
        if not self.limits.enabled:
            return
        bucket = self._buckets.setdefault(address, _Bucket(second=math.floor(time.time())))
        second = math.floor(time.time())
        if second > bucket.second:
            bucket.level = max(0.0, bucket.level - (second - bucket.second) * self.limits.rate)
            bucket.second = second
        if bucket.level + 1 > self.limits.burst:
            self.overruns += 1
            raise RestError(503, "QUERY_LIMIT_EXCEEDED", "Too many requests")
        bucket.level += 1

    def levels(self) -> dict[str, float]:
        """How full the buckets are."""
        return {address: bucket.level for address, bucket in self._buckets.items()}


@dataclass(slots=True)
class WorkingTime:
    """Seconds of work by visitor and method, kept in one-minute parts for ten minutes."""

    limits: RequestLimits
    _spent: dict[tuple[str, str], deque[tuple[int, float]]] = field(default_factory=dict)

    def check(self, visitor: str, method: str) -> None:
        """Raises RestError OPERATION_TIME_LIMIT when the method has used up its time."""
        if self.limits.enabled and self.told(visitor, method)[0] >= self.limits.operating_seconds:
            raise RestError(429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.")

    def spend(self, visitor: str, method: str, seconds: float) -> None:
        """Note work done."""
        minute = int(time.time()) // _BUCKET * _BUCKET
        parts = self._spent.setdefault((visitor, method), deque())
        if parts and parts[-1][0] == minute:
            parts[-1] = (minute, parts[-1][1] + seconds)
        else:
            parts.append((minute, seconds))

    def told(self, visitor: str, method: str) -> tuple[float, int]:
        """`operating` and `operating_reset_at` as the answers tell them."""
        parts = self._spent.get((visitor, method))
        now = time.time()
        while parts and parts[0][0] <= now - WINDOW:
            parts.popleft()
        if not parts:
            return 0.0, int(now) + WINDOW
        return sum(seconds for _, seconds in parts), parts[0][0] + WINDOW
