"""The queue of offline events: kept for the application until it asks for them.

Facts: https://apidocs.bitrix24.com/api-reference/events/offline-events.html and the pages of `event.offline.*`.
"""

from __future__ import annotations

import secrets
import string
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from b24client.sandbox.wire import iso

KEPT_SECONDS = 30 * 24 * 3600
"""How long a reserved row that nobody clears is kept."""
_ALPHABET = string.ascii_lowercase + string.digits


@dataclass(slots=True)
class OfflineRow:
    """A change somebody has to be told of. `process_id`: who has taken it, "" for nobody."""

    id: int
    at: float
    event: str
    data: dict[str, Any]
    connector: str
    process_id: str = ""
    error: bool = False
    taken_at: float = 0.0

    def told(self, *, state: bool) -> dict[str, Any]:
        """The row as the portal tells it; `state`: with who has taken it."""
        row: dict[str, Any] = {
            "ID": str(self.id),
            "TIMESTAMP_X": iso(self.at),
            "EVENT_NAME": self.event,
            "EVENT_DATA": self.data or False,
            "EVENT_ADDITIONAL": False,
            "MESSAGE_ID": str(self.id),
        }
        return row | {"PROCESS_ID": self.process_id, "ERROR": str(int(self.error))} if state else row


class OfflineQueue:
    """All rows, oldest first."""

    def __init__(self) -> None:
        self.rows: list[OfflineRow] = []
        self._last_id = 0

    def add(self, event: str, data: Mapping[str, Any], connector: str) -> str:
        """Note a change, `add` or, for one already waiting of the same entity, `update`."""
        for row in self.rows:
            if not row.process_id and not row.error and (row.event, row.data, row.connector) == (
                event, data, connector,
            ):  # fmt: skip
                row.at = time.time()
                return "update"
        self._last_id += 1
        self.rows.append(OfflineRow(self._last_id, time.time(), event, dict(data), connector))
        return "add"

    def waiting(self, connector: str, *, errors: bool) -> list[OfflineRow]:
        """The rows nobody has taken."""
        self._forget_old()
        return [
            row
            for row in self.rows
            if row.connector == connector and not row.process_id and (errors or not row.error)
        ]  # fmt: skip

    def taken_by(self, process_id: str) -> list[OfflineRow]:
        """The rows a process has taken and not cleared."""
        return [row for row in self.rows if row.process_id == process_id and not row.error]

    def take(self, rows: Iterable[OfflineRow], process_id: str = "") -> str:
        """Reserve rows; the id of the process that has them now."""
        process_id = process_id or "".join(secrets.choice(_ALPHABET) for _ in range(32))
        for row in rows:
            row.process_id, row.error, row.taken_at = process_id, False, time.time()
        return process_id

    def remove(self, rows: Iterable[OfflineRow]) -> None:
        """The rows are dealt with."""
        gone = {row.id for row in rows}
        self.rows = [row for row in self.rows if row.id not in gone]

    def failed(self, rows: Iterable[OfflineRow]) -> None:
        """The rows could not be dealt with: they are given out again only to who asks for errors."""
        for row in rows:
            row.error, row.process_id = True, ""

    def _forget_old(self) -> None:
        oldest = time.time() - KEPT_SECONDS
        self.rows = [row for row in self.rows if not row.process_id or row.taken_at >= oldest]

    def dump(self) -> dict[str, Any]:
        """Everything as JSON values."""
        return {"last_id": self._last_id, "rows": [asdict(row) for row in self.rows]}

    def load(self, kept: Mapping[str, Any]) -> None:
        """Take over what `dump` gave."""
        self._last_id = kept["last_id"]
        self.rows = [OfflineRow(**row) for row in kept["rows"]]
