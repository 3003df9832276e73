"""The service is stopped and started while people talk."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from lab import compare
from lab.exchange import Exchange
from lab.phones import Manner
from lab.stage import play
from lab.story import HANG_UP, Client, Numbers, PlannedCall, Story

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
        N.element("manager"): {
            "type": "ring",
            "targets": [N.phone(1)],
            "seconds": 15,
            "on_no_answer": N.element("end"),
        },
        N.element("end"): HANG_UP,
    },
)
WITHOUT_SERVICE = Story(name="reception takes the call", calls=(LATER,), phones=(Manner(N.phone(2), ring_s=0.5),))


@pytest_asyncio.fixture
async def exchange() -> AsyncIterator[Exchange]:
    async with Exchange([STORY, WITHOUT_SERVICE], globals={"STASIS_RECEPTION": f"PJSIP/{N.phone(2)}"}) as running:
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
