"""Recorded event streams: what Asterisk told and what we were about to do, a line each.

Events are kept exactly as they came; our own intents stand between them as objects of type `Intent`. Together they are
everything the model ever sees, so replaying a recording leads to the same facts.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from stasis_app.ari.events import Event, RestResponse, UnreadableMessage, parse
from stasis_app.calls import intents as i
from stasis_app.calls.wire import adapter, fact_from_json, fact_to_json

_INTENTS: dict[str, type[i.Intent]] = {kind.__name__: kind for kind in i.Intent.__subclasses__() if kind is not i.Noted}


class EventRecorder:
    """Writes a recording. Lines are gathered and written by a thread of its own, so that nobody waits for the disk.

    Args:
        path: the file; added to if it exists.
    """

    def __init__(self, path: Path) -> None:
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._file = path.open("a", encoding="utf-8")
        self._thread = threading.Thread(target=self._write, name="event-recorder", daemon=True)
        self._thread.start()

    def event(self, text: str) -> None:
        """A message from Asterisk, as it came. Replies to requests are left out."""
        if '"RESTResponse"' not in text[:200]:
            self._lines.put(text)

    def intent(self, call_id: str, intent: i.Intent) -> None:
        """Something the service is about to do."""
        fields: dict[str, Any]
        if isinstance(intent, i.Noted):
            fields = {"fact": fact_to_json(intent.fact)}
        else:
            fields = adapter(type(intent)).dump_python(intent, mode="json")
        line = {"type": "Intent", "intent": type(intent).__name__, "call_id": call_id, "fields": fields}
        self._lines.put(orjson.dumps(line).decode())

    def close(self) -> None:
        """Write what is gathered and close the file. Blocks; call it when nothing else matters any more."""
        self._lines.put(None)
        self._thread.join(5)

    def _write(self) -> None:
        with self._file as file:
            while (line := self._lines.get()) is not None:
                file.write(line.replace("\n", " ") + "\n")
                if self._lines.empty():
                    file.flush()


def read_recording(lines: Iterable[str]) -> Iterator[tuple[str, Event | i.Intent]]:
    """The call an intent belongs to ("" for events) and the event or intent of each line; unreadable ones are left out.

    Raises:
        ValueError: a line is not JSON; the message tells its number.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = orjson.loads(line)
        except ValueError:
            raise ValueError(f"line {number} is not JSON: {line[:60]!r}") from None
        if isinstance(value, dict) and value.get("type") == "Intent":
            yield str(value["call_id"]), _intent(value)
            continue
        try:
            event = parse(line)
        except UnreadableMessage:
            continue
        if not isinstance(event, RestResponse):
            yield "", event


def _intent(value: dict[str, Any]) -> i.Intent:
    if value["intent"] == "Noted":
        fact = fact_from_json(value["fields"]["fact"])
        return i.Noted(fact.at, fact)
    intent: i.Intent = adapter(_INTENTS[value["intent"]]).validate_python(value["fields"])
    return intent


def clock(at: datetime) -> str:
    """A time of day with milliseconds, as a story tells it."""
    return at.strftime("%H:%M:%S.") + f"{at.microsecond // 1000:03d}"
