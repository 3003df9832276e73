"""The storage as a whole."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from loguru import logger
from sqlalchemy.exc import SQLAlchemyError

from stasis_app.settings import StorageSettings
from stasis_app.store.database import Database, open_database
from stasis_app.store.directories import SqlClientStore, SqlEmployeeStore
from stasis_app.store.errors import StoreError, is_passing
from stasis_app.store.incidents import SqlIncidents
from stasis_app.store.journal import SqlJournal
from stasis_app.store.outbox import SqlOutbox
from stasis_app.store.queues import SqlQueueStore
from stasis_app.store.small import SqlMeta, SqlTokenStore
from stasis_app.store.writer import Writer

T = TypeVar("T")

LOOK_AGAIN = 1.0
"""Seconds between two looks at a storage the start has to wait for."""
TELL_EVERY = 30.0


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
        self.incidents = SqlIncidents(database, writer)
        self.queues = SqlQueueStore(database, writer)
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
        await self.incidents.purge(before)

    async def close(self, patience: float = 5.0) -> None:
        """Write what is left (`patience` seconds at most) and close the database."""
        await self.writer.close(patience)
        await self._database.close()


async def open_store(
    settings: StorageSettings, *, patient: bool = False, may_write: Callable[[], Awaitable[bool]] | None = None
) -> Store:
    """Open the database, migrate its tables and start the writer, which asks `may_write` before each transaction.

    `patient`: wait for one that is locked, away, or on a full disk. Raises `StoreError` telling what is wrong with
    `[storage] url` and how to mend it.
    """

    def open_it() -> Awaitable[Database]:
        return open_database(settings.url)

    database = await (open_patiently(open_it) if patient else open_it())
    writer = Writer(database.executor, may_write=may_write)
    writer.start()
    return Store(database, writer)


async def open_patiently(open_it: Callable[[], Awaitable[Database]]) -> Database:
    """The database, waited for when it is locked, away, or on a full disk. Raises `StoreError`."""
    told = -math.inf
    while True:
        try:
            return await open_it()
        except StoreError as error:
            if not error.passing:
                raise
            told = _tell_of_waiting(str(error), told)
            await asyncio.sleep(LOOK_AGAIN)


async def read_patiently(read: Callable[[], Awaitable[T]]) -> T:
    """What `read` reads, waited for while the database is locked, away, or on a full disk.

    Raises SQLAlchemyError for what does not pass by itself.
    """
    told = -math.inf
    while True:
        try:
            return await read()
        except SQLAlchemyError as error:
            if not is_passing(error):
                raise
            told = _tell_of_waiting(f"the storage can't be read ({getattr(error, 'orig', error)})", told)
            await asyncio.sleep(LOOK_AGAIN)


def _tell_of_waiting(trouble: str, told: float) -> float:
    """Say now and then what the start is waiting for; when it was said last."""
    now = time.monotonic()
    if now - told < TELL_EVERY:
        return told
    logger.error("The start waits for the storage, Asterisk's dialplan serves the calls meanwhile: {}", trouble)
    return now
