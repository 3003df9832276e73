"""The comments and log entries in the timelines of the CRM's entities."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from b24client.sandbox.wire import iso

_FIRST_ID = 3001


@dataclass(frozen=True, slots=True)
class Entry:
    """A comment (`comment`), or a log entry (`logMessage`) with its title and icon."""

    id: int
    kind: str
    entity_type_id: int
    entity_id: int
    author_id: int
    created: float
    text: str
    title: str = ""
    icon_code: str = ""
    files: dict[str, dict[str, Any]] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """The entry for people and programs that watch the sandbox."""
        return {
            "id": self.id,
            "kind": self.kind,
            "entity_type_id": self.entity_type_id,
            "entity_id": self.entity_id,
            "author_id": self.author_id,
            "created": iso(self.created),
            "title": self.title,
            "text": self.text,
            "icon_code": self.icon_code,
            "files": list(self.files.values()),
        }


class Timeline:
    """All entries."""

    def __init__(self) -> None:
        self.all: list[Entry] = []
        self._next_id = _FIRST_ID

    def add(self, kind: str, entity: tuple[int, int], author_id: int, text: str, **more: Any) -> Entry:
        """A new entry in the timeline of an entity (type and id)."""
        entry = Entry(self._next_id, kind, *entity, author_id, time.time(), text, **more)
        self._next_id += 1
        self.all.append(entry)
        return entry

    def dump(self) -> dict[str, Any]:
        """All as JSON values."""
        return {"next_id": self._next_id, "all": [asdict(entry) for entry in self.all]}

    def load(self, kept: Mapping[str, Any]) -> None:
        """Take over what `dump` gave."""
        self.all = [Entry(**row) for row in kept["all"]]
        self._next_id = int(kept["next_id"])

    def clear(self) -> None:
        """Forget all."""
        self.all.clear()
