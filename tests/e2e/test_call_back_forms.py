"""A customer fills in a call-back form of the CRM: an employee's phone rings, then his own; over restarts, too."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from lab.exchange import Exchange
from lab.phones import CUSTOMER_TONE, Manner, Office
from lab.story import Client, Numbers, Story

N = Numbers(1)
ANNA, IVAN = N.phone(1), N.client(1)
TONES = {ANNA: 1000}
STORY = Story(
    name="Ivan wants to be called back",
    calls=(),
    phones=(Manner(ANNA, ring_s=None),),
    clients=(Client(IVAN, ANNA, "Ivan Ivanov"),),
    outside=(Manner(f"[+]{IVAN}", ring_s=0.5, talk_s=3.0),),
)
PAUSE_S = 4.0
CONFIGURATION = f"[callbacks]\nattempts = 3\npause = {PAUSE_S}\n"
CALLBACK = 4


@pytest_asyncio.fixture
async def exchange() -> AsyncIterator[Exchange]:
    async with Exchange([STORY], configuration=CONFIGURATION) as running:
        yield running
        await running.until_nothing_is_left()


@pytest_asyncio.fixture
async def office(exchange: Exchange) -> AsyncIterator[Office]:
    async with Office(exchange.pbx, exchange.folder, phones=STORY.phones, tones=TONES) as desks:
        yield desks


async def until_they_have_talked(exchange: Exchange, office: Office) -> dict[str, Any]:
    """Anna hears Ivan, and Ivan Anna, until he hangs up; what the CRM has of it then."""
    anna, carrier = office.phone(ANNA), exchange.carrier
    hers = await anna.until_talking()
    his = await carrier.until("answered_at")
    await anna.until_hears(hers, CUSTOMER_TONE)
    await carrier.phone(f"+{IVAN}").until_hears(his, TONES[ANNA])
    await anna.until_over(hers)
    return await exchange.portal.until_call(lambda c: c["finish"] is not None and c["finish"]["status_code"] == "200")


async def restarted(exchange: Exchange) -> None:
    """The service is killed in whatever it does, and started again."""
    await exchange.service.kill()
    await exchange.service.start()
    await exchange.until_ready()


async def test_the_responsible_is_rung_then_the_customer_and_the_crm_has_one_callback(
    exchange: Exchange, office: Office
) -> None:
    await exchange.portal.fill_in_form(f"+{IVAN}")

    await office.phone(ANNA).answer(await office.phone(ANNA).until_ringing())
    crm = await until_they_have_talked(exchange, office)

    assert (crm["type"], crm["finish"]["user_id"]) == (CALLBACK, exchange.company.user_of(ANNA))
    assert [call["call_id"] for call in await exchange.portal.calls()] == [crm["call_id"]]
    assert len(exchange.carrier.dialogs) == 1


async def test_killed_while_annas_phone_rings_the_service_still_calls_ivan_when_she_answers(
    exchange: Exchange, office: Office
) -> None:
    await exchange.portal.fill_in_form(f"+{IVAN}")
    rings = await office.phone(ANNA).until_ringing()
    # Killed before it has noted the portal's answer, it would wait a minute before it tells the end (decision 14).
    await asyncio.sleep(0.5)

    await restarted(exchange)
    await office.phone(ANNA).answer(rings)
    crm = await until_they_have_talked(exchange, office)

    assert (crm["type"], crm["finish"]["user_id"]) == (CALLBACK, exchange.company.user_of(ANNA))
    assert [call["call_id"] for call in await exchange.portal.calls()] == [crm["call_id"]]
    assert len(office.calls_of(ANNA)) == 1


async def test_killed_between_two_attempts_it_makes_the_second_one(exchange: Exchange, office: Office) -> None:
    await exchange.portal.fill_in_form(f"+{IVAN}")
    first = await office.phone(ANNA).until_ringing()
    await office.phone(ANNA).decline(first)
    await exchange.portal.until_call(lambda call: call["finish"] is not None)

    await restarted(exchange)
    second = await office.phone(ANNA).until_ringing(besides=[first])
    await office.phone(ANNA).answer(second)
    crm = await until_they_have_talked(exchange, office)

    assert (crm["type"], crm["finish"]["user_id"]) == (CALLBACK, exchange.company.user_of(ANNA))
    assert len(office.calls_of(ANNA)) == 2
    assert len(exchange.carrier.dialogs) == 1
