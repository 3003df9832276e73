"""A customer at the answering machine who falls silent: the message ends by itself, and is something to do."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from e2e_waiting import eventually

from lab.exchange import Exchange
from lab.phones import Caller
from lab.recordings import listen, voices
from lab.story import HANG_UP, Client, Numbers, Story
from lab.truth import Dialog

N = Numbers(1)
ANNA, IVAN = N.phone(1), N.client(1)
GREETING_S, SPEAKS_S, SILENCE_S, LONGEST_S = 1.5, 4.0, 3.0, 60.0
STORY = Story(
    name="Ivan says what he wants and nothing more",
    calls=(),
    unregistered=(ANNA,),
    clients=(Client(IVAN, ANNA, "Ivan Ivanov"),),
    lines={N.did: N.element("voicemail")},
    elements={
        N.element("voicemail"): {
            "type": "voicemail",
            "prompts": ["hello-world"],
            "silence": SILENCE_S,
            "seconds": LONGEST_S,
            "next": N.element("end"),
        },
        N.element("end"): HANG_UP,
    },
)


@pytest_asyncio.fixture
async def exchange() -> AsyncIterator[Exchange]:
    async with Exchange([STORY]) as running:
        yield running
        await running.until_nothing_is_left()


async def until_let_go(exchange: Exchange, silent: Callable[[Caller, Dialog], None], speaks_s: float) -> float:
    """Ivan calls, speaks for a while and is silent until he is hung up on; the seconds that took."""
    async with Caller(exchange.pbx, exchange.folder, number=N.did, from_number=IVAN) as ivan:
        his = await ivan.until_talking()
        await asyncio.sleep(GREETING_S + speaks_s)
        silent(ivan, his)
        since = time.time()
        await ivan.until_over(his, LONGEST_S)
        assert his.hung_up_here is False
        return time.time() - since


async def to_do(exchange: Exchange) -> list[Any]:
    """What the CRM was asked to have somebody do."""
    requests = json.loads(await exchange.portal.raw("requests"))
    return [request["params"] for request in requests if request["method"] == "crm.activity.todo.add"]


@pytest.mark.parametrize("silent", [Caller.fall_silent, Caller.hold_tongue], ids=["sends silence", "sends nothing"])
async def test_the_message_ends_by_itself_and_is_a_missed_call_with_something_to_do(
    exchange: Exchange, silent: Callable[[Caller, Dialog], None]
):
    waited = await until_let_go(exchange, silent, SPEAKS_S)

    # A phone that sends nothing at all is given up by Asterisk after four seconds.
    assert SILENCE_S - 0.5 < waited < SILENCE_S + 2.5
    crm = await exchange.portal.until_call(lambda held: held["record"] is not None, 30)
    anna = exchange.company.user_of(ANNA)
    assert (crm["finish"]["status_code"], crm["finish"]["duration"], crm["finish"]["user_id"]) == ("304", 0, anna)
    content = await exchange.portal.recording(crm["record"]["file_id"])
    assert set(voices(content)[0]) == {"c"}  # the silence is not on it
    assert abs(listen(content).seconds - SPEAKS_S) < 1.0
    await eventually(lambda: to_do(exchange), 20)
    (order,) = await to_do(exchange)
    assert (int(order["responsibleId"]), int(order["ownerId"])) == (anna, exchange.company.contacts[0].id)
    assert IVAN in order["title"]


async def test_who_says_nothing_at_all_has_left_no_message(exchange: Exchange):
    waited = await until_let_go(exchange, Caller.fall_silent, -GREETING_S)

    assert waited < GREETING_S + SILENCE_S + 3
    crm = await exchange.portal.until_call(lambda held: held["finish"] is not None)
    assert crm["finish"]["status_code"] == "304"
    await asyncio.sleep(2)
    (crm,) = await exchange.portal.calls()
    assert crm["record"] is None
    assert await to_do(exchange) == []


async def test_a_service_killed_while_he_speaks_keeps_what_he_said_and_takes_the_rest(exchange: Exchange):
    async with Caller(exchange.pbx, exchange.folder, number=N.did, from_number=IVAN) as ivan:
        his = await ivan.until_talking()
        await asyncio.sleep(GREETING_S + SPEAKS_S)
        await exchange.service.kill()
        await exchange.service.start()
        await asyncio.sleep(GREETING_S + SPEAKS_S)
        assert not his.over
        await ivan.hang_up(his)

    crm = await exchange.portal.until_call(lambda held: held["record"] is not None, 30)
    assert (crm["finish"]["status_code"], crm["finish"]["duration"]) == ("304", 0)
    content = await exchange.portal.recording(crm["record"]["file_id"])
    assert set(voices(content)[0]) == {"c"}
    assert listen(content).seconds > 2 * SPEAKS_S - 1
    await eventually(lambda: to_do(exchange), 20)
    assert len(await to_do(exchange)) == 1
    assert len(await exchange.portal.calls()) == 1
