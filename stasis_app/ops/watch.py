"""Looks at the service again and again and tells the incidents what is wrong, and what is well again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from loguru import logger

from stasis_app import incidents as i
from stasis_app.ari import LinkState
from stasis_app.calls.facts import Fact, RecordingFailed
from stasis_app.calls.record import CallRecord
from stasis_app.mirror import MirrorState
from stasis_app.ops.incidents import IncidentBook

LOOK_EVERY = 1.0
PORTAL_PATIENCE = 30.0
"""Seconds without the portal that are no incident yet."""
ASTERISK_PATIENCE = 5.0
"""Seconds without the link, the same: Asterisk reloading, or our own start."""


class WatchedWriter(Protocol):
    """The part of the storage's writer that is looked at."""

    @property
    def healthy(self) -> bool: ...
    @property
    def last_error(self) -> str: ...
    @property
    def lost(self) -> int: ...
    @property
    def rejected(self) -> int: ...


class Watch:
    """Looks at the link, the storage, the portal and the employees.

    `is_known` tells whether an extension belongs to somebody in the portal; `log_trouble` why the log's file takes
    nothing ("" when it does). `clock` in seconds.
    """

    def __init__(
        self,
        book: IncidentBook,
        *,
        link: Callable[[], LinkState],
        writer: WatchedWriter,
        mirror: Callable[[], MirrorState],
        is_known: Callable[[str], bool],
        log_trouble: Callable[[], str] = lambda: "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._book = book
        self._link = link
        self._writer = writer
        self._mirror = mirror
        self._is_known = is_known
        self._log_trouble = log_trouble
        self._clock = clock
        self._link_down_since: float | None = None
        self._gone = 0
        self._wrong: set[str] = set()

    async def run(self) -> None:
        """Look, for ever."""
        while True:
            try:
                self.look()
            except Exception:
                logger.exception("Looking for incidents failed")
            await asyncio.sleep(LOOK_EVERY)

    def on_fact(self, record: CallRecord, fact: Fact) -> None:
        """Take in a fact. Returns at once."""
        if isinstance(fact, RecordingFailed):
            self._book.report(i.RECORDING_MISSING, f"call {fact.call_id}: Asterisk could not record it ({fact.why})")

    def look(self) -> None:
        """Compare what is with what was told."""
        self._look_at_link()
        self._look_at_storage()
        state = self._mirror()
        away = state.portal_down_for is not None and state.portal_down_for > PORTAL_PATIENCE
        self._tell(i.PORTAL_AWAY, wrong=away, detail=state.last_error)
        trouble = self._log_trouble()
        self._tell(i.LOG_LOST, wrong=bool(trouble), detail=trouble)
        for incident in self._book.open():
            if incident.kind is i.UNKNOWN_EXTENSION and self._is_known(incident.subject):
                self._book.recovered(i.UNKNOWN_EXTENSION, subject=incident.subject)
        self._book.fade()

    def _look_at_link(self) -> None:
        state, now = self._link(), self._clock()
        self._tell(i.REPLACED, wrong=state is LinkState.REPLACED)
        if state is not LinkState.DOWN:
            self._link_down_since = None
        elif self._link_down_since is None:
            self._link_down_since = now
        down_for = now - self._link_down_since if self._link_down_since is not None else 0.0
        self._tell(i.ASTERISK_AWAY, wrong=down_for >= ASTERISK_PATIENCE)

    def _look_at_storage(self) -> None:
        writer = self._writer
        self._tell(i.STORAGE_REFUSES, wrong=not writer.healthy, detail=writer.last_error)
        gone = writer.lost + writer.rejected
        if gone > self._gone:
            self._book.report(
                i.STORAGE_LOST, f"{gone} rows since the start, {writer.rejected} of them refused for good"
            )
        self._gone = gone

    def _tell(self, kind: i.Kind, *, wrong: bool, detail: str = "") -> None:
        """Report what has just gone wrong: once, however long it lasts. At the start, what was wrong may be over."""
        if wrong and kind.code not in self._wrong:
            self._wrong.add(kind.code)
            self._book.report(kind, detail)
        elif not wrong:
            self._wrong.discard(kind.code)
            self._book.recovered(kind)
