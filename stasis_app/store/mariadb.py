"""A MariaDB server as the database. What the service needs is asked for on each connection, whatever the server's own
settings are: an old PBX's say Latin letters, and cut what does not fit in silence.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from stasis_app.store import schema
from stasis_app.store.backlog import Action
from stasis_app.store.errors import StoreError
from stasis_app.store.writer import Executor

T = TypeVar("T")

WAITS_FOR_CONNECTION = 5
"""Seconds the server may take to let us in."""

LOCK_WAIT = 5
"""Seconds to wait for a lock of somebody else."""


def _ours(lock_wait: int) -> str:
    """What we ask for on each connection (https://mariadb.com/kb/en/transaction-timeouts/, MariaDB 10.3).

    A row that does not fit is refused, not cut. Who waits for a lock is told in time. A process that is frozen in the
    middle of a transaction loses it, for the standby has to write these rows.
    """
    return (
        "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO', "
        f"innodb_lock_wait_timeout = {lock_wait}, lock_wait_timeout = {lock_wait}, idle_transaction_timeout = 3"
    )


_LOCK = {"name": "stasis-app migrates", "seconds": 60}
"""Only one instance makes tables; others wait for so many seconds."""

# The driver repeats what the server warns of, which may quote the rows.
logging.getLogger("asyncmy").setLevel(logging.ERROR)


class MariaDb:
    """A MariaDB server (10.3 or newer).

    `patience`: seconds after which an answer is not waited for any longer. `single`: every action is one statement,
    which the server commits itself, so that whoever is frozen after it holds no lock; and which waits for no lock.
    """

    dialect = "mysql"

    def __init__(self, engine: AsyncEngine, patience: float) -> None:
        self._engine = engine
        self._patience = patience

    @property
    def executor(self) -> Executor:
        return self

    @classmethod
    async def open(
        cls, url: URL, unless: Callable[[Connection], bool], *, patience: float, single: bool = False
    ) -> MariaDb:
        """Connect and migrate. Raises SQLAlchemyError, `StoreError`."""
        engine = create_async_engine(
            url.set(drivername="mysql+asyncmy"),
            connect_args={
                "charset": "utf8mb4",
                "connect_timeout": WAITS_FOR_CONNECTION,
                "init_command": _ours(0 if single else LOCK_WAIT),
            },
            isolation_level="AUTOCOMMIT" if single else "REPEATABLE READ",
            pool_pre_ping=True,
            pool_recycle=1800,
        )
        try:
            async with engine.connect() as connection:
                await connection.run_sync(_migrate, unless)
        except BaseException:
            await engine.dispose()
            raise
        return cls(engine, patience)

    async def run(self, action: Action) -> None:
        async with self._answering(), self._engine.begin() as connection:
            await connection.run_sync(action)

    async def read(self, query: Callable[[Connection], T]) -> T:
        async with self._answering(), self._engine.connect() as connection:
            return await connection.run_sync(query)

    async def close(self) -> None:
        await self._engine.dispose()

    @asynccontextmanager
    async def _answering(self) -> AsyncIterator[None]:
        """Waits no longer than there is patience for; what the network says is told as the database's own trouble."""
        try:
            async with asyncio.timeout(self._patience):
                yield
        except TimeoutError as error:
            told = TimeoutError(f"MariaDB has not answered for {self._patience:g} s")
            raise OperationalError("transaction", None, told) from error
        except OSError as error:
            raise OperationalError("transaction", None, error) from error


def _migrate(connection: Connection, unless: Callable[[Connection], bool]) -> None:
    """Bring the tables up to date, one instance at a time: unlike SQLite's, each change is committed by itself."""
    if unless(connection) or schema.is_current(connection):
        return
    if not connection.execute(text("SELECT GET_LOCK(:name, :seconds)"), _LOCK).scalar():
        raise StoreError("[storage] url: another instance has been making the tables for a minute; try again later")
    try:
        connection.rollback()  # what was read before is from before the lock
        schema.upgrade(connection)
        connection.commit()
    finally:
        connection.invalidate()  # closing it gives the lock back, whatever has become of the connection
