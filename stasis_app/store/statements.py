"""The statements the writer executes."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Connection, String, Table, Text
from sqlalchemy.dialects import sqlite

Row = Mapping[str, Any]

_FITS_TEXT = 16_000
"""Characters of four bytes that MariaDB's TEXT holds."""


class Put:
    """Inserts rows, or replaces all columns of those whose primary key is there already.

    The text is made once: building the statement anew for each of some hundred transactions a second would cost more
    than executing it. `worth`: which rows are given up first (the lowest) when the database takes none for too long.
    A text longer than its column is cut: MariaDB would refuse the row, and SQLite keeps whatever comes.
    """

    def __init__(self, table: Table, dialect: str, *, worth: int = 4) -> None:
        self.worth = worth
        self._key = tuple(column.name for column in table.primary_key.columns)
        values = [column.name for column in table.columns if not column.primary_key]
        if dialect == "sqlite":
            insert = sqlite.insert(table)
            upsert = insert.on_conflict_do_update(
                index_elements=list(table.primary_key.columns), set_={name: insert.excluded[name] for name in values}
            )
            compiled = upsert.compile(dialect=sqlite.dialect(paramstyle="qmark"))
        else:
            from sqlalchemy.dialects import mysql  # takes a while to load, and most installations have no use for it

            replace = mysql.insert(table)
            update = replace.on_duplicate_key_update({name: replace.inserted[name] for name in values})
            compiled = update.compile(dialect=mysql.dialect(paramstyle="format"))
        self._text = str(compiled)
        self._columns = tuple((column.name, _longest(column)) for column in table.columns)

    def key(self, row: Row) -> Hashable:
        """What tells this row from others of the table."""
        return tuple([row[name] for name in self._key])

    def execute(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Put all rows with one call of the driver. Raises SQLAlchemyError."""
        columns = self._columns
        fitting = [
            tuple([value if (value := row[name]) is None or most is None else value[:most] for name, most in columns])
            for row in rows
        ]
        connection.exec_driver_sql(self._text, fitting)


def _longest(column: Column[Any]) -> int | None:
    """Characters of a text that is not a key and not kept whole."""
    if column.primary_key:
        return None
    if type(column.type) is String:
        return column.type.length
    return _FITS_TEXT if type(column.type) is Text else None
