"""One call as the mirror knows it: what happened to it, what the portal has been told, and the difference."""

from __future__ import annotations

import time
from typing import NamedTuple

from loguru import logger

from stasis_app.calls.facts import Direction
from stasis_app.calls.record import CallRecord
from stasis_app.incidents import UNKNOWN_EXTENSION
from stasis_app.mirror.context import Context
from stasis_app.mirror.entries import Entries
from stasis_app.mirror.operations import Told
from stasis_app.mirror.people import cards

NOBODY: frozenset[int] = frozenset()
_NO_EXTENSIONS: frozenset[str] = frozenset()


class Difference(NamedTuple):
    """Who should get the card, who should lose it, who should have it."""

    show: frozenset[int] = NOBODY
    hide: frozenset[int] = NOBODY
    wanted: frozenset[int] = NOBODY


class Subject:
    """A call: its record as of the last fact (None before the first one after a restart), and its entries."""

    __slots__ = ("_unknown", "call_id", "entries", "fact_at", "record", "shared")

    def __init__(self, call_id: str, shared: Context) -> None:
        self.call_id = call_id
        self.shared = shared
        self.entries = Entries(call_id, shared.outbox, shared.observe, shared.incidents)
        self.record: CallRecord | None = None
        self.fact_at = time.monotonic()
        self._unknown = _NO_EXTENSIONS

    @property
    def told(self) -> Told:
        """What the portal has been told."""
        return self.entries.told

    @property
    def is_mirrored(self) -> bool:
        """Whether the portal is to know of it."""
        if self.record is None:
            return False
        return self.record.direction is not Direction.INTERNAL or self.shared.rules.internal_calls

    def heard(self, record: CallRecord) -> None:
        """Something happened; this is the call after it."""
        self.record = record
        self.fact_at = time.monotonic()

    def fact_time(self) -> float:
        """When the last fact came, in Unix seconds."""
        return time.time() - (time.monotonic() - self.fact_at)

    def difference(self) -> Difference:
        """What is wrong with the cards at this moment."""
        told = self.told
        if told.finish is not None:
            return Difference(hide=told.shown | told.maybe)
        if self.record is None or self.record.ended_at is not None:
            return Difference()
        wanted, strangers = cards(self.record, self.shared.people)
        for extension in strangers:
            if extension not in self._unknown:
                self._complain(extension)
        return Difference(wanted - told.shown, (told.shown | told.maybe) - wanted, wanted)

    def _complain(self, extension: str) -> None:
        self._unknown |= {extension}
        log = logger.bind(call=self.call_id)
        log.warning("Extension {} belongs to nobody in the portal: no card for it", extension)
        if any(True for _ in self.shared.people.employees):  # else nobody at all is known yet
            self.shared.incidents.report(UNKNOWN_EXTENSION, f"call {self.call_id}", subject=extension)
