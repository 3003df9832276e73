"""The service is killed while a call is parked, shared by three, or being transferred: it goes on where it stood."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from e2e_office import ANNA, BORIS, IVAN, PHONES, TONES, N, Scene

from lab.asterisk import MUSIC_TONE
from lab.exchange import Exchange
from lab.phones import CUSTOMER_TONE
from lab.story import HANG_UP, Story, ring

SLOT = "701"
STORY = Story(
    name="the service dies in the middle of a move",
    calls=(),
    phones=PHONES,
    clients=(IVAN,),
    lines={N.did: N.element("anna")},
    elements={N.element("anna"): ring(N, 1), N.element("end"): HANG_UP},
)
PARKED_S = 8.0
CONFIGURATION = f'[features]\nback_seconds = 8\n\n[parking]\nslots = "{SLOT}-702"\nseconds = {PARKED_S}\n'
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def exchange() -> AsyncIterator[Exchange]:
    async with Exchange([STORY], configuration=CONFIGURATION) as running:
        yield running
        await running.until_nothing_is_left()
        # Each start asks the portal the same few questions, and here one follows the other.
        complaints = [found for found in await running.portal.audit() if found["invariant"] != "lookup burst"]
        assert complaints == []


@pytest_asyncio.fixture(loop_scope="module")
async def talk(story: Scene) -> Scene:
    """Ivan talks with Anna."""
    await story.talk()
    return story


async def dies_and_comes_back(scene: Scene) -> None:
    """The service ends as in a power cut, and is started again."""
    await scene.exchange.service.kill()
    await scene.exchange.service.start()
    await scene.exchange.until_ready()


async def is_parked(scene: Scene) -> None:
    await scene.order("POST", "park", participant=ANNA)
    await scene.anna.until_over(scene.hers)


async def test_who_is_parked_waits_on_and_is_taken(talk: Scene):
    await is_parked(talk)

    await dies_and_comes_back(talk)
    await talk.ivan.until_hears(talk.his, MUSIC_TONE)
    async with talk.boris.dial(SLOT) as takes:
        await takes.until_hears(await takes.until_talking(), CUSTOMER_TONE)
        await talk.ivan.until_hears(talk.his, TONES[BORIS])
        await talk.is_credited_to(BORIS, perhaps=ANNA)


async def test_who_is_parked_and_taken_by_nobody_comes_back(talk: Scene):
    await is_parked(talk)

    await dies_and_comes_back(talk)
    back = await talk.anna.until_ringing(besides=[talk.rings])
    assert back.invited_at - talk.hers.ended_at == pytest.approx(PARKED_S, abs=1.5)
    await talk.anna.answer(back)
    await talk.now_with(talk.anna, ANNA)

    await talk.is_credited_to(ANNA)


async def test_three_in_a_conference_talk_on(talk: Scene):
    await talk.order("POST", "participants", to=BORIS)
    await talk.boris.answer(await talk.boris.until_ringing())
    boris = await talk.now_with(talk.boris, BORIS)

    await dies_and_comes_back(talk)
    for listener, at, tones in (
        (talk.ivan, talk.his, (TONES[ANNA], TONES[BORIS])),
        (talk.anna, talk.hers, (CUSTOMER_TONE, TONES[BORIS])),
        (talk.boris, boris, (CUSTOMER_TONE, TONES[ANNA])),
    ):
        for tone in tones:
            await listener.until_hears(at, tone)
    await talk.anna.hang_up(talk.hers)
    await talk.now_with(talk.boris, BORIS)

    await talk.is_credited_to(BORIS, perhaps=ANNA)


async def test_a_colleague_who_is_asked_rings_on_and_gets_the_call(talk: Scene):
    await talk.order("POST", "transfer", to=BORIS, kind="attended")
    ringing = await talk.boris.until_ringing()
    await talk.until_kept("Consulting")

    await dies_and_comes_back(talk)
    await talk.ivan.until_hears(talk.his, MUSIC_TONE)
    await talk.boris.answer(ringing)
    asked = await talk.boris.until_talking()
    await talk.boris.until_hears(asked, TONES[ANNA])
    await talk.anna.hang_up(talk.hers)
    await talk.now_with(talk.boris, BORIS)

    await talk.is_credited_to(BORIS, perhaps=ANNA)


@pytest.mark.parametrize("taken", [True, False], ids=["he takes the call", "he does not"])
async def test_a_colleague_who_was_asked_talks_on(talk: Scene, taken: bool):
    await talk.anna.press(talk.hers, "*2")
    await talk.ivan.until_hears(talk.his, MUSIC_TONE)
    await talk.anna.press(talk.hers, f"{BORIS}#")
    await talk.boris.answer(await talk.boris.until_ringing())
    asked = await talk.boris.until_talking()
    await talk.boris.until_hears(asked, TONES[ANNA])

    await dies_and_comes_back(talk)
    await talk.ivan.until_hears(talk.his, MUSIC_TONE)
    await talk.boris.until_hears(asked, TONES[ANNA])
    if taken:
        await talk.anna.hang_up(talk.hers)
        await talk.now_with(talk.boris, BORIS)
    else:
        await talk.anna.press(talk.hers, "*1")
        await talk.boris.until_over(asked)
        await talk.now_with(talk.anna, ANNA)

    await talk.is_credited_to(*((BORIS,) if taken else (ANNA,)), perhaps=ANNA if taken else BORIS)


async def test_the_two_calls_of_her_phone_are_joined_afterwards(talk: Scene):
    await talk.anna.hold(talk.hers)
    await talk.ivan.until_hears(talk.his, MUSIC_TONE)
    async with talk.anna.dial(BORIS) as consults:
        await talk.boris.answer(await talk.boris.until_ringing())
        second, asked = await consults.until_talking(), await talk.boris.until_talking()
        await talk.boris.until_hears(asked, TONES[ANNA])

        await dies_and_comes_back(talk)
        await talk.ivan.until_hears(talk.his, MUSIC_TONE)
        transfer = await talk.anna.attended_transfer(talk.hers, second)
        assert await transfer.until_over() == 200
        await talk.anna.until_over(talk.hers)
    await talk.now_with(talk.boris, BORIS)

    await talk.is_credited_to(BORIS, perhaps=ANNA)


async def test_in_the_moment_after_her_phone_has_joined_them(talk: Scene):
    await talk.anna.hold(talk.hers)
    async with talk.anna.dial(BORIS) as consults:
        await talk.boris.answer(await talk.boris.until_ringing())
        second = await consults.until_talking()
        await talk.boris.until_hears(await talk.boris.until_talking(), TONES[ANNA])
        await talk.anna.attended_transfer(talk.hers, second)
        await talk.anna.until_over(talk.hers)

        await dies_and_comes_back(talk)
    await talk.now_with(talk.boris, BORIS)

    await talk.is_credited_to(BORIS, perhaps=ANNA)
