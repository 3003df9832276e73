"""What fails. One more fault is one more small class in `FAULTS`."""

from __future__ import annotations

from collections.abc import Sequence

from lab.chaos.faults.around import AsteriskRestarted, LinkCut, LinkDead, PortalTrouble
from lab.chaos.faults.disk import DatabaseLocked, DatabaseLockedLong, DiskFull
from lab.chaos.faults.fault import Fault, Ground, Reach, Storage, Strike
from lab.chaos.faults.instances import ServiceFrozen, ServiceKilled, ServiceStopped, StandbyTakesOver
from lab.chaos.faults.mariadb import (
    DatabaseAwayAtStart,
    DatabaseCut,
    DatabaseFrozen,
    DatabaseHeld,
    DatabaseKilled,
    DatabaseKilledLong,
)

__all__ = [
    "FAULTS",
    "DatabaseAwayAtStart",
    "DatabaseCut",
    "DatabaseFrozen",
    "DatabaseKilled",
    "Fault",
    "Ground",
    "LinkCut",
    "PortalTrouble",
    "Reach",
    "ServiceKilled",
    "Storage",
    "Strike",
]

FAULTS: Sequence[Fault] = (
    LinkCut(),
    LinkDead(),
    ServiceStopped(),
    ServiceKilled(),
    ServiceFrozen(),
    StandbyTakesOver(),
    PortalTrouble(),
    DatabaseLocked(),
    DatabaseLockedLong(),
    DiskFull(),
    DatabaseKilled(),
    DatabaseKilledLong(),
    DatabaseFrozen(),
    DatabaseCut(),
    DatabaseHeld(),
    DatabaseAwayAtStart(),
    AsteriskRestarted(),
)
