"""The one writer: everything that waits is written in one transaction, and calls never wait for the disk.

An idle writer commits at once; what comes while a transaction runs goes into the next one together. When the database
refuses (disk full, locked, away) or does not come back, rows stay in memory and are tried again; callers are told so
and go on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from loguru import logger
from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError, DBAPIError, InterfaceError, InternalError, OperationalError

from stasis_app.store.backlog import Action, Backlog, Batch, Statement
from stasis_app.store.statements import Row

FIRST_RETRY = 0.1
LONGEST_RETRY = 5.0
LINGER = 0.1
"""Seconds a row that is not urgent may stay in memory so that it shares a transaction with others."""
HUNG_AFTER = 1.0
"""Seconds after which a transaction counts as one that does not come back: nobody waits for it any longer."""
MOST_AT_ONCE = 5000
"""Rows in a transaction: what has piled up is neither tried again whole each time nor holds up the rest."""


class Executor(Protocol):
    """Runs a function within one transaction of the database (commits it, or rolls back and raises)."""

    async def run(self, action: Action) -> None: ...

    async def close(self) -> None: ...


class Writer:
    """Groups writes into transactions.

    `max_rows` bounds the rows in memory. Beyond it those worth least go first (facts, then the phonebook, then calls
    of the journal, then the outbox), the oldest of them first; `lost` counts them, `rejected` what the database
    refused for good. `may_write` is asked before each transaction.
    """

    def __init__(
        self, executor: Executor, *, max_rows: int = 100_000, may_write: Callable[[], Awaitable[bool]] | None = None
    ) -> None:
        self._executor = executor
        self._may_write = may_write
        self._backlog = Backlog(max_rows)
        self._work = asyncio.Event()
        self._well = asyncio.Event()
        self._well.set()
        self._linger: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self.last_error = ""
        self.failing_since: float | None = None
        self.rejected = 0
        self.transactions = 0

    @property
    def healthy(self) -> bool:
        """Whether the last transaction was committed, in good time."""
        return self._well.is_set()

    @property
    def waiting(self) -> int:
        """Rows that are not on disk yet."""
        return self._backlog.rows

    @property
    def lost(self) -> int:
        """Rows there was no room for."""
        return self._backlog.lost

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._run(), name="store-writer")

    async def write(self, statement: Statement, rows: Sequence[Row]) -> bool:
        """Execute a statement for each row; returns when it is committed.

        True: it is on disk. False: the database refuses for now; the rows wait in memory and are tried again.
        Raises SQLAlchemyError when the database finally refuses these rows.
        """
        return await self.submit(statement, rows)

    def submit(self, statement: Statement, rows: Sequence[Row], *, urgent: bool = True) -> asyncio.Future[bool]:
        """As `write`, but returns at once with the future to wait for; not `urgent`: within `LINGER` seconds."""
        future = self._future()
        if not rows:
            future.set_result(self.healthy)
            return future
        self._backlog.put(statement, rows, None if future.done() else future)
        self._wake(urgent=urgent)
        return future

    async def run(self, action: Action) -> bool:
        """Have a function write what it likes, in its turn. Results as `write`."""
        future = self._future()
        self._backlog.act(action, future)
        self._wake()
        return await future

    def post(self, statement: Statement, rows: Sequence[Row]) -> None:
        """Write some time soon; never waits."""
        self._backlog.put(statement, rows)
        self._wake(urgent=False)

    async def flush(self) -> bool:
        """Wait until everything handed over so far is committed; False when the database refuses for now."""
        return self.healthy and await self.run(_nothing)

    async def recovered(self) -> None:
        """Wait until the database takes what is written."""
        await self._well.wait()

    def abandon(self) -> None:
        """Write nothing any more: another instance does, and what we still have is older than what it writes."""
        self._well.clear()
        self._backlog.everything().tell(False)
        if self._task is not None:
            self._task.cancel()

    async def close(self, patience: float = 5.0) -> None:
        """Write what is left (for at most `patience` seconds) and stop."""
        self._closing = True
        self._work.set()
        if self._task is not None:
            done, _ = await asyncio.wait({self._task}, timeout=patience)
            if not done:
                self._task.cancel()
                await asyncio.wait({self._task})
                logger.error("{} rows did not reach the storage: {}", self._backlog.rows, self.last_error)
        if self._linger is not None:
            self._linger.cancel()
        self._backlog.everything().tell(False)
        await self._executor.close()

    def _future(self) -> asyncio.Future[bool]:
        """To be told when it is on disk; at once, while the database refuses."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if not self.healthy:
            future.set_result(False)
        return future

    def _wake(self, *, urgent: bool = True) -> None:
        if urgent:
            self._work.set()
        elif self._linger is None and not self._work.is_set():
            self._linger = asyncio.get_running_loop().call_later(LINGER, self._work.set)

    async def _run(self) -> None:
        retry = FIRST_RETRY
        while True:
            if not self._backlog:
                if self._closing:
                    return
                await self._work.wait()
            self._work.clear()
            if self._linger is not None:
                self._linger.cancel()
                self._linger = None
            if self._may_write is not None and not await self._may_write():
                self.abandon()
                return
            batch = self._backlog.head(MOST_AT_ONCE)
            if not batch.parts:
                continue
            try:
                await self._commit(batch)
            except Exception as error:
                if not _may_pass(error):
                    await self._one_by_one(batch)
                    continue
                self._failed(_text(error))
                await asyncio.sleep(retry)
                retry = min(retry * 2, LONGEST_RETRY)
            else:
                retry = FIRST_RETRY
                self._committed(batch)

    async def _commit(self, batch: Batch) -> None:
        """Write a batch. One that does not come back is waited for on behalf of the disk alone."""
        hung = asyncio.get_running_loop().call_later(
            HUNG_AFTER, lambda: self._failed(f"a transaction has not come back for {HUNG_AFTER:g} s")
        )
        try:
            await self._executor.run(batch.execute)
        finally:
            hung.cancel()

    def _committed(self, batch: Batch) -> None:
        self.transactions += 1
        self._backlog.done(batch)
        batch.tell(True)
        if self.failing_since is not None:
            logger.info("The storage works again after {:.1f} s", time.monotonic() - self.failing_since)
            self.failing_since, self.last_error = None, ""
            self._well.set()

    def _failed(self, why: str) -> None:
        self.last_error = why
        if self.failing_since is None:
            self.failing_since = time.monotonic()
            self._well.clear()
            logger.error("The storage refuses to write, calls go on: {}", why)
            self._backlog.everything().tell(False)

    async def _one_by_one(self, batch: Batch) -> None:
        """Find what the database finally refuses, so that the rest gets through."""
        for single in batch.singly():
            try:
                await self._commit(single)
            except Exception as error:
                if _may_pass(error):
                    self._failed(_text(error))
                    return
                self._backlog.done(single)
                self.rejected += 1
                logger.error("The storage rejects a write: {}", _text(error))
                single.refuse(error)
            else:
                self._committed(single)


def _nothing(connection: Connection) -> None:
    """Write nothing: its turn is the point."""


def _may_pass(error: Exception) -> bool:
    """Whether trying again may help: locked, full, connection lost, file damaged - not a row that breaks a rule."""
    if isinstance(error, OperationalError | InterfaceError | InternalError) or type(error) is DatabaseError:
        return True
    return isinstance(error, DBAPIError) and error.connection_invalidated


def _text(error: Exception) -> str:
    """The database's own words: SQLAlchemy's text would show the rows, and numbers and tokens with them."""
    origin = error.orig if isinstance(error, DBAPIError) else None
    return str(origin) if origin is not None else type(error).__name__
