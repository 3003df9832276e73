"""A visitor fills in a callback form of the (sandbox) portal: an employee is called, then he is."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from b24client import CallType, MemoryTokenStore, OAuthAuth, Portal
from b24client.sandbox import SANDBOX, SandboxConfig, SeedClient, SeedUser, create_sandbox
from b24client.sandbox.faults import Fault
from stasis_app.calls import CallRecord, Order
from stasis_app.calls import facts as f
from stasis_app.calls.record import after as with_fact
from stasis_app.calls.record import begin
from stasis_app.crm import ALWAYS, Availability, Directory, Employee, MemoryEmployeeStore, Numbers, PhoneState
from stasis_app.flow import Colleagues
from stasis_app.portal import (
    CallBackDesk,
    CallBackOrder,
    CallBacks,
    InstallProof,
    PortalNeeds,
    Wish,
    WishBook,
    add_portal,
)
from stasis_app.settings import CallbackSettings

BOSS, ANNA, BORIS, VERA = 1, 12, 13, 14
CUSTOMER = "+79161234567"


class Ordered:
    """A call that was ordered. It ends at once: the customer is rung if the employee answers."""

    def __init__(self, call_id: str, order: Order, *, answers: bool) -> None:
        caller = f.Party(f.PartyKind.EMPLOYEE, order.extension)
        now = datetime.now(UTC)
        started = f.Started(
            call_id=call_id, at=now, direction=f.Direction.OUTBOUND, caller=caller, callback=order.callback
        )
        self.id, self.order, self.record = call_id, order, begin(started)
        self.state: Any = type("State", (), {"ended": False})()
        self._answers = answers
        self.told: list[f.Fact] = []
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    def identify(self, fact: f.Identified) -> None:
        self.record = with_fact(self.record, fact)

    def note(self, fact: f.Fact) -> None:
        self.record = with_fact(self.record, fact)
        self.told.append(fact)

    async def wait(self, ready: Callable[[], object], seconds: float | None) -> None:
        await self.goes_on.wait()
        if self._answers:
            customer = f.Party(f.PartyKind.CUSTOMER, self.order.number)
            rung = f.Dialled(call_id=self.id, at=datetime.now(UTC), leg="leg", party=customer)
            self.record = with_fact(self.record, rung)
        else:
            self.state.ended = True
        assert ready()


class Disk:
    """What outlives the service."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    async def get(self, name: str) -> Any:
        return json.loads(self.values.get(name, "null"))

    async def set(self, name: str, value: Any) -> bool:
        self.values[name] = json.dumps(value)
        return True


class Office:
    """The employees' phones, and the calls that were ordered."""

    def __init__(self) -> None:
        self.calls: list[Ordered] = []
        self.past: dict[str, CallRecord] = {}  # calls that ended while the service was away
        self.away: set[str] = set()  # whose phone is busy or off
        self.undisturbed: set[str] = set()
        self.forwards: dict[str, tuple[str, str]] = {}  # where to, and why
        self.silent: set[str] = set()  # who does not answer
        self.rings: set[str] = set()  # whose phone rings until something is decided
        self.connected_link = True

    async def of(self, extension: str, *, forwards: bool = True) -> Availability:
        if forwards and extension in self.forwards:
            return Availability(PhoneState.FORWARDED, *self.forwards[extension])
        if extension in self.undisturbed:
            return Availability(PhoneState.DO_NOT_DISTURB)
        return Availability(PhoneState.BUSY if extension in self.away else PhoneState.FREE)

    def new_id(self) -> str:
        return str(len(self.calls))

    def originate(self, order: Order, call_id: str) -> Any:
        self.calls.append(Ordered(call_id, order, answers=order.extension not in self.silent))
        if order.extension in self.rings:
            self.calls[-1].goes_on.clear()
        return self.calls[-1]

    def get(self, call_id: str) -> Any:
        return next((call for call in self.calls if call.id == call_id and call_id not in self.past), None)

    async def record_of(self, call_id: str) -> CallRecord | None:
        return self.past.get(call_id)

    async def connected(self) -> None:
        return

    @property
    def called(self) -> list[str]:
        return [call.order.extension for call in self.calls]


class World:
    """A portal with a callback form, our service, and the phones."""

    def __init__(
        self, sandbox: TestServer, portal: Portal, office: Office, disk: Disk, start: Callable[[], CallBacks]
    ) -> None:
        self.portal, self.office, self.disk, self.start, self.call_backs = portal, office, disk, start, start()
        self.state = sandbox.app[SANDBOX]
        self._url = str(sandbox.make_url("/sandbox/api/callback"))

    async def form(self, number: str = CUSTOMER) -> list[int]:
        """Somebody fills in the form; what our service answers the portal."""
        async with aiohttp.ClientSession() as http, http.post(self._url, json={"phone_number": number}) as answer:
            deliveries = (await answer.json())["deliveries"]
        await self.call_backs.settled()
        return [delivery["status"] for delivery in deliveries]

    async def until_called(self, *extensions: str) -> None:
        """Wait until these were called, one after another."""
        async with asyncio.timeout(5):
            while self.office.called != list(extensions):  # noqa: ASYNC110 (nobody tells)
                await asyncio.sleep(0.01)

    async def restart(self) -> None:
        """The service ends in the middle of it and is started again."""
        await self.call_backs.aclose()
        self.call_backs = self.start()
        self.call_backs.take_up(await WishBook(self.disk).load())

    def in_crm(self) -> list[Any]:
        return list(self.state.calls.calls.values())


@pytest_asyncio.fixture
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        users = [
            SeedUser(id=BOSS, name="Olga", extension="100", admin=True),
            SeedUser(id=ANNA, name="Anna", extension="101"),
            SeedUser(id=BORIS, name="Boris", extension="102"),
        ]
        client = SeedClient(entity_type="LEAD", id=77, name="Visitor", phones=[CUSTOMER], assigned_by=ANNA)
        sandbox = TestServer(create_sandbox(SandboxConfig(users=users, clients=[client])))
        await sandbox.start_server()
        stack.push_async_callback(sandbox.close)
        base, app = str(sandbox.make_url("")).rstrip("/"), SandboxConfig().app
        auth = OAuthAuth(base, app.client_id, app.client_secret, MemoryTokenStore(), base)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        portal = await stack.enter_async_context(Portal(auth, allow_http=True))
        office, service, port = Office(), web.Application(), unused_port()
        people = [Employee(BOSS, "Olga", "100"), Employee(ANNA, "Anna", "101"), Employee(BORIS, "Boris", "102")]
        directory = Directory(None, MemoryEmployeeStore(), overrides=people)
        follows = getattr(request, "param", "") == "follows forwards"
        disk, rules = Disk(), CallbackSettings(attempts=2, pause=0.01, patience=900, follow_forwards=follows)

        def start() -> CallBacks:
            return CallBacks(
                CallBackDesk(office, office.connected, lambda number: number, office.record_of),
                WishBook(disk),
                portal,
                directory,
                Colleagues(office, directory, Numbers("RU")),  # type: ignore[arg-type]
                rules,
                ["102"],
                BOSS,
            )

        world = World(sandbox, portal, office, disk, start)
        proof = InstallProof(portal=base, client_id=app.client_id, oauth_url=base, session=session)
        url = f"http://127.0.0.1:{port}"
        control: Any = None
        add_portal(
            service,
            PortalNeeds(
                auth=auth, portal=portal, proof=proof, control=control, call_backs=world.call_backs, public_url=url
            ),
        )
        server = TestServer(service, port=port)
        await server.start_server()
        stack.push_async_callback(server.close)
        async with session.post(f"{base}/sandbox/api/install", json={"handler": f"{url}/bitrix24/install"}) as answer:
            assert (await answer.json())["status"] == 200
        state = sandbox.app[SANDBOX]
        while len(state.postman.bindings) < 3:  # noqa: ASYNC110 (the sandbox tells nobody)
            await asyncio.sleep(0.01)
        yield world
        await world.call_backs.aclose()


async def test_the_responsible_is_called_first_then_the_customer(world: World) -> None:
    assert await world.form() == [200]

    (call,) = world.office.calls
    assert (call.order.extension, call.order.number, call.order.callback) == ("101", CUSTOMER, True)
    assert call.record.identified is not None
    assert (call.record.identified.entity_type, call.record.identified.entity_id) == ("LEAD", 77)
    assert world.in_crm() == []  # the mirror registers the call, nobody else


async def test_while_the_responsible_is_busy_the_group_is_called(world: World) -> None:
    world.office.away = {"101"}

    await world.form()

    assert world.office.called == ["102"]


async def test_who_forwards_his_calls_is_called_at_his_own_phone(world: World) -> None:
    world.office.forwards = {"101": ("+79161112233", ALWAYS)}

    await world.form()

    (call,) = world.office.calls
    assert (call.order.extension, call.order.mobile) == ("101", "")


@pytest.mark.parametrize("world", ["stays at the phones", "follows forwards"], indirect=True)
async def test_who_does_not_want_to_be_disturbed_is_passed_over_wherever_he_forwards(world: World) -> None:
    world.office.undisturbed = {"101"}
    world.office.forwards = {"101": ("102", PhoneState.DO_NOT_DISTURB)}

    await world.form()

    assert world.office.called == ["102"]
    assert world.office.calls[0].told == []  # 102 comes next, nobody has forwarded to him


@pytest.mark.parametrize("world", ["follows forwards"], indirect=True)
async def test_forwards_are_followed_if_so_configured_and_each_phone_is_called_once(world: World) -> None:
    world.office.forwards = {"101": ("+79161112233", ALWAYS), "102": ("100", ALWAYS)}
    world.office.silent = {"100", "101"}

    await world.form()

    called = [(call.order.extension, call.order.mobile) for call in world.office.calls]
    assert called == [("101", "+79161112233"), ("100", "")] * 2
    assert [type(fact) for fact in world.office.calls[0].told] == [f.Forwarded]


async def test_who_does_not_answer_is_followed_by_the_next_and_in_the_end_by_the_default_user(world: World) -> None:
    world.office.silent = {"101", "102"}

    await world.form()

    assert world.office.called == ["101", "102", "100"]


async def test_when_nobody_answers_all_are_called_once_more(world: World) -> None:
    world.office.silent = {"100", "101", "102"}

    await world.form()

    assert world.office.called == ["101", "102", "100"] * 2


async def test_a_form_sent_twice_is_one_call(world: World) -> None:
    await world.form()
    await world.form()

    assert world.office.called == ["101"]


async def test_a_form_that_comes_too_late_calls_nobody_and_is_seen_in_the_crm(world: World) -> None:
    world.call_backs.take(
        CallBackOrder(number=CUSTOMER, entity_type="LEAD", entity_id=77, ordered_at=time.time() - 5000)
    )
    await world.call_backs.settled()

    assert world.office.calls == []
    (left,) = world.in_crm()
    assert (left.type, left.finish.user_id, left.finish.status_code) == (CallType.CALLBACK, ANNA, "480")
    assert "late" in left.finish.failed_reason


async def test_when_no_phone_is_free_the_wish_is_seen_in_the_crm(world: World) -> None:
    world.office.away = {"100", "101", "102"}

    await world.form()

    assert world.office.calls == []
    (left,) = world.in_crm()
    assert "free" in left.finish.failed_reason


@pytest.mark.parametrize("method", ["telephony.externalCall.register", "telephony.externalCall.finish"])
async def test_a_wish_that_came_to_nothing_is_seen_once_although_the_portal_is_away(world: World, method: str) -> None:
    world.office.away = {"100", "101", "102"}
    world.state.faults.add(Fault(kind="refuse", methods=[method], times=1))

    await world.form()

    (left,) = world.in_crm()
    assert left.finish.status_code == "480"


async def test_an_unknown_visitor_is_called_by_the_group(world: World) -> None:
    await world.form("+79990000000")

    assert world.office.called == ["102"]


async def test_a_wish_outlives_the_service_while_the_phone_rings_and_nobody_is_rung_twice(world: World) -> None:
    world.office.rings = {"101"}
    world.call_backs.take(CallBackOrder(number=CUSTOMER, entity_type="LEAD", entity_id=77))
    await world.until_called("101")

    await world.restart()
    world.office.calls[0].goes_on.set()
    await world.call_backs.settled()

    assert world.office.called == ["101"]  # he answers the call that rang all the time
    assert await WishBook(world.disk).load() == []


async def test_a_call_that_came_to_nothing_while_the_service_was_away_is_followed_by_the_next(world: World) -> None:
    world.office.rings, world.office.silent = {"101"}, {"101"}
    world.call_backs.take(CallBackOrder(number=CUSTOMER, entity_type="LEAD", entity_id=77))
    await world.until_called("101")

    world.office.past["0"] = world.office.calls[0].record
    world.office.away = {"101"}
    await world.restart()
    await world.call_backs.settled()

    assert world.office.called == ["101", "102"]


async def test_a_customer_who_was_reached_while_the_service_was_away_is_not_called_again(world: World) -> None:
    world.office.rings = {"101"}
    world.call_backs.take(CallBackOrder(number=CUSTOMER, entity_type="LEAD", entity_id=77))
    await world.until_called("101")

    customer = f.Party(f.PartyKind.CUSTOMER, CUSTOMER)
    rung = f.Dialled(call_id="0", at=datetime.now(UTC), leg="leg", party=customer)
    world.office.past["0"] = with_fact(world.office.calls[0].record, rung)
    await world.restart()
    await world.call_backs.settled()

    assert world.office.called == ["101"]


async def test_a_wish_that_waited_too_long_for_the_service_is_seen_in_the_crm(world: World) -> None:
    late = CallBackOrder(number=CUSTOMER, entity_type="LEAD", entity_id=77, ordered_at=time.time() - 5000)
    await WishBook(world.disk).keep(Wish(CUSTOMER, late))

    await world.restart()
    await world.call_backs.settled()

    assert world.office.calls == []
    (left,) = world.in_crm()
    assert "late" in left.finish.failed_reason


async def test_a_form_is_one_wish_over_a_restart_too(world: World) -> None:
    world.office.rings = {"101"}
    world.call_backs.take(CallBackOrder(number=CUSTOMER, entity_type="LEAD", entity_id=77))
    await world.until_called("101")

    await world.restart()
    world.call_backs.take(CallBackOrder(number=CUSTOMER, entity_type="LEAD", entity_id=77))
    world.office.calls[0].goes_on.set()
    await world.call_backs.settled()

    assert world.office.called == ["101"]
