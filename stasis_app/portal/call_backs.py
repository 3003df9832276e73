"""Calling back who filled in a callback form of the CRM: an employee's phone first, then the customer.

The responsible of the form's CRM entity is called first, then the extensions of an element of the plan, then the
portal's default user. Whose phone is not free is passed over; when nobody takes it, all are asked again a little later.
A form nobody could be called for is left in the CRM as a callback that failed, so that it is seen. A wish is on disk
before anybody is called, with the call that is made for it: after a restart it goes on where it stood.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from loguru import logger

from b24client import (
    B24Error,
    BadReply,
    CallType,
    FinishCall,
    Portal,
    Priority,
    RegisterCall,
    StatusCode,
    Temporary,
    UnknownOutcome,
    retrying,
)
from stasis_app.calls import Call, CallRecord, Order, Target
from stasis_app.calls.facts import Identified, PartyKind
from stasis_app.crm import Directory, Employee
from stasis_app.flow import Colleagues
from stasis_app.flow.forwarding import Way, tell_of
from stasis_app.portal.needs import CallBackOrder
from stasis_app.portal.wishes import Wish, WishBook
from stasis_app.settings import CallbackSettings

AGAIN = 60.0
"""Seconds in which the same number asked for again is the same wish: an event delivered twice, an impatient visitor."""
T = TypeVar("T")
R = TypeVar("R")
_CRM_PATIENCE = 10.0
_TRIES = 12  # of telling a portal that is away, with pauses growing to a minute


class Places(Protocol):
    """Places calls (`stasis_app.calls.Tracker`)."""

    def new_id(self) -> str: ...

    def originate(self, order: Order, call_id: str) -> Call: ...

    def get(self, call_id: str) -> Call | None: ...


class _Assigned(Protocol):
    @property
    def assigned_by_id(self) -> int | None: ...


class _Get(Protocol):
    async def __call__(self, id: int, /, *, priority: Priority, timeout: float | None) -> _Assigned: ...  # noqa: A002


@dataclass(frozen=True, slots=True)
class CallBackDesk:
    """What calling back needs of the rest.

    Args:
        places: places calls.
        connected: waits until Asterisk can be asked for one.
        dialled: a number as the trunk takes it.
        record_of: what became of a call that is over.
    """

    places: Places
    connected: Callable[[], Awaitable[None]]
    dialled: Callable[[str], str]
    record_of: Callable[[str], Awaitable[CallRecord | None]]


class CallBacks:
    """Every wish to be called back that is not done.

    Args:
        desk: places the calls.
        book: where wishes are kept.
        portal: asked who is responsible, and told of forms nobody could be called for.
        directory: the employees.
        colleagues: whom ringing one of them rings.
        rules: the configuration ([callbacks]).
        extensions: of the element in the configuration.
        default_user: who answers for what nobody answers for.
    """

    def __init__(
        self,
        desk: CallBackDesk,
        book: WishBook,
        portal: Portal,
        directory: Directory,
        colleagues: Colleagues,
        rules: CallbackSettings,
        extensions: Sequence[str] = (),
        default_user: int | None = None,
    ) -> None:
        self._desk = desk
        self._book = book
        self._portal = portal
        self._directory = directory
        self._colleagues = colleagues
        self._rules = rules
        self._extensions = extensions
        self._default_user = default_user
        self._wishes: dict[str, asyncio.Task[None]] = {}
        self._taken_at: dict[str, float] = {}

    def take(self, order: CallBackOrder) -> None:
        """See to it that the customer is called; returns at once. A wish that is under way already is not doubled."""
        number, now = self._desk.dialled(order.number), time.monotonic()
        self._taken_at = {known: at for known, at in self._taken_at.items() if now - at < AGAIN}
        if number in self._wishes or number in self._taken_at:
            logger.info("This customer is being called back already")
            return
        self._taken_at[number] = now
        ordered_at = order.ordered_at if order.ordered_at is not None else time.time()
        self._begin(Wish(number, replace(order, ordered_at=ordered_at)))

    def take_up(self, wishes: Sequence[Wish]) -> None:
        """Go on with the wishes from before a restart."""
        for wish in wishes:
            if wish.number not in self._wishes:
                self._begin(wish)

    def _begin(self, wish: Wish) -> None:
        self._wishes[wish.number] = task = asyncio.create_task(self._guarded(wish))
        task.add_done_callback(lambda _: self._wishes.pop(wish.number, None))

    async def settled(self) -> None:
        """Wait until nothing is under way."""
        await asyncio.gather(*self._wishes.values(), return_exceptions=True)

    async def aclose(self) -> None:
        """Look for nobody any more; calls that were begun go on, and so do the wishes after a restart."""
        for task in self._wishes.values():
            task.cancel()
        await self.settled()

    async def _guarded(self, wish: Wish) -> None:
        try:
            why = await self._call_back(await self._book.keep(wish))
            if why:
                logger.warning("A customer could not be called back: {}", why)
                await self._leave_in_crm(wish, why)
        except B24Error as error:
            logger.error("A callback that could not be made is not in the CRM either: {}", error)
        except Exception:
            logger.exception("Calling back failed unexpectedly")
        await self._book.forget(wish)

    async def _call_back(self, wish: Wish) -> str:
        """Call him; why that was not possible, "" when his phone was rung or the CRM has a call that tells the rest."""
        if wish.call_id and await self._was_reached(wish.call_id):
            return ""
        age = max(0.0, time.time() - (wish.order.ordered_at or 0.0))
        left = self._rules.patience - age
        if left <= 0:
            return "" if wish.tried else f"the form came {age:.0f} s late"
        try:
            async with asyncio.timeout(left):
                await self._desk.connected()
        except TimeoutError:
            return "" if wish.tried else "Asterisk is out of reach"
        responsible = await self._responsible(wish.order)
        while wish.rounds < self._rules.attempts:
            if wish.rounds:
                await asyncio.sleep(self._rules.pause)
            async for way in self._free(responsible):
                wish, reached = await self._reaches_customer(wish, way)
                if reached:
                    return ""
            wish = await self._book.keep(wish, rounds=wish.rounds + 1, call_id="")
        return "" if wish.tried else "no employee's phone was free"

    async def _was_reached(self, call_id: str) -> bool:
        """Whether the customer's phone was rung by a call from before the restart, which may go on."""
        await self._desk.connected()
        call = self._desk.places.get(call_id)
        if call is not None:
            await call.wait(lambda: call.state.ended or _customer_rung(call.record), None)
        record = call.record if call else await self._desk.record_of(call_id)
        return record is not None and _customer_rung(record)

    async def _reaches_customer(self, wish: Wish, way: Way) -> tuple[Wish, bool]:
        """Ring the employee; whether the customer's phone was rung then."""
        order, employee = wish.order, way.end
        # On disk before the phone rings: killed between the two, it would be rung once more.
        wish = await self._book.keep(wish, tried=True, call_id=self._desk.places.new_id())
        call = self._desk.places.originate(
            Order(
                extension=employee.party.number,
                mobile=employee.outside_number,
                name=employee.party.name,
                number=wish.number,
                line=order.line,
                callback=True,
            ),
            wish.call_id,
        )
        tell_of(call, way.hops)
        if order.entity_type in ("LEAD", "CONTACT", "COMPANY") and order.entity_id is not None:
            about = Identified(
                call_id=call.id, at=datetime.now(UTC), entity_type=order.entity_type, entity_id=order.entity_id
            )
            call.identify(about)
        await call.wait(lambda: call.state.ended or _customer_rung(call.record), None)
        return wish, _customer_rung(call.record)

    async def _free(self, responsible: Employee | None) -> AsyncIterator[Way]:
        """Whom to call, one after another: those whose phone is free at that moment, each phone once."""
        asked: set[Target] = set()
        extensions = [employee.extension for employee in self._in_turn(responsible) if employee.active]
        for extension in dict.fromkeys(filter(None, extensions)):
            way = await self._colleagues.way_of_agent(extension, follow_forwards=self._rules.follow_forwards)
            if way.target is not None and way.target not in asked:
                asked.add(way.target)
                yield way

    def _in_turn(self, responsible: Employee | None) -> list[Employee]:
        group = [
            self._directory.by_extension(extension) or Employee(0, extension=extension)
            for extension in self._extensions
        ]
        last = self._directory.by_user(self._default_user) if self._default_user is not None else None
        return [employee for employee in (responsible, *group, last) if employee is not None]

    async def _responsible(self, order: CallBackOrder) -> Employee | None:
        """Who answers for what the form made in the CRM; None when that is not known."""
        if order.entity_id is None:
            return None
        try:
            user_id = await self._assigned(order.entity_type, order.entity_id)
        except B24Error as error:
            logger.info("Who is responsible for a callback is not known: {}", error)
            return None
        return self._directory.by_user(user_id) if user_id is not None else None

    async def _assigned(self, entity_type: str, entity_id: int) -> int | None:
        crm = self._portal.crm
        kinds = {
            "LEAD": crm.leads.get,
            "CONTACT": crm.contacts.get,
            "COMPANY": crm.companies.get,
            "DEAL": crm.deals.get,
        }
        get: _Get | None = kinds.get(entity_type)
        if get is None:
            return None
        return (await get(entity_id, priority=Priority.LOOKUP, timeout=_CRM_PATIENCE)).assigned_by_id

    async def _leave_in_crm(self, wish: Wish, why: str) -> None:
        """Nobody was rung: without this no trace of the wish would be left."""
        order, number = wish.order, wish.number
        responsible = await self._responsible(order)
        user = responsible.user_id if responsible else self._default_user
        if user is None:
            logger.error("A callback that could not be made belongs to nobody: set bitrix24.default_user")
            return
        begun = datetime.fromtimestamp(order.ordered_at, UTC) if order.ordered_at is not None else datetime.now(UTC)
        telephony = self._portal.telephony
        registered = await _told(
            telephony.register,
            telephony.register,  # a repetition of this call's is recognised, as long as it is not finished
            RegisterCall(
                user_id=user,
                phone_number=number,
                type=CallType.CALLBACK,
                call_start_date=begun,
                crm_entity_type=order.entity_type if order.entity_type != "DEAL" else None,
                crm_entity_id=order.entity_id if order.entity_type != "DEAL" else None,
                line_number=order.line or None,
                external_call_id=f"callback-{number.lstrip('+')}-{begun.timestamp():.0f}",
            ),
        )
        await _told(
            telephony.finish,
            telephony.settle_finish,
            FinishCall(
                call_id=registered.call_id,
                user_id=user,
                status_code=StatusCode.TEMPORARILY_UNAVAILABLE,
                failed_reason=why,
            ),
        )


def _customer_rung(record: CallRecord) -> bool:
    return any(ring.party.kind is PartyKind.CUSTOMER for ring in record.rings)


async def _told(tell: Callable[[T], Awaitable[R]], settle: Callable[[T], Awaitable[R]], what: T) -> R:
    """Tell the portal, again and again while it is away; once an answer was lost, by `settle`, which looks first.

    Raises `B24Error` when it refuses, or is away for too long.
    """
    async for attempt in retrying(attempts=_TRIES):
        with attempt:
            try:
                return await tell(what)
            except (UnknownOutcome, BadReply) as error:
                tell = settle
                raise Temporary(error.method, error.code, "the answer was lost") from error
    raise AssertionError("the last attempt raises its error")
