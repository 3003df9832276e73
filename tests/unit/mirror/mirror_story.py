"""Calls told fact by fact, and a portal and an outbox that remember what they were told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from b24client import B24Error, FinishCall, RegisterCall
from stasis_app.calls import facts as f
from stasis_app.calls.facts import (
    Direction,
    EndedBy,
    Party,
    PartyKind,
    RecordingKind,
    TransferKind,
    TransferResult,
    Unanswered,
)
from stasis_app.calls.record import CallRecord, after, begin
from stasis_app.mirror.portal_calls import Change, Note, Opening, Registered, Reminder
from stasis_app.store import OPEN, OutboxRow

BEGAN = datetime(2026, 3, 10, 11, 19, 38, tzinfo=UTC)
CLIENT = "+79161234567"
ANNA, BORIS, VERA = "101", "102", "103"
OFFICE = {ANNA: 11, BORIS: 12, VERA: 13}


@dataclass(frozen=True)
class Colleague:
    user_id: int
    name: str = ""
    active: bool = True


class Office:
    """Who works here: extension to user id."""

    def __init__(self, users: dict[str, int] | None = None) -> None:
        self.users = dict(OFFICE if users is None else users)
        self.names: dict[str, str] = {}

    def by_extension(self, extension: str) -> Colleague | None:
        if extension not in self.users:
            return None
        return Colleague(self.users[extension], self.names.get(extension, ""))

    @property
    def employees(self) -> Sequence[Colleague]:
        return [Colleague(user) for user in sorted(set(self.users.values()))]


class Story:
    """A call that happens: each method is something that happens to it, told to `listener`."""

    def __init__(self, listener: Callable[[CallRecord, f.Fact], None], call_id: str = "1773130778.1") -> None:
        self.call_id = call_id
        self.listener = listener
        self.now = BEGAN
        self.record: CallRecord | None = None
        self.last: f.Fact | None = None

    def wait(self, seconds: float) -> Story:
        self.now += timedelta(seconds=seconds)
        return self

    def comes_in(self, number: str = CLIENT, line: str = "74951230000") -> Story:
        return self._start(Direction.INBOUND, Party(PartyKind.CUSTOMER, number), line=line)

    def is_dialled_by(self, extension: str, number: str = CLIENT) -> Story:
        return self._start(Direction.OUTBOUND, Party(PartyKind.EMPLOYEE, extension), dialled=number, line="74951230000")

    def is_internal(self, extension: str, other: str) -> Story:
        return self._start(Direction.INTERNAL, Party(PartyKind.EMPLOYEE, extension), dialled=other)

    def known_as(self, entity_id: int, user_id: int | None) -> Story:
        return self.tell(f.Identified(**self._at, entity_type="CONTACT", entity_id=entity_id, user_id=user_id))

    def rings(self, *who: str) -> Story:
        for each in who:
            self.tell(f.Dialled(**self._leg(each))).tell(f.Ringing(**self._leg(each)))
        return self

    def answers(self, who: str) -> Story:
        return self.tell(f.Answered(**self._leg(who)))

    def talks(self, who: str) -> Story:
        """Who answered is joined with the caller."""
        assert self.record is not None
        caller = self.record.caller
        self.tell(f.Joined(**self._at, leg="caller", party=caller, bridge="b"))
        return self.tell(f.Joined(**self._leg(who), bridge="b"))

    def gives_up(self, who: str, why: Unanswered, cause: int = 0, tech_cause: int | None = None) -> Story:
        return self.tell(f.NotAnswered(**self._leg(who), why=why, cause=cause, tech_cause=tech_cause))

    def transfers(self, who: str, to: str, kind: TransferKind = TransferKind.BLIND) -> Story:
        return self.tell(f.TransferStarted(**self._leg(who), kind=kind, to=to))

    def transfer_ends(self, who: str, to: str, result: TransferResult, taken_by: str = "") -> Story:
        taker = Party(PartyKind.EMPLOYEE, taken_by) if taken_by else None
        return self.tell(f.TransferEnded(**self._leg(who), to=to, result=result, to_party=taker))

    def leaves(self, who: str) -> Story:
        return self.tell(f.Left(**self._leg(who), bridge="b")).tell(f.LegEnded(**self._leg(who), cause=16))

    def is_recorded(self, name: str = "talk", seconds: int = 7, **more: Any) -> Story:
        return self.tell(f.Recorded(**self._at, name=name, format="wav", seconds=seconds, **more))

    def leaves_message(self, name: str = "1.0-m1", seconds: int = 12) -> Story:
        return self.is_recorded(name, seconds, kind=RecordingKind.MESSAGE)

    def ends(self, by: EndedBy = EndedBy.CUSTOMER, cause: int = 16, tech_cause: int | None = None) -> Story:
        return self.tell(f.Ended(**self._at, by=by, cause=cause, tech_cause=tech_cause))

    def tell(self, fact: f.Fact) -> Story:
        assert self.record is not None
        self.record, self.last = after(self.record, fact), fact
        self.listener(self.record, fact)
        return self

    def _start(self, direction: Direction, caller: Party, **more: str) -> Story:
        fact = f.Started(**self._at, direction=direction, caller=caller, **more)
        self.record, self.last = begin(fact), fact
        self.listener(self.record, fact)
        return self

    @property
    def _at(self) -> dict:
        return {"call_id": self.call_id, "at": self.now}

    def _leg(self, who: str) -> dict:
        kind = PartyKind.EMPLOYEE if len(who) <= 4 else PartyKind.CUSTOMER
        return {**self._at, "leg": f"leg-{who}", "party": Party(kind, who)}


def told(happens: Callable[[Story], object]) -> CallRecord:
    """The record of a call to which this happens."""
    story = Story(lambda record, fact: None)
    happens(story)
    assert story.record is not None
    return story.record


@dataclass
class ListeningPortal:
    """Remembers what it is told: `said` are short lines in order. `trouble`: errors to raise, one by one, by kind.

    `client`: the entity it takes for whose number a call is of, `makes_leads`: it made it just then.
    A note is written down even if its answer is trouble.
    """

    said: list[str] = field(default_factory=list)
    registered: list[RegisterCall] = field(default_factory=list)
    finished: list[FinishCall] = field(default_factory=list)
    attached: list[str] = field(default_factory=list)
    reminders: list[Reminder] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    client: tuple[str, int] = ("", 0)
    makes_leads: bool = False
    trouble: dict[str, list[B24Error]] = field(default_factory=dict)
    slow: asyncio.Event | None = None
    is_crowded: bool = False
    takes_the_same_two_for_one_call: bool = False
    heard: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def hears(self, what: str) -> None:
        """Wait until it was told this."""
        async with asyncio.timeout(5), self.heard:
            await self.heard.wait_for(lambda: what in self.said)

    async def register(
        self, call: RegisterCall, opening: Callable[[], Opening | None], *, live: bool, since: float
    ) -> Registered | None:
        if (first := opening()) is None:
            return None
        await self._hear(f"register for {call.user_id}" + (f", show {_ids(first.show)}" if first.show else ""))
        self._fail("register")
        self.registered.append(call)
        call_id = self._names(call)
        if first.finish is None:
            return Registered(call_id, bool(first.show), False, None, *self.client, created_lead=self.makes_leads)
        await self._hear(_ending(first.finish))
        if failure := self._fails("finish"):
            return Registered(call_id, failure=failure)
        self.finished.append(first.finish.model_copy(update={"call_id": call_id}))
        return Registered(call_id, False, True, None, *self.client, created_lead=self.makes_leads)

    async def cards(self, call_id: str, expected: Change, change: Callable[[], Change | None], *, since: float) -> bool:
        now = change()
        if now is None:
            return False
        parts = [f"{name} {_ids(users)}" for name, users in (("hide", now.hide), ("show", now.show)) if users]
        await self._hear(", ".join(parts))
        self._fail("cards")
        return True

    async def finish(self, call: FinishCall, *, since: float) -> None:
        await self._hear(_ending(call))
        self._fail("finish")
        self.finished.append(call)

    async def attach(self, call_id: str, filename: str, path: Path) -> None:
        await self._hear(f"attach {filename}")
        self._fail("attach")
        self.attached.append(filename)

    async def attach_url(self, call_id: str, url: str) -> None:
        await self._hear(f"attach {url}")
        self._fail("attach")
        self.attached.append(url)

    async def remind(self, reminder: Reminder) -> None:
        await self._hear(f"remind {reminder.user_id}: {reminder.title}")
        self._fail("remind")
        self.reminders.append(reminder)

    async def is_reminded(self, reminder: Reminder) -> bool:
        await self._hear("look whether he is reminded")
        return reminder in self.reminders

    async def note(self, note: Note) -> None:
        await self._hear(f"note on {note.entity[0]} {note.entity[1]}")
        self.notes.append(note)
        self._fail("note")

    async def is_noted(self, note: Note) -> bool:
        await self._hear("look whether it is noted")
        return note in self.notes

    async def finished_before(self, external_call_id: str) -> str:
        await self._hear("look in the statistics")
        return self._found(lambda call: call.call_id == f"portal-{external_call_id}")

    async def is_finished(self, call_id: str) -> bool:
        await self._hear("look whether it is finished")
        return bool(self._found(lambda call: call.call_id == call_id))

    def _names(self, call: RegisterCall) -> str:
        """The id of the call; of one that goes on between the same two, if it is one of those portals."""
        if not self.takes_the_same_two_for_one_call:
            return f"portal-{call.external_call_id}"
        over = {finished.call_id for finished in self.finished}
        pair = f"portal-{call.user_id}-{call.phone_number}"
        return next(name for number in range(99) if (name := f"{pair}-{number}") not in over)

    def _found(self, is_it: Callable[[FinishCall], bool]) -> str:
        return next((call.call_id for call in self.finished if is_it(call)), "")

    async def _hear(self, what: str) -> None:
        async with self.heard:
            self.said.append(what)
            self.heard.notify_all()
        if self.slow is not None:
            await self.slow.wait()

    def _fail(self, kind: str) -> None:
        if error := self._fails(kind):
            raise error

    def _fails(self, kind: str) -> B24Error | None:
        return self.trouble[kind].pop(0) if self.trouble.get(kind) else None


class MemoryOutbox:
    """An outbox that outlives the mirror."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, int], OutboxRow] = {}
        self.takes = True

    def submit(self, *rows: OutboxRow, urgent: bool = True) -> asyncio.Future[bool]:
        self.post(*rows)
        written = asyncio.get_running_loop().create_future()
        written.set_result(True)
        return written

    def post(self, *rows: OutboxRow) -> None:
        self.rows.update({(row.call_id, row.seq): row for row in rows})

    async def unfinished(self, since: float) -> list[str]:
        calls = {row.call_id for row in self.rows.values()}
        return [call_id for call_id in sorted(calls) if self._is_unfinished(call_id)]

    async def of_calls(self, call_ids: Sequence[str]) -> dict[str, list[OutboxRow]]:
        return {call_id: await self.of_call(call_id) for call_id in call_ids}

    async def settle(self) -> bool:
        return self.takes

    async def of_call(self, call_id: str) -> list[OutboxRow]:
        return sorted((row for row in self.rows.values() if row.call_id == call_id), key=lambda row: row.seq)

    def states(self, kind: str = "") -> list[str]:
        return [row.state for row in self.rows.values() if not kind or row.kind == kind]

    def age(self, seconds: float) -> None:
        """Everything in it happened longer ago."""
        self.rows = {key: replace(row, opened_at=row.opened_at - seconds) for key, row in self.rows.items()}

    def _is_unfinished(self, call_id: str) -> bool:
        rows = [row for row in self.rows.values() if row.call_id == call_id]
        return any(row.state == OPEN for row in rows) or not any(row.kind == "finish" for row in rows)


def _ending(call: FinishCall) -> str:
    return f"finish {call.user_id} {call.status_code.value} {call.duration}s"


def _ids(users: Collection[int]) -> str:
    return "+".join(str(user) for user in sorted(users))
