"""What one room asks of another, said in the asking room's words: small classes the composition root puts between."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day

from loguru import logger
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from stasis_app.ari import AriLink, LinkState
from stasis_app.ari.errors import AriError
from stasis_app.calls import Call, CallRecord, NumberPlan, Order, Tracker
from stasis_app.calls.facts import TransferKind
from stasis_app.calls.journal import Journal
from stasis_app.calls.moves import ImpossibleMove
from stasis_app.calls.moves.consultation import Happening
from stasis_app.calls.moves.order import order_next, order_transfer
from stasis_app.crm import Directory, Numbers
from stasis_app.http import (
    Component,
    HealthSource,
    NotPossibleError,
    OutboxItem,
    RecordingOrder,
    State,
    UnavailableError,
)
from stasis_app.mirror import Mirror
from stasis_app.mirror.report import LACKING, RecordingReport, recordings_between
from stasis_app.portal import ClickOrder
from stasis_app.store import OPEN, REFUSED, Store

# Seconds without the portal after which the service calls itself degraded.
_PORTAL_PATIENCE = 30.0
# Seconds a click may have been on its way, with room for clocks that differ.
_CLICK_PATIENCE = 120.0


class CallDesk:
    """Live calls for the control API, and calls ordered there or in the portal."""

    def __init__(
        self,
        tracker: Tracker,
        link: AriLink,
        mirror: Mirror,
        directory: Directory,
        numbers: Numbers,
        trunks: NumberPlan,
    ) -> None:
        self._tracker = tracker
        self._link = link
        self._mirror = mirror
        self._directory = directory
        self._numbers = numbers
        self._trunks = trunks

    def live(self) -> Sequence[CallRecord]:
        """The calls going on, oldest first."""
        return self._tracker.live()

    def get(self, call_id: str) -> CallRecord | None:
        """A live call."""
        call = self._tracker.get(call_id)
        return call.record if call else None

    def of_portal(self, portal_call_id: str) -> str:
        """The id of the live call that is this one in the portal, "" for none."""
        return self._mirror.call_of(portal_call_id)

    async def originate(
        self, extension: str, number: str, *, line: str = "", caller_id: str = "", auto_answer: bool | None = None
    ) -> str:
        """Ring the employee, then the number; the id of the call."""
        self._ready_to_call(number)
        if line and not self._trunks.knows_line(line):
            raise NotPossibleError(f"line {line!r} is neither in the plan nor in [[trunks]]: nothing goes out by it")
        if caller_id and not self._trunks.may_show(caller_id):
            raise NotPossibleError(f"caller_id {caller_id!r} is no number of [[trunks]], [[employees]] or the plan")
        employee = self._directory.by_extension(extension)
        order = Order(
            extension=extension,
            number=self.dialled(number),
            line=line,
            caller_id=caller_id,
            auto_answer=auto_answer,
            name=employee.name if employee else "",
        )
        return self._tracker.originate(order).id

    async def hang_up(self, call_id: str) -> bool:
        """End a live call; False if there is none of this id."""
        call = self._tracker.get(call_id)
        if call is None:
            return False
        await call.hang_up()
        return True

    async def record(self, call_id: str, order: RecordingOrder) -> bool:
        """Act on the recording of a live call; False if there is none of this id."""
        call = self._tracker.get(call_id)
        if call is None:
            return False
        recording = call.recording
        try:
            match order:
                case RecordingOrder.PAUSE:
                    await recording.pause()
                case RecordingOrder.RESUME:
                    await recording.resume()
                case RecordingOrder.START:
                    recording.start()
                case RecordingOrder.STOP:
                    recording.stop()
        except AriError as error:
            raise UnavailableError(f"Asterisk did not do it: {error}") from error
        return True

    async def transfer(self, call_id: str, to: str, kind: TransferKind, extension: str) -> bool:
        """Move a live call; False if there is none of this id."""
        call = self._movable(call_id)
        if call is not None:
            with _told_why_not():
                await order_transfer(call, self._destination(to), kind, extension)
        return call is not None

    async def go_on_with_transfer(self, call_id: str, what: str) -> bool:
        """Complete, cancel or swap an attended transfer, or make it a conference; False without a call."""
        call = self._movable(call_id)
        if call is not None:
            with _told_why_not():
                order_next(call, Happening(what))
        return call is not None

    def _movable(self, call_id: str) -> Call | None:
        call = self._tracker.get(call_id)
        if call is None or call.state.ended:
            return None
        if self._link.state is not LinkState.CONNECTED:
            raise UnavailableError("Asterisk is out of reach; try again when the link is up")
        return call

    def _destination(self, to: str) -> str:
        """An outside number may be written for people; short numbers and names of elements stay as they are."""
        digits = sum(c.isdigit() for c in to)
        return self.dialled(to) if digits > 6 and not any(c.isalpha() for c in to) else to

    async def click_to_call(self, order: ClickOrder) -> None:
        """Ring the employee who clicked, then the number; the portal has registered the call already."""
        employee = self._directory.by_user(order.user_id)
        try:
            if employee is None or not (employee.extension or employee.mobile):
                raise NotPossibleError(f"user {order.user_id} has neither an extension nor a mobile")
            if (age := order.age(time.time())) > _CLICK_PATIENCE:
                raise NotPossibleError(f"the click came {age:.0f} s late: nobody waits for the call any more")
            self._ready_to_call(order.number)
        except (NotPossibleError, UnavailableError) as error:
            logger.warning("A call ordered in the portal can't be made: {}", error)
            self._mirror.came_to_nothing(self._tracker.new_id(), order.portal_call_id, order.user_id, str(error))
            return
        if order.line and not self._trunks.knows_line(order.line):
            logger.info("Line {} chosen in the portal says nothing about how a call goes out", order.line)
        ordered = Order(
            extension=employee.extension,
            number=self.dialled(order.number),
            line=order.line,
            mobile="" if employee.extension else self.dialled(employee.mobile),
            name=employee.name,
        )
        call = self._tracker.originate(ordered)
        self._mirror.registered_by_portal(call.id, order.portal_call_id, order.user_id)

    def _ready_to_call(self, number: str) -> None:
        if self._link.state is not LinkState.CONNECTED:
            raise UnavailableError("Asterisk is out of reach; try again when the link is up")
        if not any(c.isdigit() for c in number):
            raise NotPossibleError("the number has no digits")

    def dialled(self, number: str) -> str:
        """A number as the trunk takes it: digits, and the + of an international one if it was given."""
        known = self._numbers.read(number)
        return known.e164 or "".join(c for c in number if c.isdigit() or c in "*#")


class RecordingsView:
    """What became of recordings, for the control API and the command line."""

    def __init__(self, journal: Journal, store: Store, *, internal_calls: bool) -> None:
        self._journal = journal
        self._store = store
        self._internal_calls = internal_calls

    async def of_day(self, day: date | None, *, missing: bool) -> Sequence[RecordingReport]:
        """Those of the ended calls that began on a day of this machine's zone; with `missing`, those it lacks."""
        begins = datetime.combine(day or datetime.now().astimezone().date(), time_of_day.min).astimezone()
        found = await recordings_between(
            self._journal,
            self._store.outbox,
            begins,
            begins + timedelta(days=1),
            internal_calls=self._internal_calls,
        )
        return [report for report in found if report.state in LACKING] if missing else found

    async def tell_daily(self) -> None:
        """For ever: once a day, say in the log what the portal lacks of the day before."""
        while True:
            now = datetime.now().astimezone()
            tomorrow = datetime.combine(now.date() + timedelta(days=1), time_of_day(0, 10)).astimezone()
            await asyncio.sleep((tomorrow - now).total_seconds())
            await self.tell(now.date())

    async def tell(self, day: date) -> None:
        """Say in the log what the portal lacks of a day."""
        try:
            lacking = await self.of_day(day, missing=True)
        except Exception as error:
            logger.warning("The recordings of {} can't be looked up: {}", day, type(error).__name__)
            return
        if lacking:
            names = ", ".join(f"{report.name} ({report.state})" for report in lacking[:20])
            logger.error("{} recordings of {} are not in the portal: {}", len(lacking), day, names)
        else:
            logger.info("All recordings of {} are in the portal", day)


@contextlib.contextmanager
def _told_why_not() -> Iterator[None]:
    try:
        yield
    except ImpossibleMove as error:
        raise NotPossibleError(str(error)) from None


class OutboxView:
    """The outbox for the control API."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def items(self, limit: int) -> Sequence[OutboxItem]:
        """What the portal has not accepted yet or refused for good, newest first."""
        rows = await self._store.outbox.listing((OPEN, REFUSED), limit=limit)
        return [
            OutboxItem(
                id=f"{row.call_id}/{row.seq}",
                call_id=row.call_id,
                operation=row.kind,
                state=row.state,
                attempts=row.attempts,
                created_at=datetime.fromtimestamp(row.opened_at, UTC),
                error=row.reason,
            )
            for row in rows
        ]

    async def waiting_count(self) -> int:
        """How many operations wait."""
        return (await self._store.outbox.summary()).counts.get(OPEN, 0)


def health_sources(link: AriLink, store: Store, mirror: Mirror, directory: Directory) -> list[HealthSource]:
    """How the components do. Calls can be served without the portal and without the disk, not without Asterisk."""

    async def asterisk() -> Component:
        well = link.state is LinkState.CONNECTED
        return Component("asterisk", State.OK if well else State.DOWN, f"link {link.state}", essential=True)

    async def storage() -> Component:
        return Component("storage", State.OK if store.healthy else State.DEGRADED, store.last_error)

    async def portal() -> Component:
        state = mirror.state
        away = state.portal_down_for is not None and state.portal_down_for > _PORTAL_PATIENCE
        detail = f"away for {state.portal_down_for:.0f} s: {state.last_error}" if state.portal_down_for else ""
        return Component("portal", State.DEGRADED if away else State.OK, detail)

    async def employees() -> Component:
        known = State.OK if directory.ready else State.DEGRADED
        return Component("employees", known, "" if directory.ready else "the portal has not told them yet: no cards")

    return [
        HealthSource("asterisk", asterisk, essential=True),
        HealthSource("storage", storage),
        HealthSource("portal", portal),
        HealthSource("employees", employees),
    ]


class Figures:
    """Figures of the wire, the calls and the mirror, beside those of the control API."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self.portal_effect = Histogram(
            "stasis_portal_effect_seconds",
            "From a fact to its effect at the portal",
            ["operation"],
            buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15, 60, 600, 3600),
            registry=registry,
        )
        self.connections = self._gauge("stasis_ari_connections", "Connections made to Asterisk since the start")
        self.resync = self._gauge(
            "stasis_ari_resync_seconds", "From the last connection to Asterisk until every call was compared with it"
        )
        self.adopted = self._gauge("stasis_calls_adopted", "Calls of before this start that were found and go on")
        self.waiting = self._gauge("stasis_portal_calls_waiting", "Calls with something the portal was not told yet")
        self.stray = self._gauge("stasis_ari_events_stray", "Events that belonged to no call")
        self.lost = self._gauge("stasis_storage_lost", "Pieces of work the database refused or there was no room for")
        self.unreadable = Counter(
            "stasis_ari_events_unreadable", "Events of a kind or shape nobody here knows", registry=registry
        )

    def observe_effect(self, kind: str, seconds: float) -> None:
        """An operation took effect at the portal."""
        self.portal_effect.labels(kind).observe(max(0.0, seconds))

    def watch(self, link: AriLink, tracker: Tracker, mirror: Mirror, store: Store) -> None:
        """Read these whenever the figures are asked for."""
        self.connections.set_function(lambda: link.connections)
        self.resync.set_function(lambda: link.resync_seconds)
        self.adopted.set_function(lambda: tracker.adopted)
        self.waiting.set_function(lambda: mirror.state.waiting)
        self.stray.set_function(tracker.stray.total)
        self.lost.set_function(lambda: store.writer.lost + store.writer.rejected)
        link.incoming.on_unreadable = self.unreadable.inc

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, registry=self._registry)
