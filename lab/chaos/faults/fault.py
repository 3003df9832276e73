"""What a fault is, and what it strikes."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, Protocol

from lab.asterisk import Asterisk
from lab.chaos.wire import Wire
from lab.mariadb import MariaDb
from lab.services import Portal, Program


class Reach(StrEnum):
    """What a fault may be an excuse for."""

    NOTHING = "nothing"  # calls and the CRM have to be right in spite of it
    SERVICE = "service"  # calls that began meanwhile may be the dialplan's, and what ended meanwhile can't be dated
    ASTERISK = "asterisk"  # calls of that moment end


class Storage(StrEnum):
    """Where the service keeps its records."""

    SQLITE = "sqlite"
    MARIADB = "mariadb"


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
    standby: Program | None  # a second instance, while there is one
    mariadb: MariaDb | None  # where the service keeps its records, when that is no file


class Fault(ABC):
    """One kind of trouble. `weight` is how often it happens beside the others; `storage`: it concerns only that one."""

    name: ClassVar[str]
    reach: ClassVar[Reach] = Reach.NOTHING
    weight: ClassVar[float] = 1.0
    storage: ClassVar[Storage | None] = None

    async def prepare(self, ground: Ground) -> None:  # noqa: B027
        """What has to be there before it strikes; nothing fails yet."""

    @abstractmethod
    async def strike(self, ground: Ground, chance: random.Random) -> str | None:
        """Let it happen; returns when it is over, with more about it if there is more to say."""
