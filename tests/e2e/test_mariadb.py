"""The service keeps its records in MariaDB, and either of the two ends in the middle of a call."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from e2e_waiting import eventually

from lab import compare
from lab.exchange import Exchange
from lab.mariadb import MariaDb
from lab.phones import Manner
from lab.stage import RealCall, play
from lab.story import HANG_UP, Client, Numbers, PlannedCall, Story, ring

N = Numbers(1)
TALK_S = 9.0
STORY = Story(
    name="a talk",
    calls=(PlannedCall(N.client(1), N.did, N.phone(1), [N.phone(1)], talk_s=TALK_S),),
    phones=(Manner(N.phone(1), ring_s=1.0),),
    clients=(Client(N.client(1), N.phone(1), "Ёлка 🎄"),),
    lines={N.did: N.element("manager")},
    elements={
        N.element("manager"): ring(N, 1),
        N.element("end"): HANG_UP,
    },
)


@pytest_asyncio.fixture
async def exchange(mariadb: MariaDb) -> AsyncIterator[Exchange]:
    async with Exchange([STORY], storage=mariadb.fresh()) as running:
        yield running


def begin(exchange: Exchange) -> asyncio.Task[list[RealCall]]:
    return asyncio.create_task(play(STORY, exchange.pbx, exchange.carrier, exchange.folder))


async def they_talk(exchange: Exchange) -> None:
    await exchange.portal.until_call(lambda call: bool(call["cards"]))
    await asyncio.sleep(2)


async def refuses(exchange: Exchange) -> bool:
    """Whether the operator is told that the database takes nothing."""
    return any(incident["closed_at"] is None for incident in await told(exchange))


async def has_refused(exchange: Exchange) -> bool:
    """Whether he is told that this is over."""
    return bool(await told(exchange)) and not await refuses(exchange)


async def told(exchange: Exchange) -> list[dict[str, Any]]:
    async with exchange.api() as api, api.get("/api/v1/incidents?state=all") as answer:
        return [incident for incident in (await answer.json())["incidents"] if incident["code"] == "storage-refuses"]


async def is_one_in_the_crm_and_in_the_journal(exchange: Exchange, call: RealCall) -> None:
    crm = await exchange.portal.until_call(lambda held: held["finish"] is not None and held["record"] is not None, 45)
    said = compare.differences(STORY, compare.Evidence(call, crm, await exchange.recording(crm)), exchange.company)
    assert [text for text in said if "recording" not in text] == []
    assert len(await exchange.portal.calls()) == 1
    async with exchange.api() as api, api.get("/api/v1/calls?state=ended") as answer:
        (kept,) = (await answer.json())["calls"]
    assert kept["client"]["name"] == "Ёлка 🎄"
    assert kept["ended_at"] is not None


async def test_a_service_that_is_killed_and_started_again_in_a_talk_has_one_call(exchange: Exchange) -> None:
    playing = begin(exchange)
    await they_talk(exchange)

    await exchange.service.kill()
    await exchange.service.start()
    (call,) = await playing

    assert call.talk is not None
    assert call.talk.seconds == pytest.approx(TALK_S, abs=0.5)
    await is_one_in_the_crm_and_in_the_journal(exchange, call)


async def test_a_talk_outlives_a_restart_of_mariadb_and_everything_is_written_afterwards(
    exchange: Exchange, mariadb: MariaDb
) -> None:
    playing = begin(exchange)
    await they_talk(exchange)

    with mariadb.away():
        (call,) = await playing
        await exchange.portal.until_call(lambda held: held["finish"] is not None)
        await eventually(lambda: refuses(exchange), 20)

    await eventually(lambda: has_refused(exchange), 20)
    assert call.talk is not None
    assert call.talk.seconds == pytest.approx(TALK_S, abs=0.5)
    await is_one_in_the_crm_and_in_the_journal(exchange, call)
