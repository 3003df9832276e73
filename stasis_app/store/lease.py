"""The lease: which of several instances with one database serves calls.

A row with a counter that the holder raises twice a second. Whoever waits watches the counter by his own monotonic clock
and takes the row over when it has stood still for `VALID` seconds, so no two clocks have to agree. Every change names
the counter it saw, so of two that reach for the row one gets it. Only who can write at once can take it: while the
database refuses, or does not answer, the holder keeps it, and whoever waits begins to watch anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from loguru import logger
from sqlalchemy import Connection, insert, inspect, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from stasis_app.settings import StorageSettings
from stasis_app.store.database import Database, open_database
from stasis_app.store.store import open_patiently
from stasis_app.store.tables import leases

T = TypeVar("T")

RENEW_EVERY = 0.4
"""Seconds between two signs of the holder."""
VALID = 1.8
"""Seconds without one after which the lease is anybody's."""
WATCH_EVERY = 0.2
"""Seconds between two looks of whoever waits."""

LOOK = 1.0
"""Seconds a database may take to answer. One that takes longer tells nothing of the holder, who waits for it too."""

NAME = "service"
NOBODY = ""


class LeaseHeld(Exception):
    """Another instance that lives holds the lease."""

    def __init__(self, holder: str) -> None:
        super().__init__(f"another instance serves calls ({holder}); stop it, or start this one with --standby")


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """The row as it was seen. `beat` rises with every sign and every change of holder."""

    holder: str
    beat: int


class Lease:
    """This instance's part in it.

    Args:
        database: where the row is; the lease uses connections of its own, so nothing waits for anything else's writes.
        holder: who we are, unlike anybody else.
    """

    def __init__(self, database: Database, holder: str) -> None:
        self._database = database
        self.holder = holder
        self._beat: int | None = 0  # None: served without it, since the database refuses
        self._seen: LeaseRow | None = None
        self._since = time.monotonic()
        self._refused_at: float | None = None
        self._held = False
        self._former = ""
        self._tasks: list[asyncio.Task[None]] = []
        self._seen_running_at = 0.0
        self._in_doubt = False
        self._checking = asyncio.Lock()
        self._lost = asyncio.Event()

    @property
    def held(self) -> bool:
        """Whether we hold it, as far as we know."""
        return self._held

    @property
    def took_over(self) -> bool:
        """Whether another instance, that may not know it yet, held it before us."""
        return bool(self._former)

    def end_former(self) -> None:
        """End the instance that held it before us, if it is a process of this machine and does not let go by itself.

        It is hung: one that runs has stepped back by now, and what it holds (a port) is needed to serve calls.
        """
        pid = _pid_here(self._former)
        if pid is not None and pid != os.getpid() and not _is_dead(self._former):
            _end(pid)

    async def wait(self) -> None:
        """Wait until nobody else holds it, and take it.

        A process of this machine that was stopped in the middle of a write keeps the database locked as long as it
        is there, so nobody could take over: it is ended.
        """
        await self._stop_renewing()
        while True:
            if await self._try(end_stopped=True):
                return
            await asyncio.sleep(WATCH_EVERY)

    async def take(self) -> None:
        """Take it, unless another instance that lives holds it.

        A database that refuses does not keep the service from starting: the lease is taken as soon as it can be.

        Raises:
            LeaseHeld: another instance serves calls.
        """
        await self._stop_renewing()
        deadline = time.monotonic() + 2 * VALID
        refused_before = False
        while not await self._try():
            refused = self._refused_at is not None and self._seen is None
            if refused and refused_before:  # once may be another that is just taking it
                logger.warning("The lease can't be taken yet, calls are served without it")
                self._begin(None)
                return
            refused_before = refused
            if time.monotonic() > deadline:
                raise LeaseHeld(self._seen.holder if self._seen else "unknown")
            await asyncio.sleep(WATCH_EVERY)

    async def _try(self, *, end_stopped: bool = False) -> bool:
        """Look, and take it when it is free."""
        row = None
        try:
            row = await self._read()
            if row != self._seen:
                self._seen, self._since = row, time.monotonic()
            return self._is_free(row) and await self._take(row)
        except SQLAlchemyError as error:
            # The holder can't renew either, so its silence tells nothing: it is watched anew.
            logger.debug("The lease can't be taken: {}", type(error).__name__)
            self._seen, self._refused_at = None, time.monotonic()
            pid = _pid_here(row.holder) if end_stopped and row is not None else None
            if pid is not None and _is_stopped(pid):
                _end(pid)
            return False

    def _is_free(self, row: LeaseRow | None) -> bool:
        now = time.monotonic()
        if self._beat is not None and self._refused_at is not None and now - self._refused_at <= VALID:
            return False  # who serves without it comes first
        if row is None or row.holder in (NOBODY, self.holder):
            return True
        return now - self._since > VALID or _is_dead(row.holder)

    async def lost(self) -> None:
        """Wait until somebody else holds it."""
        await self._lost.wait()

    async def still_ours(self) -> bool:
        """Whether we may act now.

        Answers at once, except in a process that was frozen for as long as the lease is valid: before it does anything
        it looks whose the lease is. A database that does not answer leaves it ours, since nobody else can take it then.
        """
        self._notice_freeze()
        if self._held and self._in_doubt:
            async with self._checking:
                await self._clear_doubt()
        return self._held

    def _notice_freeze(self) -> None:
        now = time.monotonic()
        if now - self._seen_running_at > VALID:
            self._in_doubt = True
        self._seen_running_at = now

    async def _clear_doubt(self) -> None:
        if not self._in_doubt:
            return
        try:
            async with asyncio.timeout(LOOK):
                await self._look_whose_it_is()
        except TimeoutError:
            logger.warning("The database does not tell whether another instance has taken over; this one goes on")
        self._in_doubt = False

    async def give_up(self) -> None:
        """Leave it to whoever waits, who needs not wait any longer."""
        await self._stop_renewing()
        if not self._held or self._beat is None:
            return
        self._held = False
        try:
            await self._swap(LeaseRow(self.holder, self._beat), NOBODY)
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
        taken = await (self._insert() if seen is None else self._swap(seen, self.holder))
        if taken:
            if seen is not None and seen.holder != self.holder:
                self._former = seen.holder
            self._begin(1 if seen is None else seen.beat + 1)
        return taken

    def _begin(self, beat: int | None) -> None:
        """It is ours from now on."""
        self._beat = beat
        self._held = True
        self._lost.clear()
        if not self._tasks:
            self._seen_running_at = time.monotonic()
            self._in_doubt = False
            self._tasks = [
                asyncio.create_task(self._keep_renewing(), name="lease"),
                asyncio.create_task(self._keep_looking_at_the_clock(), name="lease-clock"),
            ]

    async def _insert(self) -> bool:
        statement = insert(leases).values(name=NAME, holder=self.holder, beat=1)
        try:
            await self._write(lambda connection: connection.execute(statement).rowcount)
        except IntegrityError:
            return False
        return True

    async def _swap(self, seen: LeaseRow, holder: str) -> bool:
        """Change the row if it still is as it was seen."""
        statement = (
            update(leases)
            .where(leases.c.name == NAME, leases.c.holder == seen.holder, leases.c.beat == seen.beat)
            .values(holder=holder, beat=seen.beat + 1)
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
            await self._renew()

    async def _keep_looking_at_the_clock(self) -> None:
        """Apart from the renewals: those wait for a slow database, which is no reason to doubt."""
        while self._held:
            self._notice_freeze()
            await asyncio.sleep(RENEW_EVERY)

    async def _renew(self) -> None:
        if self._beat is None:
            if not await self._try() and self._seen is not None and self._is_alive_elsewhere(self._seen):
                self._lose(self._seen.holder)
            return
        try:
            renewed = await self._swap(LeaseRow(self.holder, self._beat), self.holder)
        except SQLAlchemyError as error:
            logger.debug("The lease can't be renewed: {}", type(error).__name__)
            renewed = False
        if renewed:
            self._beat += 1
        else:
            # What failed may have been committed all the same: then the row is ours with the next beat.
            await self._look_whose_it_is()

    async def _look_whose_it_is(self) -> None:
        try:
            row = await self._read()
        except SQLAlchemyError:
            return
        if row is not None and row.holder == self.holder:
            self._beat = row.beat
            return
        self._lose(row.holder if row else "unknown")

    def _is_alive_elsewhere(self, row: LeaseRow) -> bool:
        return row.holder not in (NOBODY, self.holder) and not _is_dead(row.holder)

    def _lose(self, holder: str) -> None:
        self._held = False
        self._lost.set()
        logger.error("Another instance has taken over ({}); this one steps back", holder)

    async def _stop_renewing(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def open_lease(settings: StorageSettings) -> Lease:
    """The lease of this database. Tables of a newer version are made only by whoever takes over.

    Raises:
        StoreError: the database can't be opened.
    """
    holder = f"{_place()}:{os.getpid()}:{secrets.token_hex(4)}"
    database = await open_patiently(
        lambda: open_database(settings.url, unless=has_lease, patience=LOOK, single=True),
    )
    return Lease(database, holder)


def _place() -> str:
    """This machine since it was started, and the processes that can be seen from here."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]
        space = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return secrets.token_hex(8)
    return f"{socket.gethostname()[:80]}/{boot}/{space}"


def _is_dead(holder: str) -> bool:
    """Whether it is certain that a holder is gone: it was a process of this machine, and there is none any more."""
    pid = _pid_here(holder)
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _pid_here(holder: str) -> int | None:
    """The process of a holder; None when it is none of this machine."""
    if holder == NOBODY:
        return None
    place, pid, _ = holder.rsplit(":", 2)
    return int(pid) if place == _place() else None


def _is_stopped(pid: int) -> bool:
    """Whether a process stands still (SIGSTOP, a debugger): it lets go of nothing it holds (proc(5), stat)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "Tt"
    except OSError:
        return False


def _end(pid: int) -> None:
    logger.error("The instance before us (process {}) is hung and is ended", pid)
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGKILL)


def has_lease(connection: Connection) -> bool:
    """Whether the tables are of a version that knows the lease."""
    return inspect(connection).has_table(leases.name)


def _read_row(connection: Connection) -> LeaseRow | None:
    found = connection.execute(select(leases.c.holder, leases.c.beat).where(leases.c.name == NAME)).one_or_none()
    return LeaseRow(found.holder, found.beat) if found else None
