"""The log's file, written beside the service: a disk that is slow, full or gone holds up nothing and ends nothing.

Rotated by size; a rotated file carries the time it was closed at in its name.
"""

from __future__ import annotations

import queue
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

MOST_LINES = 10_000
"""Lines that may wait for a slow disk; more are lost, and their number is written down when it goes on."""
LOOK_AGAIN = 1.0
"""Seconds before a file that took nothing is tried again."""
PATIENCE = 2.0


class LogFile:
    """A sink of the log (`write`, `stop`).

    `rotate_bytes`: size at which a new file is begun; `keep_days`: how long the old ones stay.
    """

    def __init__(self, path: Path, *, rotate_bytes: int, keep_days: int) -> None:
        self._path = path
        self._rotate_bytes = rotate_bytes
        self._keep_days = keep_days
        self._lines: queue.Queue[str | None] = queue.Queue(MOST_LINES)
        self._file: TextIO | None = None
        self._not_before = 0.0
        self._missing = 0
        self.trouble = ""
        """Why the file takes nothing; "" when it does."""
        self._thread = threading.Thread(target=self._run, name="log-file", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Have a line written some time soon. Never waits, never raises."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self._missing += 1
            self.trouble = self.trouble or "the disk does not keep up"

    def stop(self) -> None:
        """Write what is left, for at most two seconds."""
        try:
            self._lines.put(None, timeout=PATIENCE)
        except queue.Full:
            return
        self._thread.join(PATIENCE)

    def _run(self) -> None:
        while (line := self._lines.get()) is not None:
            self._keep(line)
        if self._file is not None:
            self._file.close()

    def _keep(self, line: str) -> None:
        if self._file is None and time.monotonic() < self._not_before:
            self._missing += 1
            return
        try:
            file = self._file or self._opened()
            if self._missing:
                file.write(f"{self._missing} lines are missing here: {self.trouble}\n")
            file.write(line)
            file.flush()
            self._missing, self.trouble = 0, ""
            if file.tell() >= self._rotate_bytes:
                self._rotate(file)
        except OSError as error:
            self._missing += 1
            self.trouble = f"{self._path}: {error.strerror or error}"
            self._not_before = time.monotonic() + LOOK_AGAIN
            self._give_up()

    def _opened(self) -> TextIO:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("a", encoding="utf-8")
        return self._file

    def _give_up(self) -> None:
        """Let go of a file that took nothing, with what is in its buffer."""
        file, self._file = self._file, None
        try:
            if file is not None:
                file.close()
        except OSError:
            return  # the same trouble once more

    def _rotate(self, file: TextIO) -> None:
        file.close()
        self._file = None
        closed = datetime.now(UTC).strftime("%Y-%m-%d_%H-%M-%S-%f")
        self._path.rename(self._path.with_name(f"{self._path.stem}.{closed}{self._path.suffix}"))
        oldest = time.time() - self._keep_days * 86400
        for old in self._path.parent.glob(f"{self._path.stem}.*{self._path.suffix}"):
            if old != self._path and old.stat().st_mtime < oldest:
                old.unlink()
