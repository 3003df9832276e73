"""Calls that employees dialled move on, on a real Asterisk: whom the phones show, what the client hears, the CRM."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from e2e_office import ANNA, BORIS, IVAN, PHONES, TONES, VERA, N, Scene, open_exchange

from lab.asterisk import MUSIC_TONE, RINGING_TONE
from lab.exchange import Exchange
from lab.phones import CUSTOMER_TONE, Manner, Office, Phone
from lab.story import HANG_UP, Story
from lab.truth import Dialog

CLIENT, PARTNER, SLOW_PARTNER = N.outside(1), N.outside(2), N.outside(3)
SLOT = "701"
STORY = Story(
    name="calls that were dialled go from one to the other",
    calls=(),
    phones=PHONES,
    clients=(IVAN,),
    outside=(Manner(CLIENT, ring_s=0.3), Manner(PARTNER, ring_s=0.3), Manner(SLOW_PARTNER, ring_s=3.0)),
    lines={N.did: N.element("anna")},
    elements={
        N.element("anna"): {"type": "ring", "targets": [ANNA], "seconds": 15, "on_no_answer": N.element("end")},
        N.element("end"): HANG_UP,
    },
)
CONFIGURATION = f'[features]\ntransfer_seconds = 8\nback_seconds = 8\n\n[parking]\nslots = "{SLOT}-702"\n'
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def exchange() -> AsyncIterator[Exchange]:
    async with open_exchange(Exchange([STORY], configuration=CONFIGURATION)) as running:
        yield running


@dataclass
class Dialled:
    """Anna dialled the client, and they talk."""

    exchange: Exchange
    phone: Any
    hers: Dialog
    his: Dialog
    known: set[str]  # the calls the CRM held before

    @property
    def client(self) -> Phone:
        return self.exchange.carrier.phone(CLIENT)

    async def client_hears(self, hertz: int) -> None:
        await self.client.until_hears(self.his, hertz)

    async def is_credited_to(self, number: str) -> None:
        """The one call the CRM holds of it, once it is over; nobody has a card any more."""
        crm = await in_the_crm(self.exchange, CLIENT, self.known)
        assert crm["finish"]["user_id"] == self.exchange.company.user_of(number)
        assert [card for card in crm["cards"] if card["hidden_at"] is None] == []


async def in_the_crm(exchange: Exchange, number: str, known: set[str]) -> Mapping[str, Any]:
    def is_it(call: Mapping[str, Any]) -> bool:
        return call["call_id"] not in known and call["phone_number"][-10:] == number[-10:]

    found: Mapping[str, Any] = await exchange.portal.until_call(lambda call: is_it(call) and bool(call["finish"]))
    assert sum(map(is_it, await exchange.portal.calls())) == 1
    return found


async def calls_in_the_crm(exchange: Exchange) -> set[str]:
    return {call["call_id"] for call in await exchange.portal.calls()}


@asynccontextmanager
async def anna_dials(exchange: Exchange, office: Office) -> AsyncIterator[Dialled]:
    known = await calls_in_the_crm(exchange)
    async with office.phone(ANNA).dial(CLIENT) as phone:
        hers = await phone.until_talking()
        yield Dialled(exchange, phone, hers, await exchange.carrier.phone(CLIENT).until_talking(), known)


async def test_given_away_it_shows_the_client_also_when_it_comes_back(exchange: Exchange, office: Office):
    anna, boris = office.phone(ANNA), office.phone(BORIS)
    async with anna_dials(exchange, office) as call:
        await call.phone.blind_transfer(call.hers, BORIS)
        ringing = await boris.until_ringing()
        assert ringing.caller == CLIENT
        await call.client_hears(RINGING_TONE)
        await boris.decline(ringing)

        back = await anna.until_ringing()
        assert back.caller == CLIENT
        await anna.answer(back)
        again = await anna.until_talking()
        await call.client_hears(TONES[ANNA])
        await anna.hang_up(again)
        await call.is_credited_to(ANNA)


async def test_joined_with_a_colleague_by_the_phone(exchange: Exchange, office: Office):
    anna, boris = office.phone(ANNA), office.phone(BORIS)
    async with anna_dials(exchange, office) as call:
        await call.phone.hold(call.hers)
        await call.client_hears(MUSIC_TONE)
        async with anna.dial(BORIS) as consults:
            await boris.answer(await boris.until_ringing())
            second, asked = await consults.until_talking(), await boris.until_talking()
            await call.phone.attended_transfer(call.hers, second)
            await call.client_hears(TONES[BORIS])
            await boris.until_hears(asked, CUSTOMER_TONE)
            await boris.hang_up(asked)
        await call.is_credited_to(BORIS)


async def test_parked_and_taken_at_another_phone(exchange: Exchange, office: Office):
    async with anna_dials(exchange, office) as call:
        await call.phone.blind_transfer(call.hers, SLOT)
        await call.phone.until_over(call.hers)
        await call.client_hears(MUSIC_TONE)

        async with office.phone(VERA).dial(SLOT) as takes:
            taken = await takes.until_talking()
            await call.client_hears(TONES[VERA])
            await takes.until_hears(taken, CUSTOMER_TONE)
            await takes.hang_up(taken)
        await call.is_credited_to(VERA)


@pytest.mark.parametrize("number", [PARTNER, SLOW_PARTNER], ids=["who talks", "who is still rung"])
async def test_a_customer_is_joined_with_an_outside_number(exchange: Exchange, story: Scene, number: str):
    """Anna dialled it at her second line."""
    await story.talk()
    partner, known = exchange.carrier.phone(number), await calls_in_the_crm(exchange)
    await story.anna.hold(story.hers)
    async with story.anna.dial(number) as consults:
        second = await (consults.until_talking() if number == PARTNER else consults.until_ringing())
        await story.anna.attended_transfer(story.hers, second)
        await story.ivan.until_hears(story.his, CUSTOMER_TONE)
        await partner.until_hears(await partner.until_talking(), CUSTOMER_TONE)
    await story.ivan.hang_up()

    anna = story.user(ANNA)
    assert (await in_the_crm(exchange, number, known))["finish"]["user_id"] == anna
    ivans = await in_the_crm(exchange, N.client(1), story.known)
    assert (ivans["finish"]["user_id"], ivans["finish"]["status_code"]) == (anna, "200")


async def test_a_call_between_employees_goes_on_to_a_client(exchange: Exchange, office: Office):
    """Boris sends Anna there from his phone: from then on it is an outgoing call, placed by him and talked by her."""
    boris, client, known = office.phone(BORIS), exchange.carrier.phone(CLIENT), await calls_in_the_crm(exchange)
    async with office.phone(ANNA).dial(BORIS) as anna:
        await boris.answer(await boris.until_ringing())
        hers, his = await anna.until_talking(), await boris.until_talking()
        await boris.until_hears(his, TONES[ANNA])
        await boris.blind_transfer(his, CLIENT)
        await boris.until_over(his)
        theirs = await client.until_talking()
        await client.until_hears(theirs, TONES[ANNA])
        await anna.hang_up(hers)

    crm = await in_the_crm(exchange, CLIENT, known)
    assert len(await calls_in_the_crm(exchange) - known) == 1
    assert (crm["finish"]["user_id"], crm["finish"]["status_code"]) == (exchange.company.user_of(ANNA), "200")
    assert [card["user_id"] for card in crm["cards"]] == [exchange.company.user_of(ANNA)]
    assert [card for card in crm["cards"] if card["hidden_at"] is None] == []
