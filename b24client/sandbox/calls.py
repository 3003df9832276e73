"""The portal's calls: registered, shown on screens, finished, written down."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from b24client.sandbox.people import Client

DEDUP_SECONDS = 30 * 60
"""How long a second, equal register is taken for the first."""


@dataclass(slots=True)
class Card:
    """A card on an employee's screen."""

    user_id: int
    shown_at: float
    shown_by: str
    visible: bool
    hidden_at: float | None = None
    hidden_by: str | None = None


@dataclass(slots=True)
class Finish:
    """How a call ended."""

    user_id: int
    duration: int
    status_code: str
    failed_reason: str
    at: float
    statistic_id: int
    activity_id: int | None
    cost: float = 0.0
    cost_currency: str = ""
    vote: int = 0
    add_to_chat: bool = True


@dataclass(slots=True)
class Record:
    """A recording attached to a call."""

    file_id: int
    filename: str
    size: int
    sha256: str
    path: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said in a call, line by line."""

    id: int
    messages: list[dict[str, Any]]
    cost: float
    cost_currency: str


@dataclass(slots=True)
class Call:
    """A call as the portal knows it. Times in unix seconds."""

    call_id: str
    app: str
    type: int
    user_id: int
    phone_number: str
    digits: str
    line_number: str
    external_call_id: str
    registered_at: float
    call_start_date: float
    client: Client | None
    created_lead: int | None
    cards: list[Card] = field(default_factory=list)
    finish: Finish | None = None
    finishes_refused: int = 0
    shows_refused: int = 0
    record: Record | None = None
    transcript: Transcript | None = None
    records: int = 0
    records_refused: int = 0
    requests: list[tuple[str, float]] = field(default_factory=list)
    created: list[Client] = field(default_factory=list)

    @property
    def key(self) -> tuple[Any, ...]:
        """What makes two registrations the same call."""
        return self.app, self.phone_number, self.type, self.user_id, self.line_number, self.external_call_id

    def open_cards(self) -> list[Card]:
        """The cards on screens now."""
        return [card for card in self.cards if card.hidden_at is None]

    def show(self, user_id: int, by: str, *, visible: bool) -> None:
        """Put the card on a screen where it is not yet."""
        if not any(card.user_id == user_id for card in self.open_cards()):
            self.cards.append(Card(user_id, time.time(), by, visible))

    def hide(self, user_id: int | None, by: str) -> None:
        """Take the card off a screen, or off all."""
        for card in self.open_cards():
            if user_id is None or card.user_id == user_id:
                card.hidden_at, card.hidden_by = time.time(), by

    def told(self) -> dict[str, Any]:
        """The call for people and programs that watch the sandbox."""
        return {
            "call_id": self.call_id,
            "app": self.app,
            "external_call_id": self.external_call_id,
            "phone_number": self.phone_number,
            "line_number": self.line_number,
            "type": self.type,
            "user_id": self.user_id,
            "registered_at": self.registered_at,
            "call_start_date": self.call_start_date,
            "crm_entity_type": self.client.entity_type if self.client else "",
            "crm_entity_id": self.client.id if self.client else None,
            "crm_entity_name": self.client.name if self.client else "",
            "created_lead": self.created_lead,
            "cards": [
                {
                    "user_id": card.user_id,
                    "shown_at": card.shown_at,
                    "hidden_at": card.hidden_at,
                    "how": card.hidden_by or card.shown_by,
                    "shown_by": card.shown_by,
                    "hidden_by": card.hidden_by,
                    "visible": card.visible,
                }
                for card in self.cards
            ],
            "finish": {
                "user_id": self.finish.user_id,
                "duration": self.finish.duration,
                "status_code": self.finish.status_code,
                "failed_reason": self.finish.failed_reason,
                "at": self.finish.at,
                "statistic_id": self.finish.statistic_id,
                "activity_id": self.finish.activity_id,
                "add_to_chat": self.finish.add_to_chat,
            }
            if self.finish
            else None,
            "finishes_refused": self.finishes_refused,
            "shows_refused": self.shows_refused,
            "records": self.records,
            "records_refused": self.records_refused,
            "record": {
                "file_id": self.record.file_id,
                "filename": self.record.filename,
                "size": self.record.size,
                "sha256": self.record.sha256,
                "seconds": self.record.seconds,
            }
            if self.record
            else None,
            "transcript": self.transcript.messages if self.transcript else None,
            "requests": [{"method": method, "at": at} for method, at in self.requests],
        }


class CallBook:
    """All calls of the portal. `changed` is told of each call that changes."""

    def __init__(
        self,
        changed: Callable[[Call], None],
        client: Callable[[str, int], Client | None],
        *,
        dedup_stops: Callable[[], bool],
    ) -> None:
        """`client` finds a client of the CRM by kind and id; `dedup_stops`: whether a finish ends the dedup."""
        self.calls: dict[str, Call] = {}
        self.by_external: dict[str, list[Call]] = {}
        self.changed = changed
        self._client = client
        self._dedup_stops = dedup_stops
        self.finished = 0
        self._open: dict[tuple[Any, ...], Call] = {}
        self._files: dict[int, Record] = {}
        self._statistic = 0
        self._file = 9000
        self._transcript = 0

    def get(self, call_id: Any) -> Call | None:
        """A call by the portal's id."""
        return self.calls.get(call_id) if isinstance(call_id, str) else None

    def open_call(self, call_id: Any) -> Call | None:
        """A call that is not finished."""
        call = self.get(call_id)
        return call if call is not None and call.finish is None else None

    def add(self, call: Call) -> Call:
        """A new call, or the open one an equal registration made in the last half hour."""
        earlier = self._open.get(call.key)
        if earlier is not None and call.registered_at - earlier.registered_at < DEDUP_SECONDS:
            return earlier
        self.calls[call.call_id] = call
        self._open[call.key] = call
        if call.external_call_id:
            self.by_external.setdefault(call.external_call_id, []).append(call)
        return call

    def end(self, call: Call, finish: Finish) -> None:
        """Write a call down and take its cards off the screens."""
        call.finish = finish
        call.hide(None, "finish")
        self.finished += 1
        if self._dedup_stops() and self._open.get(call.key) is call:
            del self._open[call.key]
        self.changed(call)

    def attach(self, call: Call, record: Record) -> Record | None:
        """Give a call its recording, instead of an earlier one, which is returned.

        The same audio again is no other recording.
        """
        if call.record is None or call.record.sha256 != record.sha256:
            call.records += 1
        replaced, call.record = call.record, record
        if replaced is not None:
            self._files.pop(replaced.file_id, None)
        self._files[record.file_id] = record
        self.changed(call)
        return replaced

    def file(self, file_id: int) -> Record | None:
        """A recording by its id."""
        return self._files.get(file_id)

    def next_statistic(self) -> int:
        """The id of the next row of the statistics."""
        self._statistic += 1
        return self._statistic

    def next_transcript(self) -> int:
        """The id of the next transcript."""
        self._transcript += 1
        return self._transcript

    def next_file(self) -> int:
        """The id of the next file."""
        self._file += 1
        return self._file

    def dump(self) -> dict[str, Any]:
        """All calls as JSON values."""
        return {
            "finished": self.finished,
            "statistic": self._statistic,
            "file": self._file,
            "transcript": self._transcript,
            "calls": [
                {
                    **_fields_of(call),
                    "client": [call.client.entity_type, call.client.id] if call.client else None,
                    "created": [[made.entity_type, made.id] for made in call.created],
                }
                for call in self.calls.values()
            ],
        }

    def load(self, kept: Mapping[str, Any]) -> None:
        """Take over what `dump` gave."""
        self.clear()
        self.finished, self._statistic = kept["finished"], kept["statistic"]
        self._file, self._transcript = kept["file"], kept["transcript"]
        for row in kept["calls"]:
            rest: dict[str, Any] = {
                "cards": [],
                "finish": None,
                "record": None,
                "client": None,
                "requests": [],
                "created": [],
            }
            call = Call(**{**row, **rest, "transcript": None})
            call.client = self._client(*row["client"]) if row["client"] else None
            call.created = [made for told in row["created"] if (made := self._client(*told)) is not None]
            call.transcript = Transcript(**row["transcript"]) if row["transcript"] else None
            call.cards = [Card(**card) for card in row["cards"]]
            call.requests = [(method, at) for method, at in row["requests"]]
            call.finish = Finish(**row["finish"]) if row["finish"] else None
            call.record = Record(**row["record"]) if row["record"] else None
            if call.record:
                self._files[call.record.file_id] = call.record
            self.calls[call.call_id] = call
            if call.external_call_id:
                self.by_external.setdefault(call.external_call_id, []).append(call)
            if call.finish is None or not self._dedup_stops():
                self._open[call.key] = call

    def clear(self) -> None:
        """Forget all calls."""
        self.finished = 0
        self.calls.clear()
        self.by_external.clear()
        self._open.clear()


def _fields_of(call: Call) -> dict[str, Any]:
    """A call's fields; what they hold is not copied but for what JSON does not know."""
    told = {name: getattr(call, name) for name in call.__dataclass_fields__}
    told["cards"] = [asdict(card) for card in call.cards]
    told["finish"] = asdict(call.finish) if call.finish else None
    told["record"] = asdict(call.record) if call.record else None
    told["transcript"] = asdict(call.transcript) if call.transcript else None
    return told


def new_call_id() -> str:
    """A call id of the portal's kind."""
    return f"externalCall.{secrets.token_hex(16)}.{int(time.time())}"
