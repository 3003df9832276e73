"""When to try again."""

from __future__ import annotations

import random
import time

LIVE_LONGEST = 2.0
LATE_LONGEST = 60.0
"""Longest pause between attempts in seconds, for a live call and for one that has ended."""


class Retry:
    """The pauses of one call, doubling from half a second, a fifth more or less so that calls don't go in step."""

    __slots__ = ("_not_before", "failures")

    def __init__(self) -> None:
        self.failures = 0
        self._not_before = 0.0

    @property
    def wait(self) -> float:
        """Seconds until the next attempt; 0 or less: now."""
        return self._not_before - time.monotonic()

    def failed(self, longest: float, least: float = 0.0) -> None:
        """Pause, at least `least` and at most `longest` seconds unless `least` is longer."""
        pause = min(0.5 * 2 ** min(self.failures, 10), longest) * random.uniform(0.8, 1.2)
        self.failures += 1
        self._not_before = time.monotonic() + max(pause, least)

    def succeeded(self) -> None:
        """The next attempt may be made at once."""
        self.failures = 0
