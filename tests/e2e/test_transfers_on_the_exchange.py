"""Transfers on a real Asterisk: by the phone (REFER), by keys and by order; the CRM is told who really talked."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from lab.asterisk import MUSIC_TONE
from lab.exchange import Exchange
from lab.moves import Moves
from lab.phones import CUSTOMER_TONE, Caller, Manner, Office
from lab.story import HANG_UP, Client, Numbers, Story

N = Numbers(1)
ANNA, BORIS, VERA = N.phone(1), N.phone(2), N.phone(3)
TONES = {ANNA: 1000, BORIS: 1200, VERA: 1400}
GROUP = "600"
STORY = Story(
    name="calls go from one to the other",
    calls=(),
    phones=tuple(Manner(phone, ring_s=None) for phone in TONES),
    clients=(Client(N.client(1), ANNA, "Ivan Ivanov"),),
    outside=(Manner(f"[+]7{N.outside(1)[1:]}", ring_s=0.3),),
    lines={N.did: N.element("anna")},
    elements={
        N.element("anna"): {"type": "ring", "targets": [ANNA], "seconds": 15, "on_no_answer": N.element("end")},
        N.element("boris"): {"type": "ring", "targets": [BORIS], "seconds": 15, "on_no_answer": N.element("end")},
        N.element("end"): HANG_UP,
    },
)
NUMBERS = f'[numbers]\n"{GROUP}" = "{N.element("boris")}"\n'
QUICK = "[features]\ntransfer_seconds = 8\nback_seconds = 8\n"
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["auto", "server"])
async def exchange(request: pytest.FixtureRequest) -> AsyncIterator[Exchange]:
    """Phones' transfers are told to us, or carried out by the server as older ones do."""
    async with Exchange([STORY], plan=NUMBERS, configuration=QUICK, phone_transfers=request.param) as running:
        yield running
        await running.until_nothing_is_left()
        assert await running.portal.audit() == []


@pytest_asyncio.fixture(loop_scope="module")
async def office(exchange: Exchange) -> AsyncIterator[Office]:
    async with Office(exchange.pbx, exchange.folder, phones=STORY.phones, tones=TONES) as desks:
        yield desks


class Talk:
    """Ivan called and talks with Anna."""

    def __init__(self, exchange: Exchange, office: Office, ivan: Caller, known: set[str]) -> None:
        self.exchange = exchange
        self.ivan = ivan
        self.anna, self.boris, self.vera = (office.phone(number) for number in TONES)
        self.known = known  # what the CRM held before

    async def begin(self) -> None:
        await self.anna.answer(await self.anna.until_ringing())
        self.hers, self.his = await self.anna.until_talking(), await self.ivan.until_talking()
        await self.ivan.until_hears(self.his, TONES[ANNA])

    async def order(self, path: str, **body: str) -> None:
        """Something is ordered of the service."""
        async with self.exchange.api() as http:
            async with http.get("/api/v1/calls") as answer:
                (call,) = (call for call in (await answer.json())["calls"] if call["direction"] == "inbound")
            async with http.post(f"/api/v1/calls/{call['id']}/{path}", json=body or None) as answer:
                assert answer.status in (202, 204), await answer.text()

    async def now_with(self, party: Moves, number: str) -> Any:
        """The customer is with this employee, both hear each other."""
        talk = await party.until_talking()
        await self.ivan.until_hears(self.his, TONES[number])
        await party.until_hears(talk, CUSTOMER_TONE)
        return talk

    async def crm(self) -> dict[str, Any]:
        """The one record the CRM holds of it, after the customer hung up."""
        await self.ivan.hang_up()
        crm = await self.exchange.portal.until_call(lambda c: c["call_id"] not in self.known and bool(c["finish"]))
        held = [c for c in await self.exchange.portal.calls() if c["call_id"] not in self.known]
        assert [c["call_id"] for c in held] == [crm["call_id"]]
        return crm

    async def declines(self, party: Moves, number: str) -> None:
        """He looks at the card that came up, and declines."""
        ringing = await party.until_ringing()
        await self.exchange.portal.until_call(
            lambda c: any(card["user_id"] == self.user(number) for card in c["cards"]) and not c["finish"]
        )
        await party.decline(ringing)

    def user(self, number: str) -> int:
        return self.exchange.company.user_of(number)

    async def is_credited_to(self, number: str, *cards: str) -> None:
        """Whom the CRM names, and who had a card in between; nobody has one any more."""
        crm = await self.crm()
        assert int(crm["finish"]["user_id"]) == self.user(number)
        assert {card["user_id"] for card in crm["cards"]} == {self.user(card) for card in cards}
        assert [card for card in crm["cards"] if card["hidden_at"] is None] == []


@pytest_asyncio.fixture(loop_scope="module")
async def talk(exchange: Exchange, office: Office) -> AsyncIterator[Talk]:
    ivan = Caller(exchange.pbx, exchange.folder, number=N.did, from_number=N.client(1))
    known = {call["call_id"] for call in await exchange.portal.calls()}
    async with ivan:
        begun = Talk(exchange, office, ivan, known)
        await begun.begin()
        yield begun
        await ivan.hang_up()


async def answers(party: Moves) -> Any:
    await party.answer(await party.until_ringing())


# By the phone


async def test_blind_refer(talk: Talk):
    transfer = await talk.anna.blind_transfer(talk.hers, BORIS)
    assert await transfer.until_over() == 200
    await talk.anna.until_over(talk.hers)
    await answers(talk.boris)
    await talk.now_with(talk.boris, BORIS)

    await talk.is_credited_to(BORIS, ANNA, BORIS)


async def test_blind_refer_to_a_group(talk: Talk):
    await talk.anna.blind_transfer(talk.hers, GROUP)
    await answers(talk.boris)
    await talk.now_with(talk.boris, BORIS)

    await talk.is_credited_to(BORIS, ANNA, BORIS)


async def test_blind_refer_to_nowhere_is_refused_or_comes_back(talk: Talk):
    transfer = await talk.anna.blind_transfer(talk.hers, "9999")
    if await transfer.until_over() < 300:  # the server let her go: her phone rings again
        await answers(talk.anna)
    await talk.now_with(talk.anna, ANNA)

    await talk.is_credited_to(ANNA, ANNA)


async def test_blind_refer_nobody_takes_comes_back(talk: Talk):
    await talk.anna.blind_transfer(talk.hers, BORIS)
    await talk.declines(talk.boris, BORIS)
    await answers(talk.anna)
    await talk.now_with(talk.anna, ANNA)

    await talk.is_credited_to(ANNA, ANNA, BORIS)


async def test_attended_refer(talk: Talk):
    await talk.anna.hold(talk.hers)
    await talk.ivan.until_hears(talk.his, MUSIC_TONE)
    async with talk.anna.dial(BORIS) as consults:
        await answers(talk.boris)
        second, asked = await consults.until_talking(), await talk.boris.until_talking()
        await talk.boris.until_hears(asked, TONES[ANNA])
        transfer = await talk.anna.attended_transfer(talk.hers, second)
        assert await transfer.until_over() == 200
        await talk.anna.until_over(talk.hers)
    await talk.now_with(talk.boris, BORIS)

    await talk.is_credited_to(BORIS, ANNA, BORIS)


async def test_attended_refer_while_the_colleague_rings(talk: Talk):
    await talk.anna.hold(talk.hers)
    async with talk.anna.dial(BORIS) as consults:
        asked = await talk.boris.until_ringing()
        second = consults.dialogs[0]
        transfer = await talk.anna.blind_transfer(talk.hers, BORIS)
        await consults.hang_up(second)
        assert await transfer.until_over() == 200
    await talk.boris.answer(await talk.boris.until_ringing(besides=[asked]))
    await talk.now_with(talk.boris, BORIS)

    await talk.is_credited_to(BORIS, ANNA, BORIS)


# By keys


async def test_blind_by_keys(talk: Talk):
    await talk.anna.press(talk.hers, "##")
    await talk.ivan.until_hears(talk.his, MUSIC_TONE)
    await talk.anna.press(talk.hers, f"{BORIS}#")
    await talk.anna.until_over(talk.hers)
    await answers(talk.boris)
    await talk.now_with(talk.boris, BORIS)

    await talk.is_credited_to(BORIS, ANNA, BORIS)


async def test_attended_by_keys_completed_by_hanging_up(talk: Talk):
    await talk.anna.press(talk.hers, "*2")
    await talk.ivan.until_hears(talk.his, MUSIC_TONE)
    await talk.anna.press(talk.hers, f"{BORIS}#")
    await answers(talk.boris)
    asked = await talk.boris.until_talking()
    await talk.boris.until_hears(asked, TONES[ANNA])
    await talk.anna.hang_up(talk.hers)
    await talk.now_with(talk.boris, BORIS)

    await talk.is_credited_to(BORIS, ANNA, BORIS)


async def test_attended_by_keys_cancelled(talk: Talk):
    await talk.anna.press(talk.hers, "*2")
    await talk.anna.press(talk.hers, f"{BORIS}#")
    await answers(talk.boris)
    asked = await talk.boris.until_talking()
    await talk.anna.until_hears(talk.hers, TONES[BORIS])
    await talk.anna.press(talk.hers, "*1")
    await talk.boris.until_over(asked)
    await talk.now_with(talk.anna, ANNA)

    await talk.is_credited_to(ANNA, ANNA, BORIS)


# By order


async def test_blind_to_an_outside_number(talk: Talk):
    await talk.order("transfer", to=N.outside(1))
    await talk.anna.until_over(talk.hers)
    outside = await talk.exchange.carrier.until("confirmed_at")
    await talk.ivan.until_hears(talk.his, CUSTOMER_TONE)
    assert not outside.over

    await talk.is_credited_to(ANNA, ANNA)


async def test_attended_turned_into_a_conference(talk: Talk):
    await talk.order("transfer", to=BORIS, kind="attended")
    await answers(talk.boris)
    asked = await talk.boris.until_talking()
    await talk.boris.until_hears(asked, TONES[ANNA])
    await talk.order("transfer/conference")
    await talk.ivan.until_hears(talk.his, TONES[ANNA])
    await talk.ivan.until_hears(talk.his, TONES[BORIS])
    await talk.anna.hang_up(talk.hers)
    await talk.now_with(talk.boris, BORIS)

    await talk.is_credited_to(BORIS, ANNA, BORIS)


async def test_the_customer_leaves_and_the_employees_talk_on(talk: Talk):
    await talk.order("transfer", to=BORIS, kind="attended")
    await answers(talk.boris)
    asked = await talk.boris.until_talking()
    await talk.boris.until_hears(asked, TONES[ANNA])

    await talk.is_credited_to(ANNA, ANNA, BORIS)
    await talk.boris.until_hears(asked, TONES[ANNA])
    await talk.anna.hang_up(talk.hers)
    await talk.boris.until_over(asked)


async def test_who_began_leaves_before_the_answer_and_nobody_answers(talk: Talk):
    await talk.order("transfer", to=BORIS, kind="attended")
    await talk.boris.until_ringing()
    await talk.anna.hang_up(talk.hers)
    await talk.declines(talk.boris, BORIS)
    await answers(talk.anna)
    await talk.now_with(talk.anna, ANNA)

    await talk.is_credited_to(ANNA, ANNA, BORIS)
