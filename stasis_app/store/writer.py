"""The one writer: everything that waits is written in one transaction, and calls never wait for the disk.

An idle writer commits at once; what comes while a transaction runs goes into the next one together. When the database
refuses (disk full, locked, away), rows stay in memory and are tried again; callers are told so and go on.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from loguru import logger
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError

from stasis_app.store.statements import Put, Row

Action = Callable[[Connection], None]

FIRST_RETRY = 0.1
LONGEST_RETRY = 5.0
LINGER = 0.1
"""Seconds a row that is not urgent may stay in memory so that it shares a transaction with others."""


class Executor(Protocol):
    """Runs a function within one transaction of the database (commits it, or rolls back and raises)."""

    async def run(self, action: Action) -> None: ...

    async def close(self) -> None: ...


@dataclass(slots=True)
class _Work:
    """Rows of one statement, or an action of its own (`statement` None)."""

    statement: Put | None
    rows: Sequence[Row]
    action: Action | None
    done: asyncio.Future[bool] | None


class Writer:
    """Groups writes into transactions.

    `max_rows` bounds the rows nobody waits for; more are lost, and counted. `may_write` is asked before each
    transaction.
    """

    def __init__(
        self, executor: Executor, *, max_rows: int = 100_000, may_write: Callable[[], Awaitable[bool]] | None = None
    ) -> None:
        self._executor = executor
        self._may_write = may_write
        self._max_rows = max_rows
        self._queue: deque[_Work] = deque()
        self._posted = 0
        self._work = asyncio.Event()
        self._well = asyncio.Event()
        self._well.set()
        self._linger: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self.last_error = ""
        self.failing_since: float | None = None
        self.lost = 0
        self.rejected = 0
        self.transactions = 0

    @property
    def healthy(self) -> bool:
        """Whether the last transaction was committed."""
        return self._well.is_set()

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._run(), name="store-writer")

    async def write(self, statement: Put, rows: Sequence[Row]) -> bool:
        """Execute a statement for each row; returns when it is committed.

        True: it is on disk. False: the database refuses for now; the rows wait in memory and are tried again.
        Raises SQLAlchemyError when the database finally refuses these rows.
        """
        return await self.submit(statement, rows)

    def submit(self, statement: Put, rows: Sequence[Row], *, urgent: bool = True) -> asyncio.Future[bool]:
        """As `write`, but returns at once with the future to wait for; not `urgent`: within `LINGER` seconds."""
        return self._put(_Work(statement, rows, None, self._future()), urgent=urgent)

    async def run(self, action: Action) -> bool:
        """Have a function write what it likes, in its turn. Results as `write`."""
        return await self._put(_Work(None, (), action, self._future()))

    def post(self, statement: Put, rows: Sequence[Row]) -> bool:
        """Write some time soon; never waits. False: memory is full and the rows are lost."""
        if self._posted + len(rows) > self._max_rows:
            if not self.lost:
                logger.error("The storage does not keep up: rows are lost from now on ({})", self.last_error or "slow")
            self.lost += len(rows)
            return False
        self._posted += len(rows)
        self._queue.append(_Work(statement, rows, None, None))
        self._soon()
        return True

    async def flush(self) -> bool:
        """Wait until everything handed over so far is committed; False when the database refuses for now."""
        return await self.run(_nothing)

    async def recovered(self) -> None:
        """Wait until the database takes what is written."""
        await self._well.wait()

    def abandon(self) -> None:
        """Write nothing any more: another instance does, and what we still have is older than what it writes."""
        if self._task is not None:
            self._task.cancel()
        self._max_rows = 0
        for work in self._queue:
            _tell(work, False)
        self._queue.clear()
        self._well.clear()

    async def close(self, patience: float = 5.0) -> None:
        """Write what is left (for at most `patience` seconds) and stop."""
        self._closing = True
        self._work.set()
        if self._task is not None:
            done, _ = await asyncio.wait({self._task}, timeout=patience)
            if not done:
                self._task.cancel()
                await asyncio.wait({self._task})
                logger.error("{} writes did not reach the storage: {}", len(self._queue), self.last_error)
        if self._linger is not None:
            self._linger.cancel()
        for work in self._queue:
            _tell(work, False)
        await self._executor.close()

    def _future(self) -> asyncio.Future[bool]:
        return asyncio.get_running_loop().create_future()

    def _put(self, work: _Work, *, urgent: bool = True) -> asyncio.Future[bool]:
        assert work.done is not None
        self._queue.append(work)
        if not self.healthy:
            work.done.set_result(False)
        if urgent:
            self._work.set()
        else:
            self._soon()
        return work.done

    def _soon(self) -> None:
        if self._linger is None and not self._work.is_set():
            self._linger = asyncio.get_running_loop().call_later(LINGER, self._work.set)

    async def _run(self) -> None:
        retry = FIRST_RETRY
        while True:
            if not self._queue:
                if self._closing:
                    return
                await self._work.wait()
            self._work.clear()
            if self._linger is not None:
                self._linger.cancel()
                self._linger = None
            if self._may_write is not None and not await self._may_write():
                self.abandon()
            batch = list(self._queue)
            if not batch:
                continue
            try:
                await self._executor.run(lambda connection, works=batch: _execute(connection, works))  # type: ignore[misc]
            except SQLAlchemyError as error:
                if not _may_pass(error):
                    await self._one_by_one(batch)
                    continue
                self._failed(error)
                await asyncio.sleep(retry)
                retry = min(retry * 2, LONGEST_RETRY)
            else:
                retry = FIRST_RETRY
                self._committed(batch)

    def _committed(self, batch: Sequence[_Work]) -> None:
        self.transactions += 1
        for work in batch:
            self._queue.popleft()
            if work.done is None:
                self._posted -= len(work.rows)
            _tell(work, True)
        if self.failing_since is not None:
            logger.info("The storage works again after {:.1f} s", time.monotonic() - self.failing_since)
            self.failing_since, self.last_error = None, ""
            self._well.set()

    def _failed(self, error: SQLAlchemyError) -> None:
        self.last_error = _text(error)
        if self.failing_since is None:
            self.failing_since = time.monotonic()
            self._well.clear()
            logger.error("The storage refuses to write, calls go on: {}", self.last_error)
        for work in self._queue:
            _tell(work, False)

    async def _one_by_one(self, batch: Sequence[_Work]) -> None:
        """Find the work the database finally refuses, so that the rest gets through."""
        for work in batch:
            try:
                await self._executor.run(lambda connection, one=work: _execute(connection, [one]))  # type: ignore[misc]
            except SQLAlchemyError as error:
                if _may_pass(error):
                    self._failed(error)
                    return
                self._queue.popleft()
                self._posted -= len(work.rows) if work.done is None else 0
                self.rejected += 1
                if work.done is not None and not work.done.done():
                    work.done.set_exception(error)
                else:
                    logger.error("The storage rejects a write: {}", _text(error))
            else:
                self._committed([work])


def _execute(connection: Connection, works: Sequence[_Work]) -> None:
    """Carry out works in order; rows of one statement that follow each other (others between or not) go together.

    Statements stand for whole rows ("put"), so the order between tables does not matter, only within one.
    """
    grouped: dict[Put, list[Row]] = {}
    for work in works:
        if work.action is not None:
            _flush(connection, grouped)
            work.action(connection)
        elif work.statement is not None:
            grouped.setdefault(work.statement, []).extend(work.rows)
    _flush(connection, grouped)


def _flush(connection: Connection, grouped: dict[Put, list[Row]]) -> None:
    for statement, rows in grouped.items():
        if rows:
            statement.execute(connection, rows)
    grouped.clear()


def _nothing(connection: Connection) -> None:
    """Write nothing: its turn is the point."""


def _tell(work: _Work, committed: bool) -> None:
    if work.done is not None and not work.done.done():
        work.done.set_result(committed)


def _may_pass(error: SQLAlchemyError) -> bool:
    """Whether trying again may help: locked, disk full, connection lost - not a row that breaks a rule."""
    if isinstance(error, OperationalError | InterfaceError):
        return True
    return isinstance(error, DBAPIError) and error.connection_invalidated


def _text(error: SQLAlchemyError) -> str:
    """The database's own words: SQLAlchemy's text would show the rows, and numbers and tokens with them."""
    origin = error.orig if isinstance(error, DBAPIError) else None
    return str(origin) if origin is not None else type(error).__name__
