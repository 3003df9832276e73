"""Agents of a queue at their phones: calls picked up, signing out while one rings, hold, call waiting, call-backs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from e2e_office import ANNA, BORIS, IVAN, PHONES, TONES, VERA, N, Scene, open_exchange

from lab.asterisk import MUSIC_TONE
from lab.exchange import Exchange
from lab.phones import CUSTOMER_TONE, Caller, Manner
from lab.story import HANG_UP, Client, Story

QUEUE = N.element("queue")
PETR = Client(N.client(2), BORIS, "Petr Petrov")
STORY = Story(
    name="one agent, and colleagues beside",
    calls=(),
    phones=PHONES,
    clients=(IVAN, PETR),
    outside=(Manner(rf"[+]{N.client(1)}", ring_s=0.3, talk_s=1.5),),
    lines={N.did: QUEUE},
    elements={
        QUEUE: {
            "type": "queue",
            "agents": [ANNA],
            "announce_every": 0,
            "announce_position": False,
            "announce_wait": False,
            "call_back_key": "5",
            "call_back_offer": [],
            "call_back_number": [],
            "call_back_confirm": [],
            "call_back_thanks": [],
            "on_timeout": N.element("end"),
        },
        N.element("end"): HANG_UP,
    },
)
CONFIGURATION = f'[phones.pickup_groups]\nsales = ["{ANNA}", "{BORIS}"]\nstore = ["{VERA}"]\n'
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def exchange() -> AsyncIterator[Exchange]:
    async with open_exchange(Exchange([STORY], configuration=CONFIGURATION)) as running:
        yield running


@asynccontextmanager
async def petr_calls(exchange: Exchange) -> AsyncIterator[Caller]:
    """He waits in the queue as well."""
    async with Caller(exchange.pbx, exchange.folder, number=N.did, from_number=PETR.number) as petr:
        await petr.until_hears(await petr.until_talking(), MUSIC_TONE)
        yield petr


async def state_of(exchange: Exchange, agent: str) -> str:
    async with exchange.api() as http, http.get(f"/api/v1/queues/{QUEUE}/agents/{agent}") as answer:
        return (await answer.json())["state"]


async def signs(exchange: Exchange, agent: str, method: str) -> None:
    """In (PUT) or out (DELETE)."""
    body = {} if method == "PUT" else None
    url = f"/api/v1/queues/{QUEUE}/agents/{agent}"
    async with exchange.api() as http, http.request(method, url, json=body) as answer:
        assert answer.status < 300, await answer.text()


async def who_talked(scene: Scene, client: Client) -> str:
    """Whom the CRM names in this client's call."""
    crm = await scene.exchange.portal.until_call(
        lambda c: (
            c["call_id"] not in scene.known and c["phone_number"][-10:] == client.number[-10:] and bool(c["finish"])
        )
    )
    return next(number for number in TONES if scene.user(number) == crm["finish"]["user_id"])


# Picked up


@pytest.mark.parametrize("code", ["*8", f"*8{ANNA}"])
async def test_a_colleague_of_the_group_picks_up_what_rings_at_the_agents(story: Scene, code: str):
    async with story.boris.dial(code) as picks:
        talk = await picks.until_talking()
        await picks.until_hears(talk, CUSTOMER_TONE)
        await story.ivan.until_hears(await story.ivan.until_talking(), TONES[BORIS])
        await story.anna.until_over(story.rings)
        assert await state_of(story.exchange, ANNA) == "free"
        await story.is_credited_to(BORIS, perhaps=ANNA)


async def test_whoever_is_in_another_group_has_to_name_the_colleague(story: Scene):
    async with story.vera.dial("*8") as picks:
        await picks.until_over(picks.dialogs[0])
    assert not story.rings.over

    async with story.vera.dial(f"*8{ANNA}") as picks:
        await picks.until_hears(await picks.until_talking(), CUSTOMER_TONE)
        await story.is_credited_to(VERA, perhaps=ANNA)


# Signing out


@pytest.mark.parametrize("by_code", [True, False], ids=["by code", "by order"])
async def test_an_agent_signs_out_while_a_call_rings_at_his_phone(story: Scene, by_code: bool):
    if by_code:
        async with story.anna.dial("*45") as code:
            await code.until_over(await code.until("answered_at"))
    else:
        await signs(story.exchange, ANNA, "DELETE")
    assert await state_of(story.exchange, ANNA) == "out"

    # The call that rings already may still be taken; the next one rings elsewhere.
    await signs(story.exchange, BORIS, "PUT")
    try:
        await story.talk()
        async with petr_calls(story.exchange) as petr:
            await story.boris.answer(await story.boris.until_ringing())
            await petr.until_hears(petr.dialogs[0], TONES[BORIS])
        await story.anna.hang_up(story.hers)
        assert await who_talked(story, IVAN) == ANNA
        assert await who_talked(story, PETR) == BORIS
        assert story.anna.dialogs == [story.rings]
    finally:
        await signs(story.exchange, BORIS, "DELETE")
        await signs(story.exchange, ANNA, "PUT")


# In a call of the queue


@pytest.mark.parametrize("call_waiting", [False, True])
async def test_an_agent_who_holds_is_not_free_for_the_next(story: Scene, call_waiting: bool):
    await set_for(story.exchange, ANNA, call_waiting=call_waiting)
    await story.talk()
    await story.anna.hold(story.hers)
    await story.ivan.until_hears(story.his, MUSIC_TONE)

    async with petr_calls(story.exchange) as petr:
        assert await state_of(story.exchange, ANNA) == "engaged"
        await story.anna.resume(story.hers)
        await story.ivan.until_hears(story.his, TONES[ANNA])
        assert story.anna.dialogs == [story.rings]

        await story.anna.hang_up(story.hers)
        await story.anna.answer(await story.anna.until_ringing(besides=[story.rings]))
        await petr.until_hears(petr.dialogs[0], TONES[ANNA])
    await set_for(story.exchange, ANNA, call_waiting=None)


async def test_of_two_who_wait_an_agent_with_call_waiting_is_offered_one(story: Scene):
    await set_for(story.exchange, ANNA, call_waiting=True)
    async with petr_calls(story.exchange) as petr:
        assert story.anna.dialogs == [story.rings]
        await story.talk()
        assert story.anna.dialogs == [story.rings]
        await story.ivan.hang_up()
        await story.anna.answer(await story.anna.until_ringing(besides=[story.rings]))
        await petr.until_hears(petr.dialogs[0], TONES[ANNA])
    await set_for(story.exchange, ANNA, call_waiting=None)


async def set_for(exchange: Exchange, extension: str, **settings: object) -> None:
    async with exchange.api() as http, http.put(f"/api/v1/extensions/{extension}", json=settings) as answer:
        assert answer.status == 200, await answer.text()


# Called back


async def test_a_call_back_ordered_while_the_portal_is_away_is_made_and_told_later(story: Scene):
    """She says so herself: a broken connection would leave the end of his call in doubt for a minute (decision 14)."""
    portal = story.exchange.portal
    await portal.trouble(kind="error", status=503, code="SERVICE_UNAVAILABLE")
    his = await story.ivan.until_talking()
    await story.ivan.press(his, "5")
    await story.anna.until_over(story.rings)
    await story.ivan.press(his, "1")
    await story.ivan.until_over(his)

    await story.anna.answer(await story.anna.until_ringing(besides=[story.rings]))
    hers = await story.anna.until_talking()
    await story.anna.until_hears(hers, CUSTOMER_TONE)
    await story.anna.until_over(hers)
    assert [c for c in await portal.calls() if c["finish"] is None and c["type"] == 1] == []
    await portal.no_trouble()

    anna = story.user(ANNA)
    made = await portal.until_call(lambda c: c["call_id"] not in story.known and c["type"] == 1 and bool(c["finish"]))
    assert (made["finish"]["status_code"], made["finish"]["user_id"]) == ("200", anna)
    missed = await portal.until_call(lambda c: c["call_id"] not in story.known and c["type"] == 2 and bool(c["finish"]))
    assert missed["finish"]["status_code"] == "304"
    assert len([c for c in await portal.calls() if c["call_id"] not in story.known]) == 2
