"""The disk fails: full, or its database held by another program."""

from __future__ import annotations

import asyncio
import contextlib
import random
import resource
import sqlite3
import time
from pathlib import Path
from typing import ClassVar

import aiohttp

from lab.chaos.faults.fault import Fault, Ground

SMALL = 100  # bytes; every file is longer than that
WRITTEN_S = 20.0


class DatabaseLocked(Fault):
    """Another program holds the database."""

    name = "database locked"
    seconds: ClassVar[tuple[float, float]] = (2.0, 8.0)

    async def strike(self, ground: Ground, chance: random.Random) -> None:
        seconds = chance.uniform(*self.seconds)
        await asyncio.to_thread(_hold, ground.folder / "stasis.sqlite", seconds)
        await _until_written(ground)


class DatabaseLockedLong(DatabaseLocked):
    """It is held for so long that everything of many calls has to be remembered."""

    name = "database locked for long"
    seconds = (50.0, 70.0)
    weight = 0.2


class DiskFull(Fault):
    """No file of the service may grow, neither its database nor its log."""

    name = "disk full"

    async def strike(self, ground: Ground, chance: random.Random) -> None:
        pid = ground.service.pid
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (SMALL, hard))
        try:
            await asyncio.sleep(chance.uniform(3.0, 15.0))
        finally:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
        await _until_written(ground)


async def _until_written(ground: Ground) -> None:
    """Wait until the service has written what it kept in memory: were it killed before, that would be lost, as told."""
    deadline = time.monotonic() + WRITTEN_S
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
        while time.monotonic() < deadline:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with http.get(f"{ground.service.url}/readyz") as answer:
                    parts = {part["name"]: part["state"] for part in (await answer.json())["components"]}
                    if parts["storage"] == "ok":
                        return
            await asyncio.sleep(0.2)
    raise RuntimeError(f"the service does not write again:\n{ground.service.last_words()}")


def _hold(database: Path, seconds: float) -> None:
    connection = sqlite3.connect(database, timeout=30, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
        time.sleep(seconds)
        connection.execute("ROLLBACK")
    finally:
        connection.close()
