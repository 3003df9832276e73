"""The outbox entries of one call: opened before they are sent, closed with what became of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from loguru import logger

from stasis_app.incidents import PORTAL_REFUSED, RECORDING_MISSING, Incidents
from stasis_app.mirror.deliveries import Verdict
from stasis_app.mirror.operations import Kind, Told
from stasis_app.store import DONE, DROPPED, OPEN, REFUSED, Outbox, OutboxRow

if TYPE_CHECKING:
    from loguru import Logger

PATIENCE = 0.5
"""Seconds to wait for the disk: a storage that refuses must not keep the portal from being told."""
STILL_AT_WORK = 65.0
"""Seconds after which no portal carries out a request any more whose answer was lost: it breaks off after 60.

https://apidocs.bitrix24.com/limits.html
"""
_NOT_TWICE = (Kind.REGISTER, Kind.TODO, Kind.NOTE)
"""What there would be twice, were it carried out late, after it was said again."""
_NOTHING: Mapping[str, float] = MappingProxyType({})


class Entries:
    """What the outbox holds of one call.

    `observe` is told the kind and the age of each entry that is settled, `incidents` what will never be done.
    """

    __slots__ = ("_at_work", "_call_id", "_cards", "_doubts", "_incidents", "_observe", "_outbox", "_written", "told")

    def __init__(
        self, call_id: str, outbox: Outbox, observe: Callable[[str, float], None], incidents: Incidents
    ) -> None:
        self._incidents = incidents
        self.told = Told()
        self._call_id = call_id
        self._outbox = outbox
        self._observe = observe
        self._written: dict[int, asyncio.Future[bool]] = {}
        self._doubts: frozenset[int] = frozenset()
        self._at_work: Mapping[str, float] = _NOTHING  # until when, by kind
        self._cards: tuple[OutboxRow, ...] = ()

    def load(self, rows: Iterable[OutboxRow], doubts: frozenset[int] | None = None) -> None:
        """Take in what the outbox holds. Of what a former life of this program left open, all may have been sent."""
        rows = list(rows)
        self.told = Told.of(rows)
        self._doubts = frozenset()
        self.doubt(row for row in rows if row.state == OPEN and (doubts is None or row.seq in doubts))
        register = self.told.register
        if register is not None and "at_work_until" in register.answer:
            left = min(STILL_AT_WORK, register.answer["at_work_until"] - time.time())
            self._at_work = {**self._at_work, Kind.REGISTER: time.monotonic() + left}
        # What its cards were about is over: `drop_cards` closes them, and what is wanted now is worked out anew.
        self._cards = tuple(row for row in rows if row.state == OPEN and row.kind in (Kind.SHOW, Kind.HIDE))

    @property
    def cards(self) -> tuple[OutboxRow, ...]:
        """The change of cards that is open."""
        return self._cards

    @property
    def doubts(self) -> frozenset[int]:
        """What the portal may have carried out without our knowing."""
        return self._doubts

    def is_doubtful(self, row: OutboxRow) -> bool:
        """Whether the portal may have carried this out without our knowing."""
        return row.seq in self._doubts

    def doubt(self, rows: Iterable[OutboxRow], *, at_work: bool = True) -> None:
        """The portal may have carried these out; `at_work`: or may do so yet."""
        for row in rows:
            self._doubts |= {row.seq}
            if at_work and row.kind in _NOT_TWICE:
                self._at_work = {**self._at_work, row.kind: time.monotonic() + STILL_AT_WORK}

    def at_work_for(self, kind: Kind) -> float:
        """Seconds in which the portal may yet carry out a request of this kind whose answer was lost; 0 for none."""
        until = self._at_work.get(kind)
        return max(0.0, until - time.monotonic()) if until is not None else 0.0

    def open(self, kind: Kind, fact_at: float, body: dict[str, Any]) -> OutboxRow:
        """Note an operation; it is on its way to the disk at once."""
        row = OutboxRow(self._call_id, self.told.last_seq + 1, kind, fact_at, time.time(), body=body)
        self._write(row)
        return row

    def open_cards(self, show: frozenset[int], hide: frozenset[int], fact_at: float) -> tuple[OutboxRow, ...]:
        """The entries for this change; those of the attempt before when it is the same change."""
        now = [(kind, sorted(users)) for kind, users in ((Kind.HIDE, hide), (Kind.SHOW, show)) if users]
        if now != [(row.kind, row.body["users"]) for row in self._cards]:
            self.drop_cards()
            self._cards = tuple(self.open(kind, fact_at, {"users": users}) for kind, users in now)
        return self._cards

    async def on_disk(self, *rows: OutboxRow) -> None:
        """Wait until the entries are written, for a moment only."""
        awaited = {row.kind: self._written.pop(row.seq) for row in rows if row.seq in self._written}
        unwritten = {written for written in awaited.values() if not written.done()}
        if unwritten:
            await asyncio.wait(unwritten, timeout=PATIENCE)
        for kind, written in awaited.items():
            if written.done() and not written.cancelled() and (error := written.exception()) is not None:
                self._log().error("The outbox could not keep {}: {}", kind, type(error).__name__)

    def registered_elsewhere(self, portal_call_id: str, user_id: int) -> None:
        """The portal registered this call by itself and shows it to this user."""
        if self.told.register is not None:
            self.close(self.told.register, DROPPED, "the portal registered the call by itself")
        now = time.time()
        register = self.open(Kind.REGISTER, now, {"by": "portal", "users": [user_id]})
        self._keep(replace(register, state=DONE, closed_at=now, answer={"call_id": portal_call_id}))
        show = self.open(Kind.SHOW, now, {"by": "portal", "users": [user_id]})
        self._keep(replace(show, state=DONE, closed_at=now))

    def missed(self, rows: Sequence[OutboxRow], reason: str) -> None:
        """An attempt came to nothing; it will be made again."""
        for row in rows:
            current = self._current(row)
            self._keep(replace(current, attempts=current.attempts + 1, reason=reason[:500]))

    def rewrite(self, row: OutboxRow, body: dict[str, Any]) -> None:
        """Say an operation differently that was not carried out yet."""
        self._write(replace(self._current(row), body=body))

    def settle(self, row: OutboxRow, verdict: Verdict) -> None:
        """Note how an operation came out. A new body means: the same again, said differently."""
        current = self._current(row)
        current = replace(current, attempts=current.attempts + 1, reason=verdict.reason[:500])
        if verdict.body is not None:
            self._write(replace(current, body=verdict.body))
            return
        if verdict.state == REFUSED:
            self._log().warning("The portal will not have it ({}): {}", row.kind, verdict.reason)
            self._report(row, verdict.reason)
        now, answer = time.time(), verdict.answer
        if row.kind == Kind.REGISTER and (left := self.at_work_for(Kind.REGISTER)):
            answer = {**answer, "at_work_until": round(now + left, 1)}
        self._keep(replace(current, state=verdict.state, closed_at=now, answer=answer))
        self._written.pop(row.seq, None)
        self._doubts -= {row.seq}
        self._observe(row.kind, max(0.0, now - row.fact_at))

    def settle_cards(self, verdict: Verdict) -> None:
        """Note how the change of cards came out."""
        for row in self._cards:
            self.settle(row, verdict)
        self._cards = ()

    def drop_cards(self) -> None:
        """The change of cards has lost its point."""
        for row in self._cards:
            self.close(row, DROPPED, "overtaken by what happened next")
        self._cards = ()

    def close(self, row: OutboxRow, state: str, reason: str) -> None:
        """End an operation without carrying it out."""
        self._keep(replace(self._current(row), state=state, closed_at=time.time(), reason=reason[:500]))

    def give_up(self, row: OutboxRow, reason: str) -> None:
        """End an operation that was tried for long enough."""
        self.close(row, REFUSED, reason)
        self._report(row, reason)

    def _log(self) -> Logger:
        return logger.bind(call=self._call_id)

    def _report(self, row: OutboxRow, reason: str) -> None:
        if row.kind in (Kind.REGISTER, Kind.FINISH):
            self._incidents.report(PORTAL_REFUSED, f"call {row.call_id}, {row.kind}: {reason}")
        elif row.kind == Kind.RECORD:
            self._incidents.report(RECORDING_MISSING, f"call {row.call_id}: {reason}")

    def _write(self, row: OutboxRow) -> None:
        self.told.add(row)
        # An employee waits for a card; nobody waits for the end to be written down.
        urgent = row.kind not in (Kind.FINISH, Kind.RECORD, Kind.TODO, Kind.NOTE)
        self._written[row.seq] = self._outbox.submit(row, urgent=urgent)

    def _keep(self, row: OutboxRow) -> None:
        self.told.add(row)
        self._cards = tuple(row if card.seq == row.seq else card for card in self._cards)
        self._outbox.post(row)

    def _current(self, row: OutboxRow) -> OutboxRow:
        """The entry as it was last written."""
        known = (self.told.register, self.told.finish, self.told.record, *self._cards)
        return next((each for each in known if each is not None and each.seq == row.seq), row)
