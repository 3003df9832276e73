"""The disk fails: full, or the file of the database held by another program."""

from __future__ import annotations

import asyncio
import random
import resource
import sqlite3
import time
from pathlib import Path
from typing import ClassVar

from lab.chaos.faults.fault import Fault, Ground, Storage
from lab.chaos.faults.written import until_written

SMALL = 100  # bytes; every file is longer than that


class DatabaseLocked(Fault):
    """Another program holds the database."""

    name = "database locked"
    storage = Storage.SQLITE
    seconds: ClassVar[tuple[float, float]] = (2.0, 8.0)

    async def strike(self, ground: Ground, chance: random.Random) -> None:
        seconds = chance.uniform(*self.seconds)
        await asyncio.to_thread(_hold, ground.folder / "stasis.sqlite", seconds)
        await until_written(ground)


class DatabaseLockedLong(DatabaseLocked):
    """It is held for so long that everything of many calls has to be remembered."""

    name = "database locked for long"
    seconds = (50.0, 70.0)
    weight = 0.2


class DiskFull(Fault):
    """No file of the service may grow, neither its database nor its log."""

    name = "disk full"
    storage = Storage.SQLITE

    async def strike(self, ground: Ground, chance: random.Random) -> None:
        pid = ground.service.pid
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (SMALL, hard))
        try:
            await asyncio.sleep(chance.uniform(3.0, 15.0))
        finally:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
        await until_written(ground)


def _hold(database: Path, seconds: float) -> None:
    connection = sqlite3.connect(database, timeout=30, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
        time.sleep(seconds)
        connection.execute("ROLLBACK")
    finally:
        connection.close()
