"""Calls to the public network over two trunks, as carriers, phones and the CRM see them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import pytest_asyncio
from e2e_waiting import eventually

from lab.exchange import Exchange
from lab.phones import CUSTOMER_TONE, EMPLOYEE_TONE, Caller, Carrier, Manner, Office
from lab.story import Numbers, Story
from lab.truth import Dialog

N = Numbers(1)
ANNA, BORIS = N.phone(1), N.phone(2)
FAILING, BUSY, SOUNDS, ORDERED = (N.outside(which) for which in (1, 2, 3, 4))
INTERNATIONAL = "+7" + ORDERED[1:]
ANNAS_NUMBER, SALES, SPARES_NUMBER = "74957770101", N.did, "78123330000"
FIRST = (
    Manner(FAILING, ring_s=0, refusal=503),
    Manner(BUSY, ring_s=0, refusal=486),
    Manner(SOUNDS, ring_s=0, refusal=503),
    Manner(ORDERED, ring_s=0.5),
)
STORY = Story(
    name="calls to the public network",
    calls=(),
    phones=(Manner(ANNA, ring_s=0.3), Manner(BORIS, ring_s=0.3)),
    outside=FIRST,
    lines={SALES: "closed"},
)
SECOND = (
    Manner("7" + FAILING[1:], ring_s=1.0),
    Manner("7" + BUSY[1:], ring_s=1.0),
    Manner("7" + SOUNDS[1:], ring_s=3.0, early=True),
)
CONFIGURATION = f"""
[outbound]
auto_answer = "common"

[[trunks]]
name = "main"
endpoint = "PJSIP/{{number}}@trunk"
caller_id = "74950000000"
rewrite = [{{ prefix = "+7", strip = 2, prepend = "8" }}]

[[trunks]]
name = "spare"
endpoint = "PJSIP/{{number}}@spare"
caller_id = "{SPARES_NUMBER}"
caller_ids = ["{SPARES_NUMBER}"]
prefixes = ["+7"]
rewrite = [{{ prefix = "+7", strip = 2, prepend = "7" }}]

[[employees]]
extension = "{ANNA}"
user_id = 100
caller_id = "{ANNAS_NUMBER}"
"""


@pytest_asyncio.fixture
async def exchange() -> AsyncIterator[Exchange]:
    async with Exchange([STORY], second_trunk="spare", configuration=CONFIGURATION) as running:
        yield running


@pytest_asyncio.fixture
async def spare(exchange: Exchange) -> AsyncIterator[Carrier]:
    async with Carrier(exchange.pbx, exchange.folder, numbers=SECOND, second=True) as carrier:
        yield carrier


async def test_outside_numbers_over_two_trunks(exchange: Exchange, spare: Carrier):
    """One exchange for all of it: each part dials a number of its own."""
    await asyncio.gather(
        _the_second_trunk_places_what_the_first_can_not(exchange, spare),
        _busy_is_the_other_sides_answer(exchange, spare),
    )
    await _sound_before_the_answer_reaches_the_caller(exchange, spare)
    await exchange.until_nothing_is_left()


async def _the_second_trunk_places_what_the_first_can_not(exchange: Exchange, spare: Carrier) -> None:
    anna = _caller(exchange, ANNA, FAILING, talk_s=2.0)

    dialog = await anna.call()

    (refused,), (placed,) = _calls_to(exchange.carrier, FAILING), _calls_to(spare, "7" + FAILING[1:])
    assert (refused.refused_with, refused.caller) == (503, ANNAS_NUMBER)
    assert placed.answered_at
    assert placed.caller == SPARES_NUMBER  # this carrier does not let us show Anna's
    assert anna.heard(dialog, CUSTOMER_TONE)
    assert spare.heard(placed, EMPLOYEE_TONE)
    crm = await _in_the_crm(exchange, FAILING)
    assert (crm["finish"]["status_code"], crm["finish"]["user_id"]) == ("200", exchange.company.user_of(ANNA))


async def _busy_is_the_other_sides_answer(exchange: Exchange, spare: Carrier) -> None:
    dialog = await _caller(exchange, BORIS, BUSY).call()

    assert dialog.refused_with == 486
    assert [call.caller for call in _calls_to(exchange.carrier, BUSY)] == ["74950000000"]
    assert _calls_to(spare, "7" + BUSY[1:]) == []
    assert (await _in_the_crm(exchange, BUSY))["finish"]["status_code"] == "486"


async def _sound_before_the_answer_reaches_the_caller(exchange: Exchange, spare: Carrier) -> None:
    anna = _caller(exchange, ANNA, SOUNDS, gives_up_s=1.5)

    dialog = await anna.call()

    assert dialog.early_heard_at
    assert not dialog.answered_at
    assert anna.heard(dialog, CUSTOMER_TONE)
    (placed,) = _calls_to(spare, "7" + SOUNDS[1:])
    await eventually(lambda: placed.cancelled_at, 10)
    assert (await _in_the_crm(exchange, SOUNDS))["finish"]["status_code"] == "603-S"


async def test_an_ordered_call_makes_the_phone_answer_and_shows_the_line(exchange: Exchange):
    async with Office(exchange.pbx, exchange.folder, phones=STORY.phones) as office:
        await _order(exchange, extension=ANNA, number=INTERNATIONAL, line=SALES)
        anna = await _hears(office, ANNA)
        far = await _reached(exchange.carrier, 0)
        await _order(exchange, extension=BORIS, number=INTERNATIONAL, auto_answer=False)
        boris = await _hears(office, BORIS)
        later = await _reached(exchange.carrier, 1)

        assert anna.header("Call-Info").endswith(";answer-after=0")
        assert "info=alert-autoanswer" in anna.header("Alert-Info")
        assert boris.header("Call-Info") == ""
        assert anna.caller == INTERNATIONAL
        assert (far.number, far.caller) == (ORDERED, SALES)
        assert (later.number, later.caller) == (ORDERED, "74950000000")
    refused = await _order(exchange, extension=ANNA, number=INTERNATIONAL, caller_id="79990000000")
    assert refused["status"] == 409
    assert "79990000000" in refused["detail"]


def _caller(exchange: Exchange, extension: str, number: str, **manner: Any) -> Caller:
    account = next(a for a in exchange.pbx.accounts if a.extension == extension)
    return Caller(exchange.pbx, exchange.folder, number=number, account=account, tone=EMPLOYEE_TONE, **manner)


def _calls_to(carrier: Carrier, number: str) -> list[Dialog]:
    return [dialog for dialog in carrier.dialogs if dialog.number == number]


async def _in_the_crm(exchange: Exchange, number: str) -> Mapping[str, Any]:
    """The one call to this number, once it is over there too."""
    found = await exchange.portal.until_call(lambda c: c["phone_number"][-10:] == number[-10:] and bool(c["finish"]))
    assert sum(c["phone_number"][-10:] == number[-10:] for c in await exchange.portal.calls()) == 1
    return found


async def _order(exchange: Exchange, **order: object) -> Mapping[str, Any]:
    headers = {"Authorization": f"Bearer {exchange.company.token}"}
    url = f"{exchange.service.url}/api/v1/calls"
    async with aiohttp.ClientSession(headers=headers) as http, http.post(url, json=order) as answer:
        told: Mapping[str, Any] = await answer.json()
        return told


async def _hears(office: Office, extension: str) -> Dialog:
    async with asyncio.timeout(20):
        while not (calls := [call for call in office.calls_of(extension) if call.answered_at]):
            office.changed.clear()
            await office.changed.wait()
    return calls[0]


async def _reached(carrier: Carrier, which: int) -> Dialog:
    async with asyncio.timeout(20):
        while len(_calls_to(carrier, ORDERED)) <= which:
            carrier.changed.clear()
            await carrier.changed.wait()
    return _calls_to(carrier, ORDERED)[which]
