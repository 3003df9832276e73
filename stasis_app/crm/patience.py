"""Whether callers should wait for the portal at all: not when those before them waited in vain."""

from __future__ import annotations

import time
from collections.abc import Callable

SLOW_IN_A_ROW = 3
"""One slow answer says little; this many without a quick one between them do."""
PAUSE = 30.0
"""Seconds without a sign of life after which one caller waits again, to find out."""


class Patience:
    """Kept by telling it of quick and slow answers, of questions asked in a call's path or beside it.

    `clock` in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._slow = 0
        self._not_before = 0.0

    @property
    def is_lost(self) -> bool:
        """Whether callers do not wait at present, but for one now and then."""
        return self._slow >= SLOW_IN_A_ROW

    def wait_now(self) -> bool:
        """Whether this caller should wait. While patience is lost, at most one does in `PAUSE` seconds."""
        if not self.is_lost:
            return True
        if self._clock() < self._not_before:
            return False
        self._not_before = self._clock() + PAUSE
        return True

    def waited_in_vain(self) -> bool:
        """A caller waited and got no answer in time; True when patience was lost by it."""
        self._slow += 1
        self._not_before = self._clock() + PAUSE
        return self._slow == SLOW_IN_A_ROW

    def answered_quickly(self) -> bool:
        """The portal answered as fast as callers can wait; True when patience is back by it."""
        was_lost, self._slow = self.is_lost, 0
        return was_lost
