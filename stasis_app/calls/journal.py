"""The journal of calls: takes every fact in the call's path without waiting, and answers what happened."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from loguru import logger

from stasis_app.calls.facts import Direction, Fact, PartyKind, Started
from stasis_app.calls.record import CallRecord
from stasis_app.calls.wire import WireError, fact_fields, fact_from_fields, record_from_json, record_text
from stasis_app.store import CallFilter, CallRow, FactRow

FLUSH_EVERY = 0.2
"""Seconds facts are gathered before they are written; of a call that changes often only its latest state is."""


class JournalDisk(Protocol):
    """The part of the storage that is needed here (`Store.journal`)."""

    def post(self, call_rows: Sequence[CallRow], fact_rows: Sequence[FactRow]) -> None: ...

    async def settle(self) -> bool: ...

    async def calls(self, wanted: CallFilter) -> list[CallRow]: ...

    async def call(self, call_id: str) -> CallRow | None: ...

    async def facts(self, call_id: str) -> list[FactRow]: ...


class PastQuery(Protocol):
    """Which ended calls are asked for: newest first, `limit` of those older than the `before` position."""

    @property
    def limit(self) -> int: ...
    @property
    def before(self) -> tuple[datetime, str] | None: ...
    @property
    def since(self) -> datetime | None: ...
    @property
    def until(self) -> datetime | None: ...
    @property
    def number(self) -> str: ...
    @property
    def extension(self) -> str: ...
    @property
    def direction(self) -> Direction | None: ...
    @property
    def answered(self) -> bool | None: ...


class Journal:
    """Every call and its facts, on disk."""

    def __init__(self, disk: JournalDisk) -> None:
        self._disk = disk
        self._facts: list[FactRow] = []
        self._changed: dict[str, CallRecord] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._last_seq = 0

    def add(self, record: CallRecord, fact: Fact) -> None:
        """Note a fact; `record` is the call after it. Never waits, never raises."""
        seq = self._last_seq = max(self._last_seq + 1, time.time_ns() // 1000)
        self._facts.append(
            {
                "call_id": fact.call_id,
                "seq": seq,
                "at": fact.at.timestamp(),
                "kind": type(fact).__name__,
                "data": fact_fields(fact).decode(),
            }
        )
        if isinstance(fact, Started):
            # It is on disk no later than what the portal is told first: else a service killed in between would find
            # only that to be told, and nobody would ever end the portal's call.
            self._disk.post([_row(record)], [])
        self._changed[record.call_id] = record
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_EVERY, self._hand_over)

    async def past(self, query: PastQuery) -> Sequence[CallRecord]:
        """Ended calls, the latest start first. Raises SQLAlchemyError when the database can't be read."""
        return await self._select(
            CallFilter(
                live=False,
                direction=query.direction.value if query.direction else "",
                customer=query.number,
                extension=query.extension,
                answered=query.answered,
                since=query.since.timestamp() if query.since else None,
                until=query.until.timestamp() if query.until else None,
                before=(query.before[0].timestamp(), query.before[1]) if query.before else None,
                limit=query.limit,
            )
        )

    async def unfinished(self) -> Sequence[CallRecord]:
        """Calls whose end was never written, the latest start first: after a restart, those to adopt or to close."""
        return await self._select(CallFilter(live=True, limit=100_000))

    async def get(self, call_id: str) -> CallRecord | None:
        """The record of a call, live or past; None if it was never seen."""
        await self.settled()
        row = await self._disk.call(call_id)
        return _record(row) if row is not None else None

    async def facts(self, call_id: str) -> Sequence[Fact]:
        """The facts of a call in the order they were told; [] if it was never seen."""
        await self.settled()
        found: list[Fact] = []
        for row in await self._disk.facts(call_id):
            try:
                found.append(fact_from_fields(row["kind"], row["data"]))
            except WireError as error:
                logger.bind(call=call_id).warning("A fact in the journal can't be read: {}", error)
        return found

    async def close(self) -> None:
        """Hand what is gathered to the storage."""
        await self.settled()

    async def _select(self, wanted: CallFilter) -> list[CallRecord]:
        await self.settled()
        records = [_record(row) for row in await self._disk.calls(wanted)]
        return [record for record in records if record is not None]

    async def settled(self) -> None:
        """Wait until everything told so far is on disk, or the storage refuses."""
        if self._timer is not None:
            self._timer.cancel()
            self._hand_over()
        await self._disk.settle()

    def _hand_over(self) -> None:
        self._timer = None
        facts, self._facts = self._facts, []
        changed, self._changed = self._changed, {}
        self._disk.post([_row(record) for record in changed.values()], facts)


def _row(record: CallRecord) -> CallRow:
    client = record.identified
    employees = dict.fromkeys(
        party.number
        for party in (record.caller, *(r.party for r in record.rings), *(t.party for t in record.talks))
        if party.kind is PartyKind.EMPLOYEE and party.number
    )
    return {
        "call_id": record.call_id,
        "direction": record.direction.value,
        "started_at": record.started_at.timestamp(),
        "ended_at": record.ended_at.timestamp() if record.ended_at else None,
        "customer": record.customer_number[:64],
        "client": client.name[:255] if client else "",
        "line": record.line[:64],
        "extensions": f",{','.join(employees)}," if employees else "",
        "answered": record.answered,
        "talk_seconds": record.talk_seconds,
        "ended_by": record.ended_by.value if record.ended_by else None,
        "cause": record.cause,
        "record": record_text(record).decode(),
    }


def _record(row: CallRow) -> CallRecord | None:
    try:
        return record_from_json(row["record"])
    except WireError as error:
        logger.bind(call=row["call_id"]).warning("A call in the journal can't be read: {}", error)
        return None
