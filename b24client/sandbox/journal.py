"""Every request that reached the portal."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

_LONGEST = 120


@dataclass(slots=True)
class Entry:
    """One request, or one command of a batch (`in_batch`)."""

    seq: int
    at: float
    method: str
    visitor: str
    status: int
    failed: bool
    error: str
    description: str
    seconds: float
    call_id: str
    in_batch: bool
    params: dict[str, Any]


class Journal:
    """The latest requests, and counts of all."""

    def __init__(self, kept: int) -> None:
        self.entries: deque[Entry] = deque(maxlen=kept)
        self.requests = 0
        self.commands = 0
        self.errors: Counter[str] = Counter()

    def note(
        self,
        method: str,
        *,
        started: float,
        visitor: str = "",
        status: int = 200,
        error: str | None = None,
        description: str = "",
        call_id: str = "",
        in_batch: bool = False,
        params: Mapping[str, Any] | None = None,
    ) -> None:
        """Write a request down; `error` None means it succeeded, "" is the empty code of live portals."""
        if in_batch:
            self.commands += 1
        else:
            self.requests += 1
        if error is not None:
            self.errors[error or "(empty)"] += 1
        self.entries.append(
            Entry(
                self.requests + self.commands,
                started,
                method,
                visitor,
                status,
                error is not None,
                error if error is not None else "",
                description,
                round(time.time() - started, 4),
                call_id,
                in_batch,
                {key: _short(value) for key, value in (params or {}).items() if key != "auth"},
            )
        )

    def told(
        self, *, method: str = "", call_id: str = "", since: float = 0.0, limit: int = 500
    ) -> list[dict[str, Any]]:
        """The latest entries that match, oldest first."""
        found = [
            asdict(entry)
            for entry in reversed(self.entries)
            if entry.at >= since
            and (not method or entry.method.lower() == method.lower())
            and (not call_id or entry.call_id == call_id)
        ]
        return list(reversed(found[:limit]))

    def clear(self) -> None:
        """Forget everything."""
        self.entries.clear()
        self.errors.clear()
        self.requests = self.commands = 0


def _short(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _LONGEST:
        return f"{value[:_LONGEST]}… ({len(value)} characters)"
    if isinstance(value, dict):
        return {key: _short(item) for key, item in value.items()}
    return value
