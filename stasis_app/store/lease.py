"""The lease: which of several instances with one database serves calls.

A row with a counter that the holder raises twice a second. Whoever waits watches the counter by his own monotonic clock
and takes the row over when it has stood still for `VALID` seconds, so no two clocks have to agree. Every change names
the counter it saw, so of two that reach for the row one gets it. Only who can write can take it: while the database
refuses, the holder keeps it, and whoever waits begins to watch anew.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from loguru import logger
from sqlalchemy import Connection, Row, insert, inspect, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from stasis_app.settings import StorageSettings
from stasis_app.store.database import Database, open_database
from stasis_app.store.tables import leases

T = TypeVar("T")

RENEW_EVERY = 0.4
"""Seconds between two signs of the holder."""
VALID = 1.8
"""Seconds without one after which the lease is anybody's."""
WATCH_EVERY = 0.2
"""Seconds between two looks of whoever waits."""
STEPPING_BACK = 1.0
"""Seconds a holder that was not dead is given to notice that it has been replaced."""

NAME = "service"
NOBODY = ""


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """The row as it was seen. `count` rises with every sign and every change of holder."""

    holder: str
    count: int


class Lease:
    """This instance's part in it.

    Args:
        database: where the row is; the lease uses connections of its own, so nothing waits for anything else's writes.
        holder: who we are, unlike anybody else.
    """

    def __init__(self, database: Database, holder: str) -> None:
        self._database = database
        self.holder = holder
        self._count = 0
        self._held = False
        self._renewing: asyncio.Task[None] | None = None
        self._asked_at = 0.0
        self._checking = asyncio.Lock()
        self._lost = asyncio.Event()

    @property
    def held(self) -> bool:
        """Whether we hold it, as far as we know."""
        return self._held

    async def wait(self) -> None:
        """Wait until nobody else holds it, and take it."""
        seen: LeaseRow | None = None
        since = time.monotonic()
        while True:
            try:
                row = await self._read()
                if row != seen:
                    seen, since = row, time.monotonic()
                if row is None or row.holder == NOBODY or time.monotonic() - since > VALID:
                    if await self._take(row):
                        return
                    seen = None
            except SQLAlchemyError as error:
                # The holder can't renew either, so its silence tells nothing.
                logger.debug("The lease can't be watched: {}", type(error).__name__)
                seen = None
            await asyncio.sleep(WATCH_EVERY)

    async def take(self) -> None:
        """Take it from whoever holds it: an instance that is started in so many words goes before one that runs.

        Raises:
            SQLAlchemyError: the database refuses.
        """
        while True:
            row = await self._read()
            if await self._take(row):
                if row is not None and row.holder not in (NOBODY, self.holder):
                    await asyncio.sleep(STEPPING_BACK)
                return

    async def lost(self) -> None:
        """Wait until somebody else holds it."""
        await self._lost.wait()

    async def still_ours(self) -> bool:
        """Whether we may act now.

        Answers at once while we have looked within `VALID` seconds. A process that was frozen has not: before it does
        anything it looks again. A database that does not answer leaves it ours, since nobody else can take it then.
        """
        if self._held and time.monotonic() - self._asked_at > VALID:
            async with self._checking:
                if self._held and time.monotonic() - self._asked_at > VALID:
                    await self._renew()
        return self._held

    async def give_up(self) -> None:
        """Leave it to whoever waits, who needs not wait any longer."""
        await self._stop_renewing()
        if not self._held:
            return
        self._held = False
        try:
            await self._swap(LeaseRow(self.holder, self._count), NOBODY)
        except SQLAlchemyError as error:
            logger.info("The lease could not be given up, it runs out in {:g} s: {}", VALID, type(error).__name__)

    async def close(self) -> None:
        """Give it up and close the database."""
        await self.give_up()
        await self._database.close()

    # The row

    async def _read(self) -> LeaseRow | None:
        return await self._database.read(_read_row)

    async def _take(self, seen: LeaseRow | None) -> bool:
        await self._stop_renewing()
        taken = await (self._insert() if seen is None else self._swap(seen, self.holder))
        if taken:
            self._count = 1 if seen is None else seen.count + 1
            self._held = True
            self._asked_at = time.monotonic()
            self._lost.clear()
            self._renewing = asyncio.create_task(self._keep_renewing(), name="lease")
        return taken

    async def _insert(self) -> bool:
        statement = insert(leases).values(name=NAME, holder=self.holder, count=1)
        try:
            await self._write(lambda connection: connection.execute(statement).rowcount)
        except IntegrityError:
            return False
        return True

    async def _swap(self, seen: LeaseRow, holder: str) -> bool:
        """Change the row if it still is as it was seen."""
        statement = (
            update(leases)
            .where(leases.c.name == NAME, leases.c.holder == seen.holder, leases.c.count == seen.count)
            .values(holder=holder, count=seen.count + 1)
        )
        return await self._write(lambda connection: connection.execute(statement).rowcount) == 1

    async def _write(self, action: Callable[[Connection], T]) -> T:
        results: list[T] = []
        await self._database.executor.run(lambda connection: results.append(action(connection)))
        return results[-1]

    # Keeping it

    async def _keep_renewing(self) -> None:
        while self._held:
            await asyncio.sleep(RENEW_EVERY)
            async with self._checking:
                await self._renew()

    async def _renew(self) -> None:
        try:
            renewed = await self._swap(LeaseRow(self.holder, self._count), self.holder)
        except SQLAlchemyError as error:
            logger.debug("The lease can't be renewed: {}", type(error).__name__)
            # It may have been committed all the same: then the row is ours with the next count.
            await self._look_whose_it_is()
            return
        if renewed:
            self._count += 1
            self._asked_at = time.monotonic()
            return
        await self._look_whose_it_is()

    async def _look_whose_it_is(self) -> None:
        try:
            row = await self._read()
        except SQLAlchemyError:
            return
        if row is not None and row.holder == self.holder:
            self._count = row.count
            self._asked_at = time.monotonic()
            return
        self._held = False
        self._lost.set()
        logger.error("Another instance has taken over ({}); this one steps back", row.holder if row else "unknown")

    async def _stop_renewing(self) -> None:
        task, self._renewing = self._renewing, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            await asyncio.wait({task})


async def open_lease(settings: StorageSettings) -> Lease:
    """The lease of this database. Tables of a newer version are made only by whoever takes over.

    Raises:
        StoreError: the database can't be opened.
    """
    holder = f"{socket.gethostname()[:100]}:{os.getpid()}:{secrets.token_hex(4)}"
    return Lease(await open_database(settings.url, unless=has_lease), holder)


def has_lease(connection: Connection) -> bool:
    """Whether the tables are of a version that knows the lease."""
    return inspect(connection).has_table(leases.name)


def _read_row(connection: Connection) -> LeaseRow | None:
    found: Row[tuple[str, int]] | None = connection.execute(
        select(leases.c.holder, leases.c.count).where(leases.c.name == NAME)
    ).one_or_none()
    return LeaseRow(*found) if found else None
