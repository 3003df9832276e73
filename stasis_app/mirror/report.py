"""What became of recordings: which the portal has, which it does not have yet, and which it will never have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

from stasis_app.calls.facts import Direction, Recorded, RecordingFailed
from stasis_app.calls.record import CallRecord
from stasis_app.mirror.operations import Kind, names_of
from stasis_app.store import OPEN, REFUSED, Outbox, OutboxRow

_PAGE = 500


class Delivery(StrEnum):
    """Where a recording is."""

    DELIVERED = "delivered"
    WAITING = "waiting"  # the portal does not have it yet
    REFUSED = "refused"  # the portal will never have it
    FAILED = "failed"  # nothing was recorded
    KEPT = "kept"  # on the PBX alone, as calls between extensions are


LACKING = frozenset({Delivery.WAITING, Delivery.REFUSED, Delivery.FAILED})


@dataclass(frozen=True, slots=True)
class RecordingReport:
    """A recording and what became of it. `why` tells what keeps it from the portal."""

    call_id: str
    name: str
    kind: str
    at: datetime
    seconds: int
    stereo: bool
    state: Delivery
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Calls:
    """Ended calls that began in a time, a page of them."""

    since: datetime
    until: datetime
    before: tuple[datetime, str] | None = None
    limit: int = _PAGE
    number: str = ""
    extension: str = ""
    direction: Direction | None = None
    answered: bool | None = None


class PastCalls(Protocol):
    """The journal (`stasis_app.calls.journal.Journal`)."""

    async def past(self, query: _Calls, /) -> Sequence[CallRecord]: ...


async def recordings_between(
    journal: PastCalls, outbox: Outbox, since: datetime, until: datetime, *, internal_calls: bool
) -> list[RecordingReport]:
    """All recordings of the ended calls that began in this time, the latest call first.

    Raises SQLAlchemyError when the storage can't be read.
    """
    rows = await outbox.done_between(Kind.RECORD, since.timestamp(), datetime.now(UTC).timestamp() + 1)
    delivered = {name: row for row in rows for name in names_of(row)}
    found: list[RecordingReport] = []
    page = _Calls(since, until)
    while True:
        records = await journal.past(page)
        for record in records:
            found += await _of_call(record, outbox, delivered, internal_calls=internal_calls)
        if len(records) < page.limit:
            return found
        page = _Calls(since, until, before=(records[-1].started_at, records[-1].call_id))


async def _of_call(
    record: CallRecord, outbox: Outbox, delivered: dict[str, OutboxRow], *, internal_calls: bool
) -> list[RecordingReport]:
    reports = [_failed(record, failed) for failed in record.recordings_failed]
    inside = frozenset() if internal_calls else _recorded_inside(record)
    waiting = [recorded for recorded in record.recordings if recorded.name not in inside | delivered.keys()]
    rows = await outbox.of_call(record.call_id) if waiting else []
    for recorded in record.recordings:
        if recorded.name in delivered:
            state, why = _when_delivered(recorded, delivered[recorded.name])
        elif recorded.name in inside:
            state, why = Delivery.KEPT, ""
        else:
            state, why = _when_not(recorded, rows)
        reports.append(_report(record, recorded, state, why))
    return reports


def _when_delivered(recorded: Recorded, row: OutboxRow) -> tuple[Delivery, str]:
    """Of several that became one file, some may have been lacking: then the reason names their files."""
    return (Delivery.REFUSED, row.reason) if recorded.name in row.reason else (Delivery.DELIVERED, "")


def _when_not(recorded: Recorded, rows: Sequence[OutboxRow]) -> tuple[Delivery, str]:
    own = [row for row in rows if row.kind == Kind.RECORD and recorded.name in names_of(row)]
    refused = [row for row in (*own, *rows) if row.state == REFUSED and row.kind not in (Kind.SHOW, Kind.HIDE)]
    if own and own[-1].state == OPEN:
        return Delivery.WAITING, own[-1].reason or "the portal has not been told yet"
    if refused:
        return Delivery.REFUSED, f"{refused[0].kind}: {refused[0].reason}"
    return Delivery.WAITING, "the call is not in the portal yet"


def _report(record: CallRecord, recorded: Recorded, state: Delivery, why: str) -> RecordingReport:
    return RecordingReport(
        record.call_id, recorded.name, recorded.kind, recorded.at, recorded.seconds, recorded.stereo, state, why
    )


def _failed(record: CallRecord, failed: RecordingFailed) -> RecordingReport:
    return RecordingReport(record.call_id, failed.name, "talk", failed.at, 0, False, Delivery.FAILED, failed.why)


def _recorded_inside(record: CallRecord) -> frozenset[str]:
    """The recordings of what employees said among themselves."""
    if record.direction is Direction.INTERNAL:
        return frozenset(recorded.name for recorded in record.recordings)
    return frozenset(record.recordings_inside)
