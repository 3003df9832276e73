"""Transfers on a real Asterisk: by the phone (REFER), by keys and by order; the CRM is told who really talked."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from e2e_office import ANNA, BORIS, IVAN, PHONES, TONES, VERA, N, Scene, open_exchange

from lab.asterisk import MUSIC_TONE
from lab.exchange import Exchange
from lab.moves import Moves
from lab.phones import CUSTOMER_TONE, Manner
from lab.story import HANG_UP, Story

GROUP, QUEUE = "600", "601"
STORY = Story(
    name="calls go from one to the other",
    calls=(),
    phones=PHONES,
    clients=(IVAN,),
    outside=(Manner(f"[+]7{N.outside(1)[1:]}", ring_s=0.3),),
    lines={N.did: N.element("anna")},
    elements={
        N.element("anna"): {"type": "ring", "targets": [ANNA], "seconds": 15, "on_no_answer": N.element("end")},
        N.element("boris"): {"type": "ring", "targets": [BORIS], "seconds": 15, "on_no_answer": N.element("end")},
        N.element("queue"): {
            "type": "queue",
            "agents": [BORIS],
            "announce_position": False,
            "announce_wait": False,
            "on_timeout": N.element("end"),
        },
        N.element("end"): HANG_UP,
    },
)
NUMBERS = f'[numbers]\n"{GROUP}" = "{N.element("boris")}"\n"{QUEUE}" = "{N.element("queue")}"\n'
QUICK = "[features]\ntransfer_seconds = 8\nback_seconds = 8\n"
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["auto", "server"])
async def exchange(request: pytest.FixtureRequest) -> AsyncIterator[Exchange]:
    """Phones' transfers are told to us, or carried out by the server as older ones do."""
    ours = Exchange([STORY], plan=NUMBERS, configuration=QUICK, phone_transfers=request.param)
    async with open_exchange(ours) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def talk(story: Scene) -> Scene:
    """Ivan talks with Anna."""
    await story.talk()
    return story


async def answers(party: Moves) -> Any:
    await party.answer(await party.until_ringing())


# By the phone


async def test_blind_refer(talk: Scene):
    transfer = await talk.anna.blind_transfer(talk.hers, BORIS)
    assert await transfer.until_over() == 200
    await talk.anna.until_over(talk.hers)
    await answers(talk.boris)
    await talk.now_with(talk.boris, BORIS)

    await talk.is_credited_to(BORIS, ANNA)


async def test_blind_refer_to_a_group(talk: Scene):
    await talk.anna.blind_transfer(talk.hers, GROUP)
    await answers(talk.boris)
    await talk.now_with(talk.boris, BORIS)

    await talk.is_credited_to(BORIS, ANNA)


async def test_blind_refer_to_nowhere_is_refused_or_comes_back(talk: Scene):
    transfer = await talk.anna.blind_transfer(talk.hers, "9999")
    if await transfer.until_over() < 300:  # the server let her go: her phone rings again
        await answers(talk.anna)
    await talk.now_with(talk.anna, ANNA)

    await talk.is_credited_to(ANNA)


async def test_blind_refer_nobody_takes_comes_back(talk: Scene):
    await talk.anna.blind_transfer(talk.hers, BORIS)
    await talk.declines(talk.boris, BORIS)
    await answers(talk.anna)
    await talk.now_with(talk.anna, ANNA)

    await talk.is_credited_to(ANNA, BORIS)


async def test_attended_refer(talk: Scene):
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

    await talk.is_credited_to(BORIS, ANNA)


async def test_attended_refer_while_the_colleague_rings(talk: Scene):
    await talk.anna.hold(talk.hers)
    async with talk.anna.dial(BORIS) as consults:
        asked = await talk.boris.until_ringing()
        second = consults.dialogs[0]
        transfer = await talk.anna.blind_transfer(talk.hers, BORIS)
        await consults.hang_up(second)
        assert await transfer.until_over() == 200
    await talk.boris.answer(await talk.boris.until_ringing(besides=[asked]))
    await talk.now_with(talk.boris, BORIS)

    await talk.is_credited_to(BORIS, ANNA)


@pytest.mark.parametrize("answered", [True, False], ids=["when its agent talks", "before its agent answers"])
async def test_joined_with_a_queue_by_the_phone(talk: Scene, answered: bool):
    await talk.anna.hold(talk.hers)
    async with talk.anna.dial(QUEUE) as consults:
        second = await consults.until_talking()
        rung = await talk.boris.until_ringing()
        if answered:
            await talk.boris.answer(rung)
            await talk.boris.until_hears(await talk.boris.until_talking(), TONES[ANNA])
        else:
            await consults.until_hears(second, MUSIC_TONE)
        transfer = await talk.anna.attended_transfer(talk.hers, second)
        assert await transfer.until_over() == 200
        await talk.anna.until_over(talk.hers)
    if not answered:
        await talk.boris.answer(await talk.boris.until_ringing(besides=[rung]))
    await talk.now_with(talk.boris, BORIS)

    await talk.is_credited_to(BORIS, ANNA)


# By keys


async def test_blind_by_keys(talk: Scene):
    await talk.anna.press(talk.hers, "##")
    await talk.ivan.until_hears(talk.his, MUSIC_TONE)
    await talk.anna.press(talk.hers, f"{BORIS}#")
    await talk.anna.until_over(talk.hers)
    await answers(talk.boris)
    await talk.now_with(talk.boris, BORIS)

    await talk.is_credited_to(BORIS, ANNA)


async def test_attended_by_keys_completed_by_hanging_up(talk: Scene):
    await talk.anna.press(talk.hers, "*2")
    await talk.ivan.until_hears(talk.his, MUSIC_TONE)
    await talk.anna.press(talk.hers, f"{BORIS}#")
    await answers(talk.boris)
    asked = await talk.boris.until_talking()
    await talk.boris.until_hears(asked, TONES[ANNA])
    await talk.anna.hang_up(talk.hers)
    await talk.now_with(talk.boris, BORIS)

    await talk.is_credited_to(BORIS, ANNA)


async def test_attended_by_keys_cancelled(talk: Scene):
    await talk.anna.press(talk.hers, "*2")
    await talk.anna.press(talk.hers, f"{BORIS}#")
    await answers(talk.boris)
    asked = await talk.boris.until_talking()
    await talk.anna.until_hears(talk.hers, TONES[BORIS])
    await talk.anna.press(talk.hers, "*1")
    await talk.boris.until_over(asked)
    await talk.now_with(talk.anna, ANNA)

    await talk.is_credited_to(ANNA, BORIS)


# By order


async def test_blind_to_an_outside_number(talk: Scene):
    await talk.order("POST", "transfer", to=N.outside(1))
    await talk.anna.until_over(talk.hers)
    outside = await talk.exchange.carrier.until("confirmed_at")
    await talk.ivan.until_hears(talk.his, CUSTOMER_TONE)
    assert not outside.over

    await talk.is_credited_to(ANNA)


async def test_attended_turned_into_a_conference(talk: Scene):
    await talk.order("POST", "transfer", to=BORIS, kind="attended")
    await answers(talk.boris)
    asked = await talk.boris.until_talking()
    await talk.boris.until_hears(asked, TONES[ANNA])
    await talk.order("POST", "transfer/conference")
    await talk.ivan.until_hears(talk.his, TONES[ANNA])
    await talk.ivan.until_hears(talk.his, TONES[BORIS])
    await talk.anna.hang_up(talk.hers)
    await talk.now_with(talk.boris, BORIS)

    await talk.is_credited_to(BORIS, ANNA)


async def test_the_customer_leaves_and_the_employees_talk_on(talk: Scene):
    await talk.order("POST", "transfer", to=BORIS, kind="attended")
    await answers(talk.boris)
    asked = await talk.boris.until_talking()
    await talk.boris.until_hears(asked, TONES[ANNA])

    await talk.is_credited_to(ANNA, BORIS)
    await talk.boris.until_hears(asked, TONES[ANNA])
    await talk.anna.hang_up(talk.hers)
    await talk.boris.until_over(asked)


async def test_the_employees_talk_on_though_the_service_is_started_again(talk: Scene):
    await talk.order("POST", "transfer", to=BORIS, kind="attended")
    await answers(talk.boris)
    asked = await talk.boris.until_talking()
    await talk.boris.until_hears(asked, TONES[ANNA])
    await talk.is_credited_to(ANNA, BORIS)

    await talk.exchange.service.kill()
    await talk.exchange.service.start()
    await talk.boris.until_hears(asked, TONES[ANNA])
    await talk.anna.until_hears(talk.hers, TONES[BORIS])
    await talk.boris.hang_up(asked)
    await talk.anna.until_over(talk.hers)


@pytest.mark.parametrize("by", ["keys", "phone"])
async def test_one_of_three_gives_his_place_away_and_the_others_talk_on(talk: Scene, by: str):
    await talk.order("POST", "participants", to=BORIS)
    await answers(talk.boris)
    his = await talk.boris.until_talking()
    await talk.boris.until_hears(his, CUSTOMER_TONE)

    if by == "keys":
        await talk.anna.press(talk.hers, "##")
        await talk.anna.press(talk.hers, f"{VERA}#")
    else:
        await talk.anna.blind_transfer(talk.hers, VERA)
    await talk.anna.until_over(talk.hers)
    rings = await talk.vera.until_ringing()
    await talk.ivan.until_hears(talk.his, TONES[BORIS])
    await talk.boris.until_hears(his, CUSTOMER_TONE)
    await talk.vera.answer(rings)
    await talk.now_with(talk.vera, VERA)
    await talk.boris.until_hears(his, TONES[VERA])

    await talk.is_credited_to(VERA, ANNA, BORIS)


async def test_who_began_leaves_before_the_answer_and_nobody_answers(talk: Scene):
    await talk.order("POST", "transfer", to=BORIS, kind="attended")
    await talk.boris.until_ringing()
    await talk.anna.hang_up(talk.hers)
    await talk.declines(talk.boris, BORIS)
    await answers(talk.anna)
    await talk.now_with(talk.anna, ANNA)

    await talk.is_credited_to(ANNA, BORIS)
