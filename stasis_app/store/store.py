"""The storage as a whole."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from stasis_app.settings import StorageSettings
from stasis_app.store.database import Database, open_database
from stasis_app.store.directories import SqlClientStore, SqlEmployeeStore
from stasis_app.store.journal import SqlJournal
from stasis_app.store.outbox import SqlOutbox
from stasis_app.store.small import SqlMeta, SqlTokenStore
from stasis_app.store.writer import Writer


class Store:
    """An open database: one writer and a repository per thing that is kept."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self.writer = writer
        self.journal = SqlJournal(database, writer)
        self.outbox = SqlOutbox(database, writer)
        self.clients = SqlClientStore(database, writer)
        self.employees = SqlEmployeeStore(database, writer)
        self.tokens = SqlTokenStore(database, writer)
        self.meta = SqlMeta(database, writer)

    @property
    def healthy(self) -> bool:
        """Whether what is written reaches the disk."""
        return self.writer.healthy

    @property
    def last_error(self) -> str:
        """Why not, in the database's words; "" when healthy."""
        return self.writer.last_error

    async def purge(self, keep_days: int) -> None:
        """Forget calls and closed operations older than this, up to 5,000 calls a time."""
        before = time.time() - keep_days * 86400
        await self.journal.purge(before)
        await self.outbox.purge(before)

    async def close(self) -> None:
        """Write what is left (five seconds at most) and close the database."""
        await self.writer.close()
        await self._database.close()


async def open_store(settings: StorageSettings, *, may_write: Callable[[], Awaitable[bool]] | None = None) -> Store:
    """Open the database, migrate its tables and start the writer, which asks `may_write` before each transaction.

    Raises `StoreError` telling what is wrong with `[storage] url` and how to mend it.
    """
    database = await open_database(settings.url)
    writer = Writer(database.executor, may_write=may_write)
    writer.start()
    return Store(database, writer)
