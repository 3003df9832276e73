"""Incidents: what an operator has to know of, told by whoever notices it.

Every room may report; `stasis_app.ops.incidents` keeps them. An incident is known by its kind and its subject (an
extension, a trunk; "" where there is only one), so the same trouble told twice is one incident with count 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

DAY = 86400.0


class Severity(StrEnum):
    """How much it matters."""

    CRITICAL = "critical"  # callers or records are in danger
    WARNING = "warning"  # something is missing, calls are served


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of trouble: its stable code, what it means for calls and what mends it.

    `fades_after`: seconds without another report after which it is over; None where somebody tells that it is.
    """

    code: str
    severity: Severity
    meaning: str
    remedy: str
    fades_after: float | None = None


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident. Times are Unix seconds; `closed_at` is None while it is open."""

    kind: Kind
    subject: str
    detail: str
    count: int
    first_at: float
    last_at: float
    closed_at: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is still going on."""
        return self.closed_at is None


class Incidents(Protocol):
    """Takes reports. Neither method waits or raises."""

    def report(self, kind: Kind, detail: str = "", *, subject: str = "") -> None:
        """It happened, or happened again; `detail` says what exactly, without secrets."""
        ...

    def recovered(self, kind: Kind, *, subject: str = "") -> None:
        """It is over. To say so of something that never happened is no error."""
        ...


class Unheard:
    """Reports go nowhere: for whoever runs a part of the service alone."""

    def report(self, kind: Kind, detail: str = "", *, subject: str = "") -> None:
        """See `Incidents`."""

    def recovered(self, kind: Kind, *, subject: str = "") -> None:
        """See `Incidents`."""


STORAGE_REFUSES = Kind(
    "storage-refuses",
    Severity.CRITICAL,
    "The database takes nothing. Calls go on and the portal is told; what is kept in memory is lost if the service "
    "ends before the database takes it.",
    "Free space on the disk, end what locks the database, or start its server; the service goes on by itself.",
)
STORAGE_LOST = Kind(
    "storage-lost",
    Severity.CRITICAL,
    "Something was not kept: the database refused it for good, or did not take anything for so long that the memory "
    "set aside was full. Calls were told to the portal all the same.",
    "Look in the log for what was refused; keep free space on the disk.",
    fades_after=DAY,
)
PORTAL_AWAY = Kind(
    "portal-away",
    Severity.WARNING,
    "The portal does not answer, or does not let us tell it of calls. Calls go on without cards; their records are "
    "kept and delivered when it is back.",
    "See whether the portal opens in a browser here, then the detail; `stasis-app check` tells about rights.",
)
PORTAL_REFUSED = Kind(
    "portal-refused",
    Severity.CRITICAL,
    "The portal will never take the record of a call: it is missing there.",
    "`stasis-app outbox` shows the call and the portal's reason; the journal (`stasis-app calls --past`) has the call.",
    fades_after=DAY,
)
ASTERISK_AWAY = Kind(
    "asterisk-away",
    Severity.CRITICAL,
    "There is no connection to Asterisk: its dialplan serves the calls by itself.",
    "See whether Asterisk runs, then [asterisk] url, username and password; the service tries again all the time.",
)
REPLACED = Kind(
    "replaced",
    Severity.WARNING,
    "Another instance took over this application at Asterisk: this one has stepped back and serves no calls.",
    "Stop one of them, or give each its own [asterisk] app.",
)
UNKNOWN_EXTENSION = Kind(
    "unknown-extension",
    Severity.WARNING,
    "The phone of an extension that no employee of the portal has rang or talked: nobody got a card for it.",
    "Enter the extension in the employee's profile in the portal, or under [[employees]].",
)
RECORDING_MISSING = Kind(
    "recording-missing",
    Severity.WARNING,
    "A call has no recording in the portal: Asterisk could not write it, or the file is damaged or gone.",
    "See the detail; check the space and the owner of Asterisk's recording folder, and [recording] directory.",
    fades_after=DAY,
)
LOG_LOST = Kind(
    "log-lost",
    Severity.WARNING,
    "The log's file takes nothing, so some lines are missing there; the console has them.",
    "Free space on its disk, or see that this user may write to [logging] file.",
)

KINDS = {
    kind.code: kind
    for kind in (
        STORAGE_REFUSES,
        STORAGE_LOST,
        PORTAL_AWAY,
        PORTAL_REFUSED,
        ASTERISK_AWAY,
        REPLACED,
        UNKNOWN_EXTENSION,
        RECORDING_MISSING,
        LOG_LOST,
    )
}
"""All of them, by code."""
