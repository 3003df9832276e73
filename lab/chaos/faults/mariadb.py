"""The database server fails: gone, hanging, its connections cut, its tables held."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from contextlib import AbstractContextManager
from typing import ClassVar

from lab.chaos.faults.fault import Fault, Ground, Reach, Storage
from lab.chaos.faults.written import until_written
from lab.mariadb import MariaDb


class DatabaseKilled(Fault):
    """The server is killed in whatever it does, and started again."""

    name = "database killed"
    storage = Storage.MARIADB
    weight = 2.0
    seconds: ClassVar[tuple[float, float]] = (0.0, 12.0)

    async def strike(self, ground: Ground, chance: random.Random) -> None:
        await asyncio.to_thread(_for_some_time, _server(ground).away(signal.SIGKILL), chance.uniform(*self.seconds))
        await until_written(ground)


class DatabaseKilledLong(DatabaseKilled):
    """It is away for so long that everything of many calls has to be remembered."""

    name = "database killed for long"
    seconds = (50.0, 70.0)
    weight = 0.2


class DatabaseFrozen(Fault):
    """The server stands still: connections stay open and nothing answers, until the service gives it up or longer."""

    name = "database frozen"
    storage = Storage.MARIADB
    weight = 1.5

    async def strike(self, ground: Ground, chance: random.Random) -> None:
        await asyncio.to_thread(_for_some_time, _server(ground).frozen(), chance.uniform(1.0, 15.0))
        await until_written(ground)


class DatabaseCut(Fault):
    """The server ends every connection of the service; once, or the new ones as well, again and again for some time."""

    name = "database cut"
    storage = Storage.MARIADB
    weight = 1.5

    async def strike(self, ground: Ground, chance: random.Random) -> None:
        await asyncio.to_thread(_server(ground).cut, chance.choice([0.0, 0.5, 3.0, 8.0]))
        await until_written(ground)


class DatabaseHeld(Fault):
    """A backup holds all tables: they can be read, and nothing is written."""

    name = "database held"
    storage = Storage.MARIADB

    async def strike(self, ground: Ground, chance: random.Random) -> None:
        seconds = chance.uniform(2.0, 15.0)
        await asyncio.to_thread(_server(ground).execute, f"FLUSH TABLES WITH READ LOCK; DO SLEEP({seconds:.1f})")
        await until_written(ground)


class DatabaseAwayAtStart(Fault):
    """Both are killed, and the service is started again before the server is."""

    name = "database away at the start"
    reach = Reach.SERVICE
    storage = Storage.MARIADB

    async def strike(self, ground: Ground, chance: random.Random) -> None:
        await ground.service.kill()
        seconds = chance.uniform(1.0, 10.0)
        away = asyncio.to_thread(_for_some_time, _server(ground).away(signal.SIGKILL), seconds)
        await asyncio.gather(ground.service.start(), away)


def _for_some_time(state: AbstractContextManager[None], seconds: float) -> None:
    with state:
        time.sleep(seconds)


def _server(ground: Ground) -> MariaDb:
    assert ground.mariadb is not None  # such a fault is only chosen where there is one
    return ground.mariadb
