"""The journal on disk: a row per call and the facts of each.

It knows rows only; `stasis_app.calls.journal` fills them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypedDict

from sqlalchemy import Connection, delete, or_, select

from stasis_app.store.database import Database
from stasis_app.store.statements import Put
from stasis_app.store.tables import calls, facts
from stasis_app.store.writer import Writer


class CallRow(TypedDict):
    """A call. `customer` is the outside number, `extensions` all that rang or talked, as ",101,102,"."""

    call_id: str
    direction: str
    started_at: float
    ended_at: float | None
    customer: str
    client: str
    line: str
    extensions: str
    answered: bool
    talk_seconds: float
    ended_by: str | None
    cause: int
    record: str


class FactRow(TypedDict):
    """One fact; `seq` orders the facts of a call."""

    call_id: str
    seq: int
    at: float
    kind: str
    data: str


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls are asked for; everything is optional. Times are Unix seconds.

    `before` continues a listing: the `started_at` and `call_id` of the last call seen.
    """

    live: bool | None = None
    direction: str = ""
    customer: str = ""  # the number or its end
    extension: str = ""
    answered: bool | None = None
    since: float | None = None
    until: float | None = None
    before: tuple[float, str] | None = None
    limit: int = 50


class JournalStore(Protocol):
    """Keeps calls and facts."""

    def post(self, call_rows: Sequence[CallRow], fact_rows: Sequence[FactRow]) -> None:
        """Write rows some time soon; never waits, never raises."""
        ...

    async def settle(self) -> bool:
        """Wait until what was posted is on disk; False when the storage refuses for now."""
        ...

    async def calls(self, wanted: CallFilter) -> list[CallRow]:
        """Calls, the latest start first."""
        ...

    async def call(self, call_id: str) -> CallRow | None:
        """One call."""
        ...

    async def facts(self, call_id: str) -> list[FactRow]:
        """The facts of a call, in order."""
        ...


class SqlJournal:
    """The journal in the database."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer
        self._put_calls = Put(calls, database.dialect, worth=2)
        self._put_facts = Put(facts, database.dialect, worth=0)

    def post(self, call_rows: Sequence[CallRow], fact_rows: Sequence[FactRow]) -> None:
        if fact_rows:
            self._writer.post(self._put_facts, fact_rows)
        if call_rows:
            self._writer.post(self._put_calls, call_rows)

    async def settle(self) -> bool:
        return await self._writer.flush()

    async def calls(self, wanted: CallFilter) -> list[CallRow]:
        query = select(calls).order_by(calls.c.started_at.desc(), calls.c.call_id.desc()).limit(wanted.limit)
        if wanted.live is not None:
            query = query.where(calls.c.ended_at.is_(None) if wanted.live else calls.c.ended_at.is_not(None))
        if wanted.direction:
            query = query.where(calls.c.direction == wanted.direction)
        if wanted.customer:
            query = query.where(calls.c.customer.endswith(wanted.customer, autoescape=True))
        if wanted.extension:
            query = query.where(calls.c.extensions.contains(f",{wanted.extension},", autoescape=True))
        if wanted.answered is not None:
            query = query.where(calls.c.answered.is_(wanted.answered))
        if wanted.since is not None:
            query = query.where(calls.c.started_at >= wanted.since)
        if wanted.until is not None:
            query = query.where(calls.c.started_at < wanted.until)
        if wanted.before is not None:
            started, call_id = wanted.before
            earlier = (calls.c.started_at == started) & (calls.c.call_id < call_id)
            query = query.where(or_(calls.c.started_at < started, earlier))

        def ask(connection: Connection) -> list[CallRow]:
            return [CallRow(**row) for row in connection.execute(query).mappings()]  # type: ignore[typeddict-item]

        return await self._database.read(ask)

    async def call(self, call_id: str) -> CallRow | None:
        query = select(calls).where(calls.c.call_id == call_id)

        def ask(connection: Connection) -> CallRow | None:
            row = connection.execute(query).mappings().first()
            return CallRow(**row) if row is not None else None  # type: ignore[typeddict-item]

        return await self._database.read(ask)

    async def facts(self, call_id: str) -> list[FactRow]:
        query = select(facts).where(facts.c.call_id == call_id).order_by(facts.c.seq)

        def ask(connection: Connection) -> list[FactRow]:
            return [FactRow(**row) for row in connection.execute(query).mappings()]  # type: ignore[typeddict-item]

        return await self._database.read(ask)

    async def purge(self, before: float) -> None:
        """Forget calls that ended before `before`, with their facts."""

        def remove(connection: Connection) -> None:
            old = select(calls.c.call_id).where(calls.c.ended_at < before).limit(5000)
            ids = [row.call_id for row in connection.execute(old)]
            connection.execute(delete(facts).where(facts.c.call_id.in_(ids)))
            connection.execute(delete(calls).where(calls.c.call_id.in_(ids)))

        await self._writer.run(remove)
