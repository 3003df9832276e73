"""What the phonebook and the directory keep across restarts, as seen from here.

The database implements these two protocols. Rows are its plain typed dictionaries: it knows nothing of this room. The
in-memory ones serve installations without a database, and tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from stasis_app.store import ClientRow, EmployeeRow


class ClientStore(Protocol):
    """Keeps the phonebook."""

    async def load_all(self) -> Sequence[ClientRow]:
        """Every number kept, oldest first."""
        ...

    async def save(self, rows: Sequence[ClientRow]) -> None:
        """Insert the rows, or replace those with the same number."""
        ...

    async def delete(self, numbers: Sequence[str]) -> None:
        """Drop numbers; unknown ones are no error."""
        ...


class EmployeeStore(Protocol):
    """Keeps the directory."""

    async def load_all(self) -> Sequence[EmployeeRow]:
        """Every employee kept."""
        ...

    async def save_all(self, rows: Sequence[EmployeeRow]) -> None:
        """Replace everything that is kept, in one transaction."""
        ...


class MemoryClientStore:
    """A phonebook store that lives as long as the process."""

    def __init__(self, rows: Sequence[ClientRow] = ()) -> None:
        self.rows = {row["number"]: row for row in rows}

    async def load_all(self) -> Sequence[ClientRow]:
        return list(self.rows.values())

    async def save(self, rows: Sequence[ClientRow]) -> None:
        self.rows.update({row["number"]: row for row in rows})

    async def delete(self, numbers: Sequence[str]) -> None:
        for number in numbers:
            self.rows.pop(number, None)


class MemoryEmployeeStore:
    """A directory store that lives as long as the process."""

    def __init__(self, rows: Sequence[EmployeeRow] = ()) -> None:
        self.rows = list(rows)

    async def load_all(self) -> Sequence[EmployeeRow]:
        return list(self.rows)

    async def save_all(self, rows: Sequence[EmployeeRow]) -> None:
        self.rows = list(rows)
