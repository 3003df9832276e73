"""A database behind two doors: one for the writer, one for readers.

SQLite is written from one thread of its own with one hop per transaction: through the asynchronous driver each
statement would cost a hop, three times the CPU (docs/decisions/0010-storage.md has the figures). MariaDB is written
through its asynchronous driver (`stasis_app.store.mariadb`).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from stasis_app.store import schema
from stasis_app.store.backlog import Action
from stasis_app.store.errors import StoreError, is_passing, remedy
from stasis_app.store.mariadb import MariaDb
from stasis_app.store.writer import Executor

T = TypeVar("T")

WRITER_WAITS_FOR_LOCK = 0.2
READER_WAITS_FOR_LOCK = 5.0
CHECKPOINT_EVERY = 2.0
TRANSACTION_TIMEOUT = 10.0


class Database(Protocol):
    """An opened database whose tables are up to date."""

    @property
    def dialect(self) -> str: ...

    @property
    def executor(self) -> Executor:
        """The door for the writer."""
        ...

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query on a connection of its own. Raises SQLAlchemyError."""
        ...

    async def close(self) -> None: ...


async def open_database(
    url: str,
    *,
    unless: Callable[[Connection], bool] = lambda _: False,
    patience: float = TRANSACTION_TIMEOUT,
    single: bool = False,
) -> Database:
    """Open (SQLite: create) the database and migrate it, `unless` says otherwise. Raises `StoreError` with a remedy.

    `patience`: seconds a server may take to answer. `single`: each action of the executor is one statement.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StoreError("[storage] url is not a database URL; example: sqlite+aiosqlite:///stasis.sqlite") from error
    try:
        if parsed.get_backend_name() == "sqlite":
            return await _Sqlite.open(parsed, unless)
        if parsed.get_backend_name() in ("mysql", "mariadb"):
            return await MariaDb.open(parsed, unless, patience=patience, single=single)
    except SQLAlchemyError as error:
        shown = parsed.render_as_string(hide_password=True)
        raise StoreError(
            f"[storage] url: {shown} can't be opened ({getattr(error, 'orig', None) or type(error).__name__}); "
            f"{remedy(error)}",
            passing=is_passing(error),
        ) from error
    except ModuleNotFoundError as error:
        raise StoreError(
            f"[storage] url needs the driver {error.name}: pip install stasis-bitrix24[mariadb]"
        ) from error
    raise StoreError(
        f"[storage] url: {parsed.get_backend_name()} is not supported; use sqlite+aiosqlite or mysql+asyncmy"
    )


class _Sqlite:
    """One file in WAL mode: readers never wait for the writer."""

    dialect = "sqlite"

    def __init__(self, writer: Engine, reader: AsyncEngine) -> None:
        self._reader = reader
        self._thread = _WriterThread(writer)
        self._checkpoints = asyncio.create_task(self._checkpoint(), name="store-checkpoints")

    @property
    def executor(self) -> Executor:
        return self._thread

    @classmethod
    async def open(cls, url: URL, unless: Callable[[Connection], bool]) -> _Sqlite:
        if not url.database or url.database == ":memory:":
            raise StoreError("[storage] url needs a file: what is kept in memory does not survive a restart")
        _create_private(Path(url.database))
        writer = create_engine(
            url.set(drivername="sqlite"),
            connect_args={"timeout": WRITER_WAITS_FOR_LOCK, "check_same_thread": False},
        )
        event.listen(writer, "connect", _set_up_writer)
        await asyncio.to_thread(_migrate, writer, unless)
        reader = create_async_engine(
            url.set(drivername="sqlite+aiosqlite"),
            connect_args={"timeout": READER_WAITS_FOR_LOCK},
            pool_size=2,
            max_overflow=0,
        )
        return cls(writer, reader)

    async def read(self, query: Callable[[Connection], T]) -> T:
        async with self._reader.connect() as connection:
            return await connection.run_sync(query)

    async def close(self) -> None:
        self._checkpoints.cancel()
        await asyncio.wait({self._checkpoints})
        await self._reader.dispose()

    async def _checkpoint(self) -> None:
        """Move the log into the file beside the writer, so that no commit has to wait for the disk's fsync."""
        while True:
            await asyncio.sleep(CHECKPOINT_EVERY)
            try:
                await self.read(lambda connection: connection.execute(text("PRAGMA wal_checkpoint(PASSIVE)")).all())
            except SQLAlchemyError:
                continue  # the writer meets the same trouble and tells of it


class _WriterThread:
    """Runs transactions in one thread on one connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="store")

    async def run(self, action: Action) -> None:
        await asyncio.get_running_loop().run_in_executor(self._pool, self._commit, action)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._pool, self._close)
        self._pool.shutdown()

    def _commit(self, action: Action) -> None:
        if self._connection is None or self._connection.closed:
            self._connection = self._engine.connect()
        try:
            with self._connection.begin():
                action(self._connection)
        except SQLAlchemyError:
            self._connection.close()  # a fresh one sees the disk or the file as it is by then
            raise

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()


def _create_private(path: Path) -> None:
    """Create the file readable by its owner only: it holds tokens and phone numbers. SQLite's side files follow it.

    A file that is there is not opened: closing it would release the locks of every SQLite connection this process has
    to it (POSIX), and another instance could then take its log away.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError as error:
        if not os.access(path, os.R_OK | os.W_OK):
            raise StoreError(
                f"[storage] url: {path} can't be opened (this user may not); let this user write to it"
            ) from error
    except OSError as error:
        raise StoreError(
            f"[storage] url: {path} can't be opened ({error.strerror}); "
            "create its directory and let this user write to it",
            passing=is_passing(error),
        ) from error


def _set_up_writer(connection: Any, _: Any) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "wal_autocheckpoint=20000", "cache_size=-4000"):
        connection.execute(f"PRAGMA {pragma}")


def _migrate(engine: Engine, unless: Callable[[Connection], bool]) -> None:
    with engine.begin() as connection:
        if not (unless(connection) or schema.is_current(connection)):
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # another instance may be starting
            schema.upgrade(connection)
    engine.dispose()
