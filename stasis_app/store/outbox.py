"""The outbox on disk: what the portal is to be told of each call, in order, and what it answered."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson
from sqlalchemy import Connection, Select, delete, func, or_, select

from stasis_app.store.database import Database
from stasis_app.store.statements import Put, Row
from stasis_app.store.tables import outbox
from stasis_app.store.writer import Writer

OPEN, DONE, DROPPED, REFUSED = "open", "done", "dropped", "refused"
"""States of a row: to be done; done; lost its point before it was sent; finally not possible (`reason` says why)."""

PATIENCE = 0.5
"""Seconds to wait for the disk before an operation is sent all the same: a card is worth more than its record."""

LONGEST_OPEN = 8 * 86400.0
"""Seconds between opening and closing an operation, at most: it narrows a search to what the index finds."""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One operation. (`call_id`, `seq`) is its key; times are Unix seconds; `body` is what is sent."""

    call_id: str
    seq: int
    kind: str
    fact_at: float
    opened_at: float
    state: str = OPEN
    closed_at: float | None = None
    attempts: int = 0
    body: dict[str, Any] = field(default_factory=dict)
    answer: dict[str, Any] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class OutboxSummary:
    """How the outbox stands."""

    counts: dict[str, int]
    oldest_open_at: float | None


class Outbox(Protocol):
    """Keeps operations."""

    def submit(self, *rows: OutboxRow, urgent: bool = True) -> asyncio.Future[bool]:
        """Write rows (whole), at once if `urgent`, else within a tenth of a second.

        The future tells when they are on disk (False: the storage refuses for now).
        """
        ...

    async def put(self, *rows: OutboxRow) -> bool:
        """Write rows and wait for the disk, at most half a second."""
        ...

    def post(self, *rows: OutboxRow) -> None:
        """Write rows some time soon; never waits."""
        ...

    async def unfinished(self, since: float) -> list[str]:
        """The calls that are registered but not finished since `since`, then those that have something open."""
        ...

    async def of_call(self, call_id: str) -> list[OutboxRow]:
        """The rows of one call, in order."""
        ...

    async def of_calls(self, call_ids: Sequence[str]) -> dict[str, list[OutboxRow]]:
        """The rows of each of these calls, in order; one read for all of them."""
        ...

    async def settle(self) -> bool:
        """Wait until what was posted is on disk; False when the storage refuses for now."""
        ...

    async def listing(
        self, states: Sequence[str] = (), *, limit: int = 100, before: float | None = None
    ) -> list[OutboxRow]:
        """Newest first, opened before `before`."""
        ...

    async def done_between(self, kind: str, since: float, until: float) -> list[OutboxRow]:
        """Operations of this kind that were carried out in this time."""
        ...

    async def summary(self) -> OutboxSummary:
        """How many rows there are of each state, and since when the oldest open one waits."""
        ...


class SqlOutbox:
    """The outbox in the database."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer
        self._put = Put(outbox, database.dialect, worth=3)

    def submit(self, *rows: OutboxRow, urgent: bool = True) -> asyncio.Future[bool]:
        return self._writer.submit(self._put, [_to_sql(row) for row in rows], urgent=urgent)

    async def put(self, *rows: OutboxRow) -> bool:
        written = self.submit(*rows)
        done, _ = await asyncio.wait({written}, timeout=PATIENCE)
        return bool(done) and written.result()

    def post(self, *rows: OutboxRow) -> None:
        self._writer.post(self._put, [_to_sql(row) for row in rows])

    async def unfinished(self, since: float) -> list[str]:
        finished = select(outbox.c.call_id).where(outbox.c.kind == "finish", outbox.c.opened_at >= since)
        live = select(outbox.c.call_id).where(
            outbox.c.kind == "register",
            outbox.c.state == DONE,
            outbox.c.opened_at >= since,
            outbox.c.call_id.not_in(finished),
        )
        waiting = select(outbox.c.call_id).where(outbox.c.state == OPEN).order_by(outbox.c.opened_at)

        def ask(connection: Connection) -> list[str]:
            found = (row.call_id for query in (live, waiting) for row in connection.execute(query))
            return list(dict.fromkeys(found))

        return await self._database.read(ask)

    async def of_call(self, call_id: str) -> list[OutboxRow]:
        return await self._rows(select(outbox).where(outbox.c.call_id == call_id).order_by(outbox.c.seq))

    async def of_calls(self, call_ids: Sequence[str]) -> dict[str, list[OutboxRow]]:
        query = select(outbox).where(outbox.c.call_id.in_(call_ids)).order_by(outbox.c.call_id, outbox.c.seq)
        found: dict[str, list[OutboxRow]] = {}
        for row in await self._rows(query):
            found.setdefault(row.call_id, []).append(row)
        return found

    async def settle(self) -> bool:
        return await self._writer.flush()

    async def listing(
        self, states: Sequence[str] = (), *, limit: int = 100, before: float | None = None
    ) -> list[OutboxRow]:
        query = select(outbox).order_by(outbox.c.opened_at.desc(), outbox.c.seq.desc()).limit(limit)
        if states:
            query = query.where(outbox.c.state.in_(states))
        if before is not None:
            query = query.where(outbox.c.opened_at < before)
        return await self._rows(query)

    async def done_between(self, kind: str, since: float, until: float) -> list[OutboxRow]:
        query = select(outbox).where(
            outbox.c.state == DONE,
            outbox.c.kind == kind,
            outbox.c.opened_at >= since - LONGEST_OPEN,
            outbox.c.closed_at >= since,
            outbox.c.closed_at < until,
        )
        return await self._rows(query)

    async def summary(self) -> OutboxSummary:
        def ask(connection: Connection) -> OutboxSummary:
            counts = connection.execute(select(outbox.c.state, func.count()).group_by(outbox.c.state))
            oldest = select(func.min(outbox.c.opened_at)).where(outbox.c.state == OPEN)
            return OutboxSummary({row[0]: row[1] for row in counts}, connection.execute(oldest).scalar())

        return await self._database.read(ask)

    async def purge(self, before: float) -> None:
        """Forget the closed rows of calls about which nothing was opened since `before`."""
        recent = select(outbox.c.call_id).where(or_(outbox.c.opened_at >= before, outbox.c.state == OPEN))

        def remove(connection: Connection) -> None:
            old = select(outbox.c.call_id).where(outbox.c.call_id.not_in(recent)).distinct().limit(5000)
            ids = [row.call_id for row in connection.execute(old)]
            connection.execute(delete(outbox).where(outbox.c.call_id.in_(ids)))

        await self._writer.run(remove)

    async def _rows(self, query: Select[Any]) -> list[OutboxRow]:
        def ask(connection: Connection) -> list[OutboxRow]:
            return [_from_sql(dict(row)) for row in connection.execute(query).mappings()]

        return await self._database.read(ask)


def _to_sql(row: OutboxRow) -> Row:
    return {
        "call_id": row.call_id,
        "seq": row.seq,
        "kind": row.kind,
        "state": row.state,
        "fact_at": row.fact_at,
        "opened_at": row.opened_at,
        "closed_at": row.closed_at,
        "attempts": row.attempts,
        "body": orjson.dumps(row.body).decode(),
        "answer": orjson.dumps(row.answer).decode(),
        "reason": row.reason,
    }


def _from_sql(columns: dict[str, Any]) -> OutboxRow:
    body, answer = columns.pop("body"), columns.pop("answer")
    return OutboxRow(**columns, body=orjson.loads(body), answer=orjson.loads(answer))
