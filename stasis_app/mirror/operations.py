"""What is said to the portal about a call: one `OutboxRow` per operation, built here from the call's record.

Pure. The bodies hold everything that is needed to send an operation again after a restart, when the record is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from b24client import CallType, FinishCall, RegisterCall, StatusCode
from stasis_app.calls.facts import Direction, Recorded, RecordingKind
from stasis_app.calls.record import CallRecord
from stasis_app.mirror.notes import Language, mark, note
from stasis_app.mirror.outcome import outcome
from stasis_app.mirror.people import Credit, People, credited_to, registered_for
from stasis_app.mirror.recordings import Part
from stasis_app.store import DONE, OPEN, REFUSED, OutboxRow


class Kind(StrEnum):
    """The operations, in the order a call has them."""

    REGISTER = "register"
    SHOW = "show"
    HIDE = "hide"
    FINISH = "finish"
    RECORD = "record"
    TODO = "todo"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration says about calls in the CRM ([bitrix24])."""

    default_user: int | None = None
    credit: Credit = "last"
    anonymous_number: str = "anonymous"
    crm_create: bool = True
    internal_calls: bool = False
    message_todo: str = ""
    notes: Language | None = None


TODO_SECONDS = 3600
"""Seconds after the call within which a message should be heard."""

NUMBER_OF_NOBODY = "0000000000"
"""Stands for a withheld number in a portal that takes nothing but digits."""


def register_body(record: CallRecord, number: str, people: People, rules: Rules) -> dict[str, Any]:
    """What to register; `number` is the customer's as the portal should read it, "" when withheld."""
    identified = record.identified
    is_lead = number and record.direction is not Direction.INTERNAL and people.by_extension(number) is None
    return {
        "number": number or rules.anonymous_number,
        "type": _type(record),
        "started_at": record.placed_at.isoformat(),
        "line": record.line,
        "create": bool(is_lead and rules.crm_create),
        "entity_type": identified.entity_type if identified else "",
        "entity_id": identified.entity_id if identified else None,
        "users": registered_for(record, people, rules.default_user),
    }


def _type(record: CallRecord) -> CallType:
    if record.callback:
        return CallType.CALLBACK
    return CallType.INCOMING if record.direction is Direction.INBOUND else CallType.OUTGOING


def as_registered(record: CallRecord, register: OutboxRow) -> CallRecord:
    """The call as the portal knows it.

    Where calls between employees are told, too, one that went outside later was registered as theirs: all its talks
    count.
    """
    if record.went_outside is None or register.fact_at >= record.went_outside.at.timestamp():
        return record
    talks = tuple(replace(talk, among_us=False) for talk in record.talks)
    return replace(record, talks=talks, recordings_inside=())


def finish_body(record: CallRecord, people: People, rules: Rules) -> dict[str, Any]:
    """What to write down of a call that has ended."""
    result = outcome(record)
    body = {
        "seconds": result.seconds,
        "status": result.status.value,
        "reason": result.reason[:250],
        "users": credited_to(record, people, rules.default_user, rules.credit),
    }
    if record.direction is Direction.INBOUND and not record.answered and record.identified is None:
        # It ended before the portal could say whose client this is; whoever answers for him should know of it.
        body["whose"] = record.customer_number
    return body


def failed_body(user_id: int, reason: str) -> dict[str, Any]:
    """The end of a call of this user's that could not even begin."""
    return {"seconds": 0, "status": StatusCode.SERVICE_UNAVAILABLE.value, "reason": reason[:250], "users": [user_id]}


def belonging_to(body: dict[str, Any], user_id: int | None) -> dict[str, Any]:
    """The end of a call that was found to be this user's (None: nobody's in particular)."""
    users = [user_id, *body["users"]] if user_id else body["users"]
    rest = {key: value for key, value in body.items() if key != "whose"}
    return {**rest, "users": list(dict.fromkeys(users))}


def record_body(recordings: Sequence[Recorded]) -> dict[str, Any]:
    """Which recordings to deliver: the portal keeps one file per call, so several become one, in their order."""
    first = recordings[0]
    body: dict[str, Any] = {
        "name": first.name,
        "format": first.format,
        "seconds": sum(recorded.seconds for recorded in recordings),
    }
    if len(recordings) > 1 or first.stereo:
        body["parts"] = [{"name": r.name, "format": r.format, "stereo": r.stereo} for r in recordings]
    return body


def parts_of(body: dict[str, Any]) -> tuple[Part, ...]:
    """The recordings an operation delivers."""
    return tuple(Part(**part) for part in body.get("parts", ())) or (Part(body["name"], body["format"]),)


def names_of(row: OutboxRow) -> frozenset[str]:
    """The recordings a row is about."""
    return frozenset(part.name for part in parts_of(row.body))


def todo_body(record: CallRecord, number: str, people: People, rules: Rules) -> dict[str, Any]:
    """What is to be done about a message the caller left, and by whom."""
    identified, at = record.identified, record.ended_at or record.started_at
    return {
        "title": rules.message_todo.replace("{number}", number or rules.anonymous_number),
        "users": credited_to(record, people, rules.default_user, rules.credit),
        "entity_type": identified.entity_type if identified else "",
        "entity_id": identified.entity_id if identified else None,
        "deadline": (at + timedelta(seconds=TODO_SECONDS)).isoformat(),
    }


def note_body(record: CallRecord, people: People, language: Language) -> dict[str, Any] | None:
    """What the client's history is to say about a call that was moved; None when it was not, or is of no client."""
    text = note(record, lambda extension: _name(people, extension), language)
    if text is None or record.direction is Direction.INTERNAL:
        return None
    identified = record.identified
    return {
        "text": text,
        "mark": mark(record.call_id),
        "entity_type": identified.entity_type if identified else "",
        "entity_id": identified.entity_id if identified else None,
    }


def _name(people: People, extension: str) -> str:
    person = people.by_extension(extension)
    return person.name if person is not None else ""


def register_call(call_id: str, body: dict[str, Any]) -> RegisterCall:
    """The request. Sent again it is the same one in all the portal recognises a repetition by."""
    return RegisterCall(
        user_id=body["users"][0],
        phone_number=body["number"],
        type=CallType(body["type"]),
        call_start_date=datetime.fromisoformat(body["started_at"]),
        crm_create=body["create"],
        crm_entity_type=body["entity_type"] or None,
        crm_entity_id=body["entity_id"],
        line_number=body["line"] or None,
        external_call_id=call_id,
    )


def finish_call(portal_call_id: str, body: dict[str, Any]) -> FinishCall:
    """The request."""
    return FinishCall(
        call_id=portal_call_id,
        user_id=body["users"][0],
        duration=body["seconds"],
        status_code=StatusCode(body["status"]),
        failed_reason=body["reason"] or None,
    )


def digits_only(number: str) -> str:
    """What is left of a number the portal can't read."""
    return "".join(c for c in number if c in "0123456789") or NUMBER_OF_NOBODY


def recordings_to_deliver(record: CallRecord) -> tuple[Recorded, ...]:
    """The recordings the portal should have, in their order. None while the call goes on, or one of them does."""
    if record.ended_at is None or record.recording:
        return ()
    return tuple(recorded for recorded in record.recordings if recorded.name not in record.recordings_inside)


def has_message(record: CallRecord) -> bool:
    """Whether the caller left a message that somebody has to hear; also known while the recording is not complete."""
    return any(recorded.kind is RecordingKind.MESSAGE for recorded in record.recordings)


@dataclass(slots=True)
class Told:
    """What the portal has been told of a call, or is about to be: the sum of its rows.

    `shown` are the users whose card is open, `maybe` those for whom it may be: a request whose fate is not known.
    """

    portal_call_id: str = ""
    register: OutboxRow | None = None
    finish: OutboxRow | None = None
    record: OutboxRow | None = None
    todo: OutboxRow | None = None
    note: OutboxRow | None = None
    shown: frozenset[int] = frozenset()
    maybe: frozenset[int] = frozenset()
    delivered: frozenset[str] = frozenset()
    last_seq: int = 0

    @classmethod
    def of(cls, rows: Iterable[OutboxRow]) -> Told:
        """The sum of the rows of one call."""
        told = cls()
        for row in sorted(rows, key=lambda r: r.seq):
            told.add(row)
            if row.kind == Kind.SHOW and row.state == OPEN:
                told.maybe |= set(row.body["users"])
        return told

    def add(self, row: OutboxRow) -> None:
        """Take in a row, new or changed."""
        self.last_seq = max(self.last_seq, row.seq)
        match row.kind:
            case Kind.REGISTER:
                # What it said is never said again once it is done, and a call may go on for hours.
                self.register = row if row.state == OPEN else replace(row, body={})
                self.portal_call_id = row.answer.get("call_id", "") or self.portal_call_id
            case Kind.FINISH:
                self.finish = row
            case Kind.RECORD:
                self.record = row
                if row.state != OPEN:
                    self.delivered |= names_of(row)
            case Kind.TODO:
                self.todo = row
            case Kind.NOTE:
                self.note = row
            case Kind.SHOW:
                self._shown(row)
            case Kind.HIDE if row.state in (DONE, REFUSED):
                self.shown -= set(row.body["users"])
                self.maybe -= set(row.body["users"])

    def _shown(self, row: OutboxRow) -> None:
        """What the portal refused to show counts as shown: asking again would be refused again."""
        users = frozenset(row.body["users"])
        if row.state in (DONE, REFUSED):
            self.shown |= users
            self.maybe -= users
        elif row.attempts:
            self.maybe |= users

    @property
    def is_registered(self) -> bool:
        """Whether the portal knows the call."""
        return self.register is not None and self.register.state == DONE

    @property
    def is_hopeless(self) -> bool:
        """Whether the portal will never know the call."""
        return self.register is not None and self.register.state == REFUSED

    @property
    def is_finished(self) -> bool:
        """Whether the portal has the call's end, or never will."""
        return self.finish is not None and self.finish.state != OPEN
