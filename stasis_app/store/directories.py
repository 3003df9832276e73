"""The phonebook and the directory of employees on disk, in the shape `stasis_app.crm.stores` asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from sqlalchemy import Connection, bindparam, delete, insert, select

from stasis_app.store.database import Database
from stasis_app.store.statements import Put
from stasis_app.store.tables import clients, employees
from stasis_app.store.writer import Writer


class ClientRow(TypedDict):
    """One number of the phonebook. `number` (E.164) is the key; `seen_at` is Unix time in seconds."""

    number: str
    entity_type: str
    entity_id: int
    name: str
    user_id: int | None
    extension: str
    seen_at: float


class EmployeeRow(TypedDict):
    """One employee. `user_id` (Bitrix24) is the key."""

    user_id: int
    name: str
    extension: str
    active: bool


class SqlClientStore:
    """The phonebook in the database."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer
        self._put = Put(clients, database.dialect, worth=1)
        self._delete = delete(clients).where(clients.c.number == bindparam("gone"))

    async def load_all(self) -> Sequence[ClientRow]:
        """Every number kept, oldest first. Raises SQLAlchemyError."""

        def ask(connection: Connection) -> list[ClientRow]:
            rows = connection.execute(select(clients).order_by(clients.c.seen_at)).mappings()
            return [ClientRow(**row) for row in rows]  # type: ignore[typeddict-item]

        return await self._database.read(ask)

    async def save(self, rows: Sequence[ClientRow]) -> None:
        """Insert the rows, or replace those with the same number."""
        if rows:
            await self._writer.write(self._put, rows)

    async def delete(self, numbers: Sequence[str]) -> None:
        """Drop numbers; unknown ones are no error."""
        if numbers:
            doomed: list[dict[str, object]] = [{"gone": number} for number in numbers]
            await self._writer.run(lambda connection: _execute(connection, self._delete, doomed))


class SqlEmployeeStore:
    """The directory in the database."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer

    async def load_all(self) -> Sequence[EmployeeRow]:
        """Every employee kept. Raises SQLAlchemyError."""

        def ask(connection: Connection) -> list[EmployeeRow]:
            rows = connection.execute(select(employees).order_by(employees.c.user_id)).mappings()
            return [EmployeeRow(**row) for row in rows]  # type: ignore[typeddict-item]

        return await self._database.read(ask)

    async def save_all(self, rows: Sequence[EmployeeRow]) -> None:
        """Replace everything that is kept, in one transaction."""
        kept = [{**row, "name": row["name"][:255]} for row in rows]

        def replace(connection: Connection) -> None:
            connection.execute(delete(employees))
            _execute(connection, insert(employees), kept)

        await self._writer.run(replace)


def _execute(connection: Connection, statement: object, rows: Sequence[dict[str, object]]) -> None:
    if rows:
        connection.execute(statement, rows)  # type: ignore[call-overload]
