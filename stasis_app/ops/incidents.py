"""The incidents of this service: kept in memory, written to the storage whenever it takes something."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from loguru import logger

from stasis_app.incidents import KINDS, Incident, Kind, Severity
from stasis_app.store import IncidentRow, IncidentStore

LARGEST = 1000
"""Incidents kept in memory; the ones closed longest ago go first, then the ones last seen longest ago."""


class IncidentBook:
    """Keeps incidents (an `Incidents`). One that comes back is the same incident, open again.

    `clock` tells Unix seconds.
    """

    def __init__(self, store: IncidentStore, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[tuple[str, str], Incident] = {}

    async def load(self) -> None:
        """Take in what is on disk. To be awaited before the first report. Raises SQLAlchemyError."""
        for row in await self._store.load_all():
            incident = incident_of(row)
            if incident is not None:
                self._known[row["code"], row["subject"]] = incident

    def report(self, kind: Kind, detail: str = "", *, subject: str = "") -> None:
        """It happened, or happened again. Never waits, never raises."""
        now, subject = self._clock(), subject[:100]
        before = self._known.get((kind.code, subject))
        if before is None:
            incident = Incident(kind, subject, detail[:500], 1, now, now)
        else:
            shown = detail[:500] or before.detail
            incident = replace(before, detail=shown, count=before.count + 1, last_at=now, closed_at=None)
        self._keep(incident)
        if before is None or not before.is_open:
            level = "ERROR" if kind.severity is Severity.CRITICAL else "WARNING"
            what = f"{named(incident)}: {detail.rstrip('.')}." if detail else f"{named(incident)}."
            logger.log(level, "Incident {} {} {}", what, kind.meaning, kind.remedy)

    def recovered(self, kind: Kind, *, subject: str = "") -> None:
        """It is over. Never waits, never raises."""
        incident = self._known.get((kind.code, subject[:100]))
        if incident is not None and incident.is_open:
            self._close(incident)

    def fade(self) -> None:
        """Close what is taken for over because it did not happen again."""
        now = self._clock()
        for incident in self.open():
            after = incident.kind.fades_after
            if after is not None and now - incident.last_at >= after:
                self._close(incident)

    def open(self) -> list[Incident]:
        """Those going on, the latest first."""
        return [incident for incident in self.listing() if incident.is_open]

    def listing(self) -> Sequence[Incident]:
        """All that are known, the latest first."""
        return sorted(self._known.values(), key=lambda incident: incident.last_at, reverse=True)

    def _close(self, incident: Incident) -> None:
        self._keep(replace(incident, closed_at=self._clock()))
        logger.info("Incident {} is over", named(incident))

    def _keep(self, incident: Incident) -> None:
        self._known[incident.kind.code, incident.subject] = incident
        self._store.post(_row(incident))
        if len(self._known) > LARGEST:
            least = min(self._known.values(), key=lambda each: (each.is_open, each.closed_at or each.last_at))
            del self._known[least.kind.code, least.subject]


def named(incident: Incident) -> str:
    """The incident in a word or two: its code and its subject."""
    return f"{incident.kind.code} {incident.subject}".rstrip()


def incident_of(row: IncidentRow) -> Incident | None:
    """The incident in a row; None for a code that only another version of this program knows."""
    kind = KINDS.get(row["code"])
    if kind is None:
        return None
    return Incident(
        kind, row["subject"], row["detail"], row["count"], row["first_at"], row["last_at"], row["closed_at"]
    )


def _row(incident: Incident) -> IncidentRow:
    return {
        "code": incident.kind.code,
        "subject": incident.subject,
        "detail": incident.detail,
        "count": incident.count,
        "first_at": incident.first_at,
        "last_at": incident.last_at,
        "closed_at": incident.closed_at,
    }
