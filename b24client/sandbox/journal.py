"""Every request that reached the portal."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson

_LONGEST = 120
_SECRET = ("auth", "access_token", "refresh_token", "client_secret", "application_token")


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
    """The latest requests, and counts of all. With `write_to` all of them go to a file too."""

    def __init__(self, kept: int) -> None:
        self.entries: deque[Entry] = deque(maxlen=kept)
        self.requests = 0
        self.commands = 0
        self.errors: Counter[str] = Counter()
        self.touched = 0
        """Grows with everything that may have changed the portal."""
        self._file: _File | None = None

    def write_to(self, path: Path) -> None:
        """Add every request from now on to a file, a JSON object a line. Raises OSError."""
        self._file = _File(path)

    def close(self) -> None:
        """Write what is still waiting."""
        if self._file is not None:
            self._file.close()
            self._file = None

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
        self.touched += 1
        if in_batch:
            self.commands += 1
        else:
            self.requests += 1
        if error is not None:
            self.errors[error or "(empty)"] += 1
        entry = Entry(
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
            {key: _short(value) for key, value in (params or {}).items() if key not in _SECRET},
        )
        self.entries.append(entry)
        if self._file is not None:
            self._file.add(entry)

    def told(
        self,
        *,
        method: str = "",
        call_id: str = "",
        since: float = 0.0,
        errors_only: bool = False,
        limit: int = 500,
    ) -> list[dict[str, Any]]:
        """The latest entries that match, oldest first."""
        found: list[dict[str, Any]] = []
        for entry in reversed(self.entries):
            if len(found) >= limit:
                break
            if (
                entry.at >= since
                and (not method or entry.method.lower() == method.lower())
                and (not call_id or entry.call_id == call_id)
                and (entry.failed or not errors_only)
            ):
                found.append(asdict(entry))
        return found[::-1]

    def clear(self) -> None:
        """Forget everything."""
        self.entries.clear()
        self.errors.clear()
        self.requests = self.commands = 0

    def dump(self) -> dict[str, Any]:
        """The latest requests and the counts as JSON values."""
        entries = [asdict(entry) for entry in self.entries]
        return {"requests": self.requests, "commands": self.commands, "errors": dict(self.errors), "entries": entries}

    def load(self, kept: Mapping[str, Any]) -> None:
        """Take over what `dump` gave."""
        self.requests, self.commands = kept["requests"], kept["commands"]
        self.errors = Counter(kept["errors"])
        self.entries.clear()
        self.entries.extend(Entry(**entry) for entry in kept["entries"])


class _File:
    """A file written by a thread of its own, so that no request waits for the disk."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("ab")
        self._waiting: queue.SimpleQueue[Entry | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write, name="b24-sandbox-journal", daemon=True)
        self._writer.start()

    def add(self, entry: Entry) -> None:
        self._waiting.put(entry)

    def close(self) -> None:
        self._waiting.put(None)
        self._writer.join()

    def _write(self) -> None:
        with self._file as file:
            while (entry := self._waiting.get()) is not None:
                file.write(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS, default=str))
                if self._waiting.empty():
                    file.flush()


def _short(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _LONGEST:
        return f"{value[:_LONGEST]}… ({len(value)} characters)"
    if isinstance(value, dict):
        return {key: _short(item) for key, item in value.items()}
    return value
