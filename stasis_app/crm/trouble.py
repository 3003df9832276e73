"""Keeping repeated failures of one kind from filling the log."""

from __future__ import annotations

from collections import Counter

from loguru import logger


class Troubles:
    """Counts failures by kind and writes each kind to the log once, until `over` says that things work again.

    Only the name of an exception's class is written: its text may carry an address with a secret in it.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self.counts: Counter[str] = Counter()
        self._told: set[str] = set()

    def note(self, error: BaseException | str) -> str:
        """Count a failure; returns its kind."""
        kind = error if isinstance(error, str) else type(error).__name__
        self.counts[kind] += 1
        if kind not in self._told:
            self._told.add(kind)
            logger.warning("{} failed: {} (further ones of this kind are only counted)", self.what, kind)
        return kind

    def over(self) -> None:
        """It worked: the next failure is worth a line in the log again."""
        if self._told:
            logger.info("{} works again", self.what)
            self._told.clear()
