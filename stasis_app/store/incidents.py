"""Incidents on disk: a row for each kind of trouble and its subject."""

from __future__ import annotations

from typing import Protocol, TypedDict

from sqlalchemy import Connection, delete, select

from stasis_app.store.database import Database
from stasis_app.store.statements import Put
from stasis_app.store.tables import incidents
from stasis_app.store.writer import Writer


class IncidentRow(TypedDict):
    """An incident; (`code`, `subject`) is its key, times are Unix seconds, `closed_at` None while it is open."""

    code: str
    subject: str
    detail: str
    count: int
    first_at: float
    last_at: float
    closed_at: float | None


class IncidentStore(Protocol):
    """Keeps incidents."""

    def post(self, row: IncidentRow) -> None:
        """Write a row (whole) some time soon; never waits, never raises."""
        ...

    async def load_all(self) -> list[IncidentRow]:
        """All that are kept. Raises SQLAlchemyError."""
        ...


class SqlIncidents:
    """The incidents in the database."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer
        self._put = Put(incidents, database.dialect)

    def post(self, row: IncidentRow) -> None:
        self._writer.post(self._put, [row])

    async def load_all(self) -> list[IncidentRow]:
        def ask(connection: Connection) -> list[IncidentRow]:
            rows = connection.execute(select(incidents)).mappings()
            return [IncidentRow(**row) for row in rows]  # type: ignore[typeddict-item]

        return await self._database.read(ask)

    async def purge(self, before: float) -> None:
        """Forget what was closed before `before`."""

        def remove(connection: Connection) -> None:
            connection.execute(delete(incidents).where(incidents.c.closed_at < before))

        await self._writer.run(remove)
