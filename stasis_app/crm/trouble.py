"""Keeping repeated failures of one kind from filling the log."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from loguru import logger

QUIET = 60.0
"""Seconds for which a kind that was told is not told again, whatever works in between."""


class Troubles:
    """Counts failures by kind and writes each kind to the log once, until `over` says that things work again.

    Where some requests fail and others work, a kind is told at most once in `QUIET` seconds. Only the name of an
    exception's class is written: its text may carry an address with a secret in it.
    """

    def __init__(self, what: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.what = what
        self.counts: Counter[str] = Counter()
        self._clock = clock
        self._told: dict[str, float] = {}

    def note(self, error: BaseException | str) -> str:
        """Count a failure; returns its kind."""
        kind = error if isinstance(error, str) else type(error).__name__
        self.counts[kind] += 1
        if kind not in self._told:
            self._told[kind] = self._clock()
            logger.warning("{} failed: {} (further ones of this kind are only counted)", self.what, kind)
        return kind

    def over(self) -> None:
        """It worked: a failure later on is worth a line in the log again."""
        old = [kind for kind, told in self._told.items() if self._clock() - told >= QUIET]
        for kind in old:
            del self._told[kind]
        if old and not self._told:
            logger.info("{} works again", self.what)
