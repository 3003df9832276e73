"""A call is given to a queue, to an element of the plan, and to colleagues who can't take it; and given back."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from e2e_office import ANNA, BORIS, IVAN, PHONES, TONES, VERA, N, Scene, open_exchange

from lab.asterisk import MUSIC_TONE
from lab.exchange import Exchange
from lab.story import HANG_UP, Story, ring
from lab.truth import Dialog

QUEUE = "600"
STORY = Story(
    name="calls go to a queue, and to colleagues who are busy",
    calls=(),
    phones=PHONES,
    clients=(IVAN,),
    lines={N.did: N.element("anna")},
    elements={
        N.element("anna"): ring(N, 1),
        N.element("vera"): ring(N, 3),
        N.element("queue"): {
            "type": "queue",
            "agents": [BORIS],
            "announce_every": 0,
            "announce_position": False,
            "announce_wait": False,
            "on_timeout": N.element("end"),
        },
        N.element("end"): HANG_UP,
    },
)
NUMBERS = f'[numbers]\n"{QUEUE}" = "{N.element("queue")}"\n'
QUICK = "[features]\ntransfer_seconds = 8\nback_seconds = 8\n"
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def exchange() -> AsyncIterator[Exchange]:
    async with open_exchange(Exchange([STORY], plan=NUMBERS, configuration=QUICK)) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def talk(story: Scene) -> Scene:
    """Ivan talks with Anna."""
    await story.talk()
    return story


async def comes_back(talk: Scene) -> Dialog:
    """Her phone rings again, and she takes the call."""
    await talk.anna.answer(await talk.anna.until_ringing(besides=[talk.rings]))
    return await talk.now_with(talk.anna, ANNA)


# And back


async def test_who_got_the_call_gives_it_back(talk: Scene):
    await talk.anna.blind_transfer(talk.hers, QUEUE)
    await talk.boris.answer(await talk.boris.until_ringing())
    his = await talk.now_with(talk.boris, BORIS)

    await talk.boris.blind_transfer(his, ANNA)
    await talk.boris.until_over(his)
    await comes_back(talk)

    await talk.is_credited_to(ANNA, perhaps=BORIS)


async def test_asked_and_given_the_call_he_asks_her_and_gives_it_back(talk: Scene):
    await talk.order("POST", "transfer", to=BORIS, kind="attended")
    await talk.boris.answer(await talk.boris.until_ringing())
    await talk.boris.until_hears(await talk.boris.until_talking(), TONES[ANNA])
    await talk.anna.hang_up(talk.hers)
    his = await talk.now_with(talk.boris, BORIS)

    await talk.boris.press(his, "*2")
    await talk.ivan.until_hears(talk.his, MUSIC_TONE)
    await talk.boris.press(his, f"{ANNA}#")
    await talk.anna.answer(await talk.anna.until_ringing(besides=[talk.rings]))
    await talk.anna.until_hears(await talk.anna.until_talking(), TONES[BORIS])
    await talk.boris.hang_up(his)
    await talk.now_with(talk.anna, ANNA)

    await talk.is_credited_to(ANNA, perhaps=BORIS)


# To an element of the plan


async def test_to_an_element_of_the_plan_by_order(talk: Scene):
    await talk.order("POST", "transfer", to=N.element("vera"))
    await talk.anna.until_over(talk.hers)
    await talk.vera.answer(await talk.vera.until_ringing())
    await talk.now_with(talk.vera, VERA)

    await talk.is_credited_to(VERA, perhaps=ANNA)


# To who can't take it


async def test_to_a_phone_that_says_it_is_busy(talk: Scene):
    await talk.anna.blind_transfer(talk.hers, BORIS)
    first = await talk.boris.until_ringing()
    await talk.boris.decline(first, 486)
    # Who is busy is asked once more: she may just have talked with him.
    await talk.boris.decline(await talk.boris.until_ringing(besides=[first]), 486)
    await comes_back(talk)

    await talk.is_credited_to(ANNA, perhaps=BORIS)


async def test_to_a_colleague_in_another_call(talk: Scene):
    async with talk.vera.dial(BORIS):
        await talk.boris.answer(await talk.boris.until_ringing())
        busy_with = await talk.boris.until_talking()

        await talk.anna.blind_transfer(talk.hers, BORIS)
        await comes_back(talk)
        assert talk.boris.dialogs == [busy_with]
        assert not busy_with.over

    await talk.is_credited_to(ANNA)


async def test_to_a_colleague_who_is_not_to_be_disturbed(talk: Scene):
    await set_for(talk, BORIS, do_not_disturb=True)
    try:
        await talk.anna.blind_transfer(talk.hers, BORIS)
        await comes_back(talk)
        assert talk.boris.dialogs == []
    finally:
        await set_for(talk, BORIS, do_not_disturb=False)

    await talk.is_credited_to(ANNA)


async def set_for(scene: Scene, extension: str, **settings: object) -> None:
    async with scene.exchange.api() as http, http.put(f"/api/v1/extensions/{extension}", json=settings) as answer:
        assert answer.status == 200, await answer.text()


# To and fro


@pytest.mark.parametrize("by_keys", [True, False], ids=["by keys", "by order"])
async def test_asking_back_to_the_customer_and_to_the_colleague_again(talk: Scene, by_keys: bool):
    async def swap() -> None:
        if by_keys:
            await talk.anna.press(talk.hers, "*4")
        else:
            await talk.order("POST", "transfer/swap")

    await talk.order("POST", "transfer", to=BORIS, kind="attended")
    await talk.boris.answer(await talk.boris.until_ringing())
    asked = await talk.boris.until_talking()
    await talk.boris.until_hears(asked, TONES[ANNA])

    await swap()
    await talk.ivan.until_hears(talk.his, TONES[ANNA])
    await talk.boris.until_hears(asked, MUSIC_TONE)
    await swap()
    await talk.boris.until_hears(asked, TONES[ANNA])
    await talk.ivan.until_hears(talk.his, MUSIC_TONE)
    await talk.anna.hang_up(talk.hers)
    await talk.now_with(talk.boris, BORIS)

    await talk.is_credited_to(BORIS, perhaps=ANNA)
