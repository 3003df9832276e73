"""A small world for the API: a call book, a journal, a controller that remembers, a feed that can be fed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from pydantic import SecretStr

from stasis_app.calls import facts as f
from stasis_app.calls.facts import Direction, EndedBy, Party, PartyKind, TransferKind
from stasis_app.calls.moves.supervision import Mode
from stasis_app.calls.record import CallRecord, after, begin
from stasis_app.crm import Extensions
from stasis_app.http import (
    ApiDependencies,
    Component,
    HealthSource,
    Listener,
    OutboxItem,
    PastCalls,
    RecordingOrder,
    State,
)
from stasis_app.mirror.report import RecordingReport
from stasis_app.settings import HttpSettings

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
TOKEN = "a-token-for-the-tests"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
ANNA = Party(PartyKind.EMPLOYEE, "101", "Anna Orlova")


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def call_of(call_id: str, *, number: str = "+79161234567", name: str = "", started: float = 0) -> list[f.Fact]:
    """The facts of an incoming call that Anna answers and the customer ends."""
    customer = Party(PartyKind.CUSTOMER, number, name)
    when = {"call_id": call_id}
    return [
        f.Started(
            **when, at=at(started), direction=Direction.INBOUND, caller=customer, line="74951230000", channel="c"
        ),
        f.Visited(**when, at=at(started + 1), element="sales", kind="ring", why="pressed 2"),
        f.Dialled(**when, at=at(started + 1), leg="l1", party=ANNA),
        f.Ringing(**when, at=at(started + 2), leg="l1", party=ANNA),
        f.Answered(**when, at=at(started + 5), leg="l1", party=ANNA),
        f.Joined(**when, at=at(started + 5), leg="c", party=customer, bridge="b"),
        f.Joined(**when, at=at(started + 5), leg="l1", party=ANNA, bridge="b"),
        f.Ended(**when, at=at(started + 65), by=EndedBy.CUSTOMER, cause=16),
    ]


def record_of(facts: list[f.Fact]) -> CallRecord:
    first, *rest = facts
    assert isinstance(first, f.Started)
    record = begin(first)
    for fact in rest:
        record = after(record, fact)
    return record


class World:
    """Everything the API sees."""

    def __init__(self) -> None:
        self.book: dict[str, CallRecord] = {}
        self.in_portal: dict[str, str] = {}
        self.ended: list[CallRecord] = []
        self.stories: dict[str, list[f.Fact]] = {}
        self.asked: list[PastCalls] = []
        self.originated: list[tuple[str, str]] = []
        self.wishes: list[dict[str, object]] = []
        self.hung_up: list[str] = []
        self.recorded: list[tuple[str, RecordingOrder]] = []
        self.days: list[tuple[date | None, bool]] = []
        self.reports: list[RecordingReport] = []
        self.transferred: list[tuple[str, ...]] = []
        self.waiting: list[OutboxItem] = []
        self.listeners: list[Listener] = []
        self.trouble: Exception | None = None
        self.moves = Moves()
        self.extensions = Extensions(Values())
        self.components: dict[str, Component] = {"asterisk": Component("asterisk", State.OK, "", True)}

    # CallBook and JournalReader

    def live(self) -> list[CallRecord]:
        return list(self.book.values())

    def of_portal(self, portal_call_id: str) -> str:
        return self.in_portal.get(portal_call_id, "")

    async def past(self, query: PastCalls) -> list[CallRecord]:
        self.asked.append(query)
        older = [r for r in self.ended if query.before is None or (r.started_at, r.call_id) < query.before]
        return sorted(older, key=lambda r: (r.started_at, r.call_id), reverse=True)[: query.limit]

    async def facts(self, call_id: str) -> list[f.Fact]:
        return self.stories.get(call_id, [])

    # Controller

    async def originate(self, extension: str, number: str, **wishes: object) -> str:
        if self.trouble:
            raise self.trouble
        self.originated.append((extension, number))
        self.wishes.append(wishes)
        return "new/call 1"

    async def hang_up(self, call_id: str) -> bool:
        self.hung_up.append(call_id)
        return call_id in self.book

    async def record(self, call_id: str, order: RecordingOrder) -> bool:
        if self.trouble:
            raise self.trouble
        self.recorded.append((call_id, order))
        return call_id in self.book

    # RecordingsReader

    async def of_day(self, day: date | None, *, missing: bool) -> list[RecordingReport]:
        self.days.append((day, missing))
        return self.reports

    async def transfer(self, call_id: str, to: str, kind: TransferKind, extension: str) -> bool:
        if self.trouble:
            raise self.trouble
        self.transferred.append((call_id, to, str(kind), extension))
        return call_id in self.book

    async def go_on_with_transfer(self, call_id: str, what: str) -> bool:
        self.transferred.append((call_id, what))
        return call_id in self.book

    # OutboxReader, FactFeed, health

    async def items(self, limit: int) -> list[OutboxItem]:
        return self.waiting[:limit]

    async def waiting_count(self) -> int:
        return len(self.waiting)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def tell(self, *facts: f.Fact) -> None:
        """Let facts happen."""
        for fact in facts:
            known = self.book.get(fact.call_id)
            record = begin(fact) if isinstance(fact, f.Started) else after(known, fact)
            self.book[fact.call_id] = record
            if isinstance(fact, f.Ended):
                del self.book[fact.call_id]
            for listener in list(self.listeners):
                listener(fact, record)

    def source(self, name: str, *, essential: bool = False) -> HealthSource:
        async def ask() -> Component:
            return self.components[name]

        return HealthSource(name, ask, essential)


class Book:
    """`get` of the call book is sync, that of the journal async: two faces of one world."""

    def __init__(self, world: World) -> None:
        self.live = world.live
        self.of_portal = world.of_portal
        self._world = world

    def get(self, call_id: str) -> CallRecord | None:
        return self._world.book.get(call_id)


class Moves:
    """Remembers what was ordered; `refused` is raised instead."""

    def __init__(self) -> None:
        self.ordered: list[tuple[object, ...]] = []
        self.refused: Exception | None = None

    async def change(self, call_id: str, participant: str, *, held: bool | None, muted: bool | None) -> None:
        self._order("change", call_id, participant, held, muted)

    async def send_dtmf(self, call_id: str, participant: str, digits: str) -> None:
        self._order("send_dtmf", call_id, participant, digits)

    async def invite(self, call_id: str, to: str) -> str:
        self._order("invite", call_id, to)
        return "leg-7"

    async def dismiss(self, call_id: str, participant: str) -> None:
        self._order("dismiss", call_id, participant)

    async def park(self, call_id: str, participant: str, slot: str) -> f.Parked:
        self._order("park", call_id, participant, slot)
        return f.Parked(call_id=call_id, at=NOON, leg="leg-1", party=ANNA, slot=slot or "701", until=at(60))

    async def pick_up(self, call_id: str, extension: str) -> None:
        self._order("pick_up", call_id, extension)

    async def supervise(self, call_id: str, extension: str, mode: Mode) -> None:
        self._order("supervise", call_id, extension, mode)

    async def stop_supervising(self, call_id: str, extension: str) -> None:
        self._order("stop_supervising", call_id, extension)

    def _order(self, *order: object) -> None:
        if self.refused:
            raise self.refused
        self.ordered.append(order)


class Values:
    """A disk for small things."""

    def __init__(self) -> None:
        self.kept: dict[str, object] = {}

    async def get(self, name: str) -> object:
        return self.kept.get(name)

    async def set(self, name: str, value: object) -> bool:
        self.kept[name] = value
        return True


class Journal:
    def __init__(self, world: World) -> None:
        self.past, self.facts = world.past, world.facts
        self._world = world

    async def get(self, call_id: str) -> CallRecord | None:
        return next((r for r in self._world.ended if r.call_id == call_id), None)


def dependencies(
    world: World, *sources: HealthSource, tokens: tuple[str, ...] = (TOKEN,), supervisors: tuple[str, ...] = ()
) -> ApiDependencies:
    return ApiDependencies(
        settings=HttpSettings(
            tokens=[SecretStr(token) for token in tokens],
            supervisor_tokens=[SecretStr(token) for token in supervisors],
        ),
        calls=Book(world),
        journal=Journal(world),
        control=world,
        moves=world.moves,
        extensions=world.extensions,
        outbox=world,
        recordings=world,
        facts=world,
        health=sources or (world.source("asterisk", essential=True),),
    )
