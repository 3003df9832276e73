"""The service is stopped and started while people talk, and while somebody outside is rung."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from lab import compare
from lab.exchange import Exchange
from lab.phones import CUSTOMER_TONE, Manner, Office
from lab.stage import play
from lab.story import HANG_UP, Client, Numbers, PlannedCall, Story, ring

N = Numbers(1)
TALK = PlannedCall(N.client(1), N.did, N.phone(1), [N.phone(1)], talk_s=9.0)
LATER = PlannedCall(N.client(2), N.did, N.phone(2), [N.phone(2)], talk_s=1.0)
STORY = Story(
    name="the service is restarted during a talk",
    calls=(TALK,),
    phones=(Manner(N.phone(1), ring_s=1.0),),
    clients=(Client(N.client(1), N.phone(1), "Ivan Ivanov"),),
    lines={N.did: N.element("manager")},
    elements={
        N.element("manager"): ring(N, 1),
        N.element("end"): HANG_UP,
    },
)
OUTSIDE, CLIENT = N.outside(1), N.outside(2)
WITHOUT_SERVICE = Story(name="reception takes the call", calls=(LATER,), phones=(Manner(N.phone(2), ring_s=0.5),))
DIALLED = Story(
    name="Anna dials",
    calls=(),
    phones=(Manner(N.phone(3), ring_s=None), Manner(N.phone(4), ring_s=None)),
    outside=(Manner(OUTSIDE, ring_s=None, talk_s=2.0), Manner(CLIENT, ring_s=0.3)),
)


@pytest_asyncio.fixture
async def exchange() -> AsyncIterator[Exchange]:
    async with Exchange(
        [STORY, WITHOUT_SERVICE, DIALLED], globals={"STASIS_RECEPTION": f"PJSIP/{N.phone(2)}"}
    ) as running:
        yield running


async def test_a_talk_outlives_a_restart_and_a_new_call_rings_reception_meanwhile(exchange: Exchange):
    playing = asyncio.create_task(play(STORY, exchange.pbx, exchange.carrier, exchange.folder))
    await exchange.portal.until_call(lambda call: bool(call["cards"]))
    await asyncio.sleep(2)  # they talk for a while

    assert await exchange.service.stop() == 0
    (meanwhile,) = await play(WITHOUT_SERVICE, exchange.pbx, exchange.carrier, exchange.folder)
    await exchange.service.start()
    (call,) = await playing

    assert meanwhile.talk is not None
    assert meanwhile.talk.number == N.phone(2)
    assert call.talk is not None
    assert call.talk.seconds == pytest.approx(9.0, abs=0.5)
    crm = await exchange.portal.until_call(lambda held: held["finish"] is not None)
    recording = await exchange.recording(crm)
    said = compare.differences(STORY, compare.Evidence(call, crm, recording), exchange.company)
    assert [text for text in said if "recording" not in text] == []


async def test_who_dials_out_waits_through_a_restart_and_the_number_is_rung_anew(exchange: Exchange):
    async with (
        Office(exchange.pbx, exchange.folder, phones=DIALLED.phones) as office,
        office.phone(N.phone(3)).dial(OUTSIDE) as anna,
    ):
        far = exchange.carrier.phone(OUTSIDE)
        first = await far.until_ringing()

        assert await exchange.service.stop() == 0
        await exchange.service.start()
        await far.answer(await far.until_ringing(besides=[first]))
        await anna.until_hears(await anna.until_talking(), CUSTOMER_TONE)

    crm = await exchange.portal.until_call(lambda held: held["finish"] is not None)
    assert (crm["finish"]["status_code"], crm["finish"]["user_id"]) == ("200", exchange.company.user_of(N.phone(3)))
    assert len(await exchange.portal.calls()) == 1


async def test_a_dialled_call_that_comes_back_to_anna_rings_there_again_after_a_restart(exchange: Exchange):
    async with (
        Office(exchange.pbx, exchange.folder, phones=DIALLED.phones) as office,
        office.phone(N.phone(3)).dial(CLIENT) as dials,
    ):
        anna, boris, client = office.phone(N.phone(3)), office.phone(N.phone(4)), exchange.carrier.phone(CLIENT)
        hers, his = await dials.until_talking(), await client.until_talking()
        await dials.blind_transfer(hers, N.phone(4))
        await boris.decline(await boris.until_ringing())
        first = await anna.until_ringing()

        assert await exchange.service.stop() == 0
        await exchange.service.start()
        await anna.answer(await anna.until_ringing(besides=[first]))
        await anna.until_hears(await anna.until_talking(), CUSTOMER_TONE)
        assert client.dialogs == [his]
        assert len(boris.dialogs) == 1
        await client.hang_up(his)

    crm = await exchange.portal.until_call(lambda held: held["finish"] is not None)
    assert (crm["finish"]["status_code"], crm["finish"]["user_id"]) == ("200", exchange.company.user_of(N.phone(3)))
    assert len(await exchange.portal.calls()) == 1
