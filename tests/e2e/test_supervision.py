"""A supervisor on a real Asterisk: who hears whom in each mode, and that he is no party of the call."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from e2e_office import open_exchange

from lab.exchange import Exchange
from lab.phones import CUSTOMER_TONE, Caller, Manner, Office
from lab.story import HANG_UP, Numbers, Story

N = Numbers(1)
ANNA, BORIS, CHIEF = N.phone(1), N.phone(2), N.phone(9)
TONES = {ANNA: 1000, BORIS: 1200, CHIEF: 1700}
STORY = Story(
    name="a supervisor follows a call",
    calls=(),
    phones=tuple(Manner(phone, ring_s=0.2) for phone in TONES),
    lines={N.did: N.element("anna")},
    elements={
        N.element("anna"): {"type": "ring", "targets": [ANNA], "seconds": 15, "on_no_answer": N.element("end")},
        N.element("end"): HANG_UP,
    },
)


@pytest_asyncio.fixture
async def exchange() -> AsyncIterator[Exchange]:
    async with open_exchange(Exchange([STORY], configuration=f'[phones]\nsupervisors = ["{CHIEF}"]\n')) as running:
        yield running


async def test_a_supervisor_listens_whispers_barges_in_and_leaves_no_trace(exchange: Exchange):
    async with (
        Office(exchange.pbx, exchange.folder, phones=STORY.phones, tones=TONES) as office,
        Caller(exchange.pbx, exchange.folder, number=N.did, from_number=N.client(1)) as ivan,
        exchange.api() as http,
    ):
        anna, chief = office.phone(ANNA), office.phone(CHIEF)
        hers, his = await anna.until_talking(), await ivan.until_talking()
        async with http.get("/api/v1/calls") as answer:
            (call,) = (await answer.json())["calls"]

        async def follows(mode: str) -> None:
            order = {"extension": CHIEF, "mode": mode}
            async with http.post(f"/api/v1/calls/{call['id']}/supervise", json=order) as answer:
                assert answer.status == 202, await answer.text()

        await follows("listen")
        chiefs = await chief.until_talking()
        for tone in (CUSTOMER_TONE, TONES[ANNA]):
            await chief.until_hears(chiefs, tone)
        assert not ivan.heard(his, TONES[CHIEF])
        assert not anna.ear.heard(hers, TONES[CHIEF])

        await follows("whisper")
        await anna.until_hears(hers, TONES[CHIEF])
        await chief.until_hears(chiefs, CUSTOMER_TONE)
        assert not ivan.heard(his, TONES[CHIEF])

        await follows("barge")
        await ivan.until_hears(his, TONES[CHIEF])
        await anna.until_hears(hers, TONES[CHIEF])
        await chief.until_hears(chiefs, CUSTOMER_TONE)

        await follows("listen")
        await chief.until_hears(chiefs, TONES[ANNA])
        await ivan.hang_up()
        await chief.until_over(chiefs)

    crm = await exchange.portal.until_call(lambda c: bool(c["finish"]))
    assert int(crm["finish"]["user_id"]) == exchange.company.user_of(ANNA)
    assert {card["user_id"] for card in crm["cards"]} == {exchange.company.user_of(ANNA)}


@pytest.mark.parametrize("kind", ["blind", "attended"])
async def test_he_whispers_on_to_whom_the_call_is_transferred(exchange: Exchange, kind: str):
    async with (
        Office(exchange.pbx, exchange.folder, phones=STORY.phones, tones=TONES) as office,
        Caller(exchange.pbx, exchange.folder, number=N.did, from_number=N.client(1)) as ivan,
        exchange.api() as http,
    ):
        anna, boris, chief = (office.phone(phone) for phone in TONES)
        hers, his = await anna.until_talking(), await ivan.until_talking()
        await ivan.until_hears(his, TONES[ANNA])
        async with http.get("/api/v1/calls") as answer:
            (call,) = (await answer.json())["calls"]

        async def order(path: str, **body: str) -> None:
            async with http.post(f"/api/v1/calls/{call['id']}/{path}", json=body or None) as answer:
                assert answer.status < 300, await answer.text()

        await order("supervise", extension=CHIEF, mode="whisper")
        chiefs = await chief.until_talking()
        await anna.until_hears(hers, TONES[CHIEF])

        await order("transfer", to=BORIS, kind=kind)
        boriss = await boris.until_talking()
        if kind == "attended":
            await boris.until_hears(boriss, TONES[ANNA])
            await order("transfer/complete")
        await ivan.until_hears(his, TONES[BORIS])
        await boris.until_hears(boriss, TONES[CHIEF])
        await chief.until_hears(chiefs, TONES[BORIS])
        assert not ivan.heard(his, TONES[CHIEF])
        await ivan.hang_up()
        await chief.until_over(chiefs)

    crm = await exchange.portal.until_call(lambda c: bool(c["finish"]))
    assert int(crm["finish"]["user_id"]) == exchange.company.user_of(BORIS)


async def test_who_is_no_supervisor_is_refused(exchange: Exchange):
    async with (
        Office(exchange.pbx, exchange.folder, phones=STORY.phones, tones=TONES) as office,
        Caller(exchange.pbx, exchange.folder, number=N.did, from_number=N.client(1)) as ivan,
        exchange.api() as http,
    ):
        talk = await office.phone(ANNA).until_talking()
        async with http.get("/api/v1/calls") as answer:
            (call,) = (await answer.json())["calls"]
        async with http.post(f"/api/v1/calls/{call['id']}/supervise", json={"extension": "2015"}) as answer:
            assert answer.status == 403
        await ivan.hang_up()
        await office.phone(ANNA).until_over(talk)
        await exchange.portal.until_call(lambda c: bool(c["finish"]))
