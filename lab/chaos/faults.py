"""What fails. One more fault is one more small class in `FAULTS`."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, Protocol

from lab.asterisk import Asterisk
from lab.chaos.wire import Wire
from lab.services import Portal, Program

PORTAL_TROUBLES = (
    *("refuse", "reset", "slow", "500", "502", "503", "internal", "expired"),
    *("lost-reply", "truncated", "garbage"),
)


class Reach(StrEnum):
    """What a fault may be an excuse for."""

    NOTHING = "nothing"  # calls and the CRM have to be right in spite of it
    SERVICE = "service"  # calls that began meanwhile may be the dialplan's, and what ended meanwhile can't be dated
    ASTERISK = "asterisk"  # calls of that moment end


@dataclass
class Strike:
    """A fault that struck. `over_at` is when everything was well again (0: not yet)."""

    name: str
    reach: Reach
    at: float
    over_at: float = 0.0

    @property
    def told(self) -> str:
        return f"{self.name} ({max(0.0, self.over_at - self.at):.1f} s)"


class Ground(Protocol):
    """What faults strike."""

    folder: Path
    pbx: Asterisk
    wire: Wire
    portal: Portal
    service: Program


class Fault(ABC):
    """One kind of trouble. `weight` is how often it happens beside the others."""

    name: ClassVar[str]
    reach: ClassVar[Reach] = Reach.NOTHING
    weight: ClassVar[float] = 1.0

    @abstractmethod
    async def strike(self, ground: Ground, chance: random.Random) -> str | None:
        """Let it happen; returns when it is over, with more about it if there is more to say."""


# ---------------------------------------------------------------- the link


class LinkCut(Fault):
    """The websocket and all requests are reset, and can be opened again soon."""

    name = "link cut"
    reach = Reach.SERVICE
    weight = 2.0

    async def strike(self, ground: Ground, chance: random.Random) -> None:
        await ground.wire.cut(chance.choice([0.0, 0.5, 3.0]))


class LinkDead(Fault):
    """The socket is open and nothing comes any more."""

    name = "link dead"
    reach = Reach.SERVICE

    async def strike(self, ground: Ground, chance: random.Random) -> None:
        await ground.wire.freeze(chance.uniform(1.0, 8.0))


# ---------------------------------------------------------------- the service


class ServiceStopped(Fault):
    """The service is stopped as systemd does it, and started again."""

    name = "service stopped"
    reach = Reach.SERVICE

    async def strike(self, ground: Ground, chance: random.Random) -> None:
        await ground.service.stop()
        await asyncio.sleep(chance.uniform(0.0, 3.0))
        await ground.service.start()


class ServiceKilled(Fault):
    """The service is killed in whatever it does."""

    name = "service killed"
    reach = Reach.SERVICE
    weight = 2.0

    async def strike(self, ground: Ground, chance: random.Random) -> None:
        await ground.service.kill()
        await asyncio.sleep(chance.uniform(0.5, 5.0))
        await ground.service.start()


class ServiceFrozen(Fault):
    """The service stands still, as on a machine that swaps."""

    name = "service frozen"
    reach = Reach.SERVICE

    async def strike(self, ground: Ground, chance: random.Random) -> None:
        pid = ground.service.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(chance.uniform(1.0, 6.0))
        finally:
            os.kill(pid, signal.SIGCONT)


# ---------------------------------------------------------------- the portal


class PortalTrouble(Fault):
    """The portal is away, slow, refuses, loses replies, wants new tokens.

    Args:
        presets: which of the sandbox's troubles (docs/sandbox.md).
    """

    name = "portal"
    weight = 5.0

    def __init__(self, presets: Sequence[str] = PORTAL_TROUBLES) -> None:
        self._presets = presets

    async def strike(self, ground: Ground, chance: random.Random) -> str:
        seconds = chance.uniform(5.0, 15.0)
        preset = chance.choice(self._presets)
        share = {"expired": 0.3, "lost-reply": 0.5, "truncated": 0.5, "garbage": 0.5}.get(preset, 1.0)
        methods = ["telephony.*", "crm.*", "user.*", "batch", "upload"]
        await ground.portal.trouble(
            preset=preset, for_s=seconds, chance=share, seed=chance.randrange(1 << 30), methods=methods
        )
        await asyncio.sleep(seconds)
        await ground.portal.no_trouble()
        return preset


# ---------------------------------------------------------------- the disk


class DatabaseLocked(Fault):
    """Another program holds the database."""

    name = "database locked"

    async def strike(self, ground: Ground, chance: random.Random) -> None:
        seconds = chance.uniform(2.0, 8.0)
        await asyncio.to_thread(_hold, ground.folder / "stasis.sqlite", seconds)


def _hold(database: Path, seconds: float) -> None:
    connection = sqlite3.connect(database, timeout=30, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
        time.sleep(seconds)
        connection.execute("ROLLBACK")
    finally:
        connection.close()


# ---------------------------------------------------------------- Asterisk


class AsteriskRestarted(Fault):
    """Asterisk ends, with a word to everybody or without, and starts again."""

    name = "asterisk restarted"
    reach = Reach.ASTERISK
    weight = 0.4

    async def strike(self, ground: Ground, chance: random.Random) -> None:
        if chance.random() < 0.5:
            await ground.pbx.stop()
        else:
            await ground.pbx.kill()
        await asyncio.sleep(chance.uniform(0.0, 2.0))
        await ground.pbx.start()


FAULTS: Sequence[Fault] = (
    LinkCut(),
    LinkDead(),
    ServiceStopped(),
    ServiceKilled(),
    ServiceFrozen(),
    PortalTrouble(),
    DatabaseLocked(),
    AsteriskRestarted(),
)
