"""What has to be said of a call is noted in the outbox, whether it can be said now or not."""

from __future__ import annotations

from stasis_app.calls.record import CallRecord
from stasis_app.mirror import operations as ops
from stasis_app.mirror.operations import Kind
from stasis_app.mirror.subject import Subject
from stasis_app.store import DROPPED, OPEN, REFUSED


def open_register(subject: Subject) -> None:
    """Note that the call has to be registered."""
    record, shared = subject.record, subject.shared
    assert record is not None
    number = shared.spell(record.customer_number)
    body = ops.register_body(record, number, shared.people, shared.rules)
    subject.entries.open(Kind.REGISTER, record.placed_at.timestamp(), body)


def open_final(subject: Subject) -> None:
    """Note the end of a call that is over and all that follows from it, whatever else is still on its way."""
    record, shared, told = subject.record, subject.shared, subject.told
    if record is None or record.ended_at is None or not subject.is_mirrored or told.is_hopeless:
        return
    ended_at = record.ended_at.timestamp()
    if told.register is None:
        open_register(subject)
    assert told.register is not None
    record = ops.as_registered(record, told.register)
    if told.finish is None:
        subject.entries.open(Kind.FINISH, ended_at, ops.finish_body(record, shared.people, shared.rules))
    _open_recordings(subject, record)
    if ops.has_message(record) and told.todo is None and shared.rules.message_todo:
        number = shared.spell(record.customer_number)
        subject.entries.open(Kind.TODO, ended_at, ops.todo_body(record, number, shared.people, shared.rules))
    if shared.rules.notes is not None and told.note is None:
        note = ops.note_body(record, shared.people, shared.rules.notes)
        if note is not None:
            subject.entries.open(Kind.NOTE, ended_at, note)


def _open_recordings(subject: Subject, record: CallRecord) -> None:
    recordings = ops.recordings_to_deliver(record)
    names = frozenset(recorded.name for recorded in recordings)
    if names <= subject.told.delivered:
        return
    waiting = subject.told.record
    if waiting is not None and waiting.state == OPEN:
        if ops.names_of(waiting) == names:
            return
        subject.entries.close(waiting, DROPPED, "more was recorded of the call")
    subject.entries.open(Kind.RECORD, recordings[-1].at.timestamp(), ops.record_body(recordings))


def close_rest(subject: Subject, reason: str) -> None:
    """What depended on something that will never be is refused, too."""
    told = subject.told
    subject.entries.drop_cards()
    for row in (told.finish, told.record, told.todo, told.note):
        if row is not None and row.state == OPEN:
            subject.entries.close(row, REFUSED, reason)
