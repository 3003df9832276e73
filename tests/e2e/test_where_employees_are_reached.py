"""Where calls for an employee go on a real Asterisk: by forwards of ours, of FreePBX and of phones, and over trunks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio

from lab.exchange import Exchange
from lab.phones import CUSTOMER_TONE, Caller, Carrier, Manner, Office, Phone
from lab.story import HANG_UP, Client, Numbers, Story
from stasis_app.crm.freepbx import FRESH

N = Numbers(1)
ANNA, BORIS, VERA = N.phone(1), N.phone(2), N.phone(3)
TONES = {ANNA: 1000, BORIS: 1200, VERA: 1400}
OUTSIDE = N.outside(1)
MANAGER, FOLLOWING, STAYING, SCRIPT = (N.line(which) for which in range(4))
COMPANYS_NUMBER, SPARES_NUMBER = "74950000000", "78123330000"


def _queue(**keys: object) -> dict[str, object]:
    return {"type": "queue", "agents": [ANNA], "retry": 1, "announce_every": 0, "on_timeout": N.element("end"), **keys}


STORY = Story(
    name="employees are reached where they are",
    calls=(),
    phones=tuple(Manner(phone, ring_s=None) for phone in TONES),
    clients=(Client(N.client(1), ANNA, "Ivan Ivanov"), Client(N.client(2), ANNA, "Petr Petrov")),
    outside=(Manner(OUTSIDE, ring_s=0, refusal=503),),
    lines={
        MANAGER: N.element("manager"),
        FOLLOWING: N.element("following"),
        STAYING: N.element("staying"),
        SCRIPT: N.element("script"),
    },
    elements={
        N.element("manager"): {
            "type": "responsible",
            "seconds": 15,
            "on_no_answer": N.element("end"),
            "on_unknown": N.element("end"),
        },
        N.element("following"): _queue(follow_forwards=True),
        N.element("staying"): _queue(),
        N.element("script"): {"type": "script", "function": "rings_anna", "next": N.element("end")},
        N.element("end"): HANG_UP,
    },
)
SCRIPTS = f"""
async def rings_anna(call):
    await call.connect("{ANNA}", seconds=15)
"""
CONFIGURATION = f"""
[phones]
freepbx_settings = true

[[trunks]]
name = "main"
endpoint = "PJSIP/{{number}}@trunk"
caller_id = "{COMPANYS_NUMBER}"

[[trunks]]
name = "spare"
endpoint = "PJSIP/{{number}}@spare"
caller_id = "{SPARES_NUMBER}"
"""
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def exchange() -> AsyncIterator[Exchange]:
    async with Exchange([STORY], configuration=CONFIGURATION, scripts=SCRIPTS, second_trunk="spare") as running:
        yield running
        await running.until_nothing_is_left()
        for call in await running.portal.calls():
            await running.portal.until_call(lambda c, it=call["call_id"]: c["call_id"] == it and bool(c["finish"]))
        assert await running.portal.audit() == []


@pytest_asyncio.fixture(loop_scope="module")
async def office(exchange: Exchange) -> AsyncIterator[Office]:
    async with Office(exchange.pbx, exchange.folder, phones=STORY.phones, tones=TONES) as desks:
        yield desks


@pytest_asyncio.fixture(loop_scope="module")
async def spare(exchange: Exchange) -> AsyncIterator[Carrier]:
    numbers = [Manner(OUTSIDE, ring_s=0.5)]
    async with Carrier(exchange.pbx, exchange.folder, numbers=numbers, second=True) as carrier:
        yield carrier


@asynccontextmanager
async def calls(exchange: Exchange, line: str, client: int = 1) -> AsyncIterator[Caller]:
    """A customer who hangs up in the end, at the latest."""
    async with Caller(exchange.pbx, exchange.folder, number=line, from_number=N.client(client)) as customer:
        try:
            yield customer
        finally:
            await customer.hang_up()


async def talks_with(customer: Caller, phone: Phone, besides: list[Any] | None = None) -> Any:
    """The phone rings, is answered, and the two hear each other; the employee's call."""
    await phone.answer(await phone.until_ringing(besides=besides or []))
    his = await customer.until_talking()
    await customer.until_hears(his, TONES[phone.number])
    hers = await phone.until_talking()
    await phone.until_hears(hers, CUSTOMER_TONE)
    return hers


@asynccontextmanager
async def is_set(exchange: Exchange, extension: str, **settings: object) -> AsyncIterator[None]:
    """As an employee sets it by code, or somebody over the API."""
    nothing = {
        "forward_always": "",
        "forward_busy": "",
        "forward_no_answer": "",
        "call_waiting": None,
        "do_not_disturb": False,
    }
    async with exchange.api() as http:
        url = f"/api/v1/extensions/{extension}"
        async with http.put(url, json=settings) as answer:
            assert answer.status == 200, await answer.text()
        try:
            yield
        finally:
            async with http.put(url, json={key: nothing[key] for key in settings}) as answer:
                assert answer.status == 200, await answer.text()


@asynccontextmanager
async def freepbx_keeps(exchange: Exchange, **families: str) -> AsyncIterator[None]:
    """As FreePBX writes it for Anna."""
    for family, value in families.items():
        await exchange.pbx.cli(f"database put {family} {ANNA} {value}")
    await asyncio.sleep(FRESH)  # what was read just before still counts
    try:
        yield
    finally:
        for family in families:
            await exchange.pbx.cli(f"database del {family} {ANNA}")
        await asyncio.sleep(FRESH)


async def order(exchange: Exchange, path: str, **body: str) -> None:
    async with exchange.api() as http:
        async with http.get("/api/v1/calls") as answer:
            (call,) = (call for call in (await answer.json())["calls"] if call["direction"] == "inbound")
        async with http.post(f"/api/v1/calls/{call['id']}/{path}", json=body or None) as answer:
            assert answer.status in (202, 204), await answer.text()


# What FreePBX keeps


@pytest.mark.parametrize("kept", [{"CF": BORIS}, {"DND": "YES", "CFB": BORIS}], ids=["always", "not to be disturbed"])
async def test_freepbx_forwards_and_annas_phone_stays_silent(exchange: Exchange, office: Office, kept: dict[str, str]):
    async with freepbx_keeps(exchange, **kept), calls(exchange, MANAGER) as ivan:
        await talks_with(ivan, office.phone(BORIS))
        assert office.calls_of(ANNA) == []


async def test_freepbx_forwards_what_anna_does_not_answer(exchange: Exchange, office: Office):
    async with freepbx_keeps(exchange, CFB=VERA, CFU=BORIS), calls(exchange, MANAGER) as ivan:
        anna = office.phone(ANNA)
        await anna.decline(await anna.until_ringing())
        await talks_with(ivan, office.phone(VERA))
        assert office.calls_of(BORIS) == []


async def test_without_anything_kept_anna_is_rung(exchange: Exchange, office: Office):
    async with calls(exchange, MANAGER) as ivan:
        await talks_with(ivan, office.phone(ANNA))


# A script, queues


async def test_a_script_reaches_anna_where_she_forwards_to(exchange: Exchange, office: Office):
    async with is_set(exchange, ANNA, forward_always=BORIS), calls(exchange, SCRIPT) as ivan:
        await talks_with(ivan, office.phone(BORIS))


async def test_a_queue_that_follows_rings_its_agent_there_and_counts_the_call_for_her(
    exchange: Exchange, office: Office
):
    async with is_set(exchange, ANNA, forward_always=BORIS), calls(exchange, FOLLOWING) as ivan:
        await ivan.until_talking()  # with the music
        await talks_with(ivan, office.phone(BORIS))
        async with exchange.api() as http, http.get("/api/v1/queues") as answer:
            queues = {queue["name"]: queue for queue in (await answer.json())["queues"]}
        (agent,) = queues[N.element("following")]["agents"]
        assert (agent["extension"], agent["state"]) == (ANNA, "engaged")


async def test_a_queue_that_does_not_rings_her_phone_which_can_not_send_the_call_on(exchange: Exchange, office: Office):
    anna = office.phone(ANNA)
    async with is_set(exchange, ANNA, forward_always=BORIS), calls(exchange, STAYING) as ivan:
        first = await anna.until_ringing()
        await anna.forward(first, VERA)
        await talks_with(ivan, anna, besides=[first])
        assert (office.calls_of(BORIS), office.calls_of(VERA)) == ([], [])


# Whom Anna asks


async def test_whom_anna_asks_is_at_an_outside_number_over_the_second_trunk(
    exchange: Exchange, office: Office, spare: Carrier
):
    anna = office.phone(ANNA)
    async with is_set(exchange, BORIS, forward_always=OUTSIDE), calls(exchange, MANAGER) as ivan:
        hers = await talks_with(ivan, anna)
        await order(exchange, "transfer", to=BORIS, kind="attended")
        placed = await spare.until("confirmed_at")
        await anna.until_hears(hers, CUSTOMER_TONE)
        await order(exchange, "transfer/complete")
        await anna.until_over(hers)
        await ivan.until_hears(ivan.dialogs[0], CUSTOMER_TONE)

        (refused,) = (call for call in exchange.carrier.dialogs if call.number == OUTSIDE)
        assert (refused.refused_with, refused.caller) == (503, COMPANYS_NUMBER)
        assert placed.caller == SPARES_NUMBER
        assert spare.heard(placed, TONES[ANNA])
        assert office.calls_of(BORIS) == []


@pytest.mark.parametrize("by_phone", [False, True], ids=["not answered", "sent on by the phone"])
async def test_whom_anna_asks_does_not_take_it_and_vera_does(exchange: Exchange, office: Office, by_phone: bool):
    anna, boris, vera = (office.phone(number) for number in TONES)
    async with is_set(exchange, BORIS, forward_busy="" if by_phone else VERA), calls(exchange, MANAGER) as ivan:
        hers = await talks_with(ivan, anna)
        await order(exchange, "transfer", to=BORIS, kind="attended")
        ringing = await boris.until_ringing()
        await (boris.forward(ringing, VERA) if by_phone else boris.decline(ringing))
        await vera.answer(await vera.until_ringing())
        asked = await vera.until_talking()
        await vera.until_hears(asked, TONES[ANNA])
        await anna.hang_up(hers)
        await vera.until_hears(asked, CUSTOMER_TONE)
        await ivan.until_hears(ivan.dialogs[0], TONES[VERA])


# A call that comes back


async def test_what_nobody_took_comes_back_where_anna_forwards_to_by_then(exchange: Exchange, office: Office):
    anna, boris = office.phone(ANNA), office.phone(BORIS)
    async with calls(exchange, MANAGER) as ivan:
        hers = await talks_with(ivan, anna)
        async with is_set(exchange, ANNA, forward_always=VERA):
            await anna.blind_transfer(hers, BORIS)
            await boris.decline(await boris.until_ringing())
            await talks_with(ivan, office.phone(VERA))
        assert office.calls_of(ANNA) == [hers]


async def test_what_nobody_took_does_not_disturb_anna_and_goes_on_by_the_plan(exchange: Exchange, office: Office):
    anna, boris = office.phone(ANNA), office.phone(BORIS)
    async with calls(exchange, MANAGER) as ivan:
        hers = await talks_with(ivan, anna)
        async with is_set(exchange, ANNA, do_not_disturb=True):
            await anna.blind_transfer(hers, BORIS)
            await boris.decline(await boris.until_ringing())
            await ivan.until("ended_at")
        assert office.calls_of(ANNA) == [hers]


# A call she orders


async def test_a_call_anna_orders_rings_her_own_phone_whatever_she_has_set(exchange: Exchange, office: Office):
    anna = office.phone(ANNA)
    async with is_set(exchange, ANNA, forward_always=BORIS, do_not_disturb=True), exchange.api() as http:
        async with http.post("/api/v1/calls", json={"extension": ANNA, "number": OUTSIDE}) as answer:
            assert answer.status == 202, await answer.text()
        await anna.answer(await anna.until_ringing())
        await exchange.carrier.until_some(lambda placed: placed.number == f"+7{OUTSIDE[1:]}")
        assert office.calls_of(BORIS) == []


# What the CRM gets, call waiting


async def test_a_dialled_call_has_the_line_it_goes_out_by(exchange: Exchange, office: Office, spare: Carrier):
    anna = office.phone(ANNA)
    async with anna.dial(OUTSIDE) as dials:
        await dials.until_talking()
        crm = await exchange.portal.until_call(lambda c: c["phone_number"][-10:] == OUTSIDE[-10:])
        assert crm["line_number"] == COMPANYS_NUMBER


async def test_a_phone_in_a_call_rings_again_only_for_whom_has_call_waiting(exchange: Exchange, office: Office):
    anna = office.phone(ANNA)
    async with calls(exchange, MANAGER) as ivan:
        first = await talks_with(ivan, anna)
        async with calls(exchange, MANAGER, client=2) as petr:
            await petr.until("refused_at")
        assert office.calls_of(ANNA) == [first]
        async with is_set(exchange, ANNA, call_waiting=True), calls(exchange, MANAGER, client=2) as petr:
            await anna.until_ringing(besides=[first])
            assert not petr.dialogs[0].over
