"""Hold, parking, pickup, conference and codes on a real Asterisk; the CRM is told who really talked."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from e2e_office import ANNA, BORIS, IVAN, PHONES, TONES, VERA, N, Scene, ivan_calls, open_exchange

from lab.asterisk import MUSIC_TONE, RINGING_TONE
from lab.exchange import Exchange
from lab.phones import CUSTOMER_TONE, Caller, Manner, Office
from lab.story import HANG_UP, Story
from lab.truth import Dialog

SLOT, GROUP = "701", "6001"
STORY = Story(
    name="calls are held, parked, picked up and shared",
    calls=(),
    phones=PHONES,
    clients=(IVAN,),
    outside=(Manner(N.outside(1), ring_s=0.3),),
    lines={N.did: N.element("anna")},
    elements={
        N.element("anna"): {
            "type": "responsible",
            "seconds": 15,
            "on_no_answer": N.element("end"),
            "on_unknown": N.element("end"),
        },
        N.element("group"): {"type": "ring", "targets": [BORIS], "seconds": 15, "on_no_answer": N.element("end")},
        N.element("end"): HANG_UP,
    },
)
CONFIGURATION = f"""
[features]
back_seconds = 8
[parking]
slots = "{SLOT}-702"
seconds = 6  # saying the slot takes almost three of them
"""
NUMBERS = f'[numbers]\n"{GROUP}" = "{N.element("group")}"\n'
# Asterisk's own pickup, as a PBX beside the service may offer it.
DIALPLAN = f"""
[stasis-phones](+)
exten => 8{ANNA},1,PickupChan(PJSIP/{ANNA},p)
 same => n,Hangup()
"""
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def exchange() -> AsyncIterator[Exchange]:
    ours = Exchange([STORY], plan=NUMBERS, configuration=CONFIGURATION, dialplan=DIALPLAN)
    async with open_exchange(ours) as running:
        yield running


async def test_hold_by_order_gives_music_and_takes_it_away(story: Scene):
    await story.talk()

    await story.order("PATCH", f"participants/{ANNA}", held=True)
    await story.ivan.until_hears(story.his, MUSIC_TONE)

    await story.order("PATCH", f"participants/{ANNA}", held=False)
    await story.ivan.until_hears(story.his, TONES[ANNA])
    await story.anna.until_hears(story.hers, CUSTOMER_TONE)
    await story.is_credited_to(ANNA)


async def test_hold_by_the_phone_gives_music_too(story: Scene):
    await story.talk()

    await story.anna.hold(story.hers)
    await story.ivan.until_hears(story.his, MUSIC_TONE)
    await story.anna.resume(story.hers)
    await story.ivan.until_hears(story.his, TONES[ANNA])
    await story.is_credited_to(ANNA)


async def test_mute_keeps_what_she_says_from_the_customer_and_not_the_other_way_round(story: Scene):
    await story.talk()

    await story.order("PATCH", f"participants/{ANNA}", muted=True)
    since = time.time() + 0.2  # for what was on its way
    await story.anna.until_hears(story.hers, CUSTOMER_TONE)
    await asyncio.sleep(1)
    assert not story.ivan.ear.heard(story.his, TONES[ANNA], since)

    await story.order("PATCH", f"participants/{ANNA}", muted=False)
    await story.ivan.until_hears(story.his, TONES[ANNA])
    await story.is_credited_to(ANNA)


async def test_keys_reach_the_customer_by_order_and_from_her_phone(story: Scene):
    await story.talk()

    await story.order("POST", f"participants/{N.client(1)}/dtmf", digits="12#")
    await story.ivan.until_keys(story.his, "12#")
    await story.anna.press(story.hers, "5")
    await story.ivan.until_keys(story.his, "12#5")
    await story.is_credited_to(ANNA)


async def test_a_parked_call_is_taken_by_whoever_dials_the_slot(story: Scene):
    await story.talk()

    parked = await story.order("POST", "park", participant=ANNA)
    assert parked["slot"] == SLOT
    await story.anna.until_over(story.hers)
    await story.ivan.until_hears(story.his, MUSIC_TONE)

    async with story.boris.dial(SLOT) as takes:
        talk = await takes.until_talking()
        await takes.until_hears(talk, CUSTOMER_TONE)
        await story.ivan.until_hears(story.his, TONES[BORIS])
        await story.is_credited_to(BORIS, perhaps=ANNA)


async def test_a_parked_call_nobody_takes_comes_back(story: Scene):
    await story.talk()

    transfer = await story.anna.blind_transfer(story.hers, SLOT)
    assert await transfer.until_over() == 200
    await story.ivan.until_hears(story.his, MUSIC_TONE)

    await story.anna.answer(await story.anna.until_ringing(besides=[story.rings]))
    await story.ivan.until_hears(story.his, TONES[ANNA])
    await story.is_credited_to(ANNA)


async def test_parked_by_keys_the_slot_is_said_first(story: Scene):
    await story.talk()

    await story.anna.press(story.hers, "#7")
    await story.ivan.until_hears(story.his, MUSIC_TONE)
    await story.anna.until_over(story.hers)
    async with story.vera.dial(SLOT) as takes:
        await takes.until_hears(await takes.until_talking(), CUSTOMER_TONE)
        await story.is_credited_to(VERA, perhaps=ANNA)


@pytest.mark.parametrize("code", ["*8", f"*8{ANNA}"])
async def test_a_colleagues_ringing_phone_is_picked_up(story: Scene, code: str):
    async with story.boris.dial(code) as picks:
        talk = await picks.until_talking()
        await picks.until_hears(talk, CUSTOMER_TONE)
        await story.ivan.until_hears(await story.ivan.until_talking(), TONES[BORIS])
        await story.anna.until_over(story.rings)
        assert 'text="Call completed elsewhere"' in story.rings.cancel_reason
        await story.is_credited_to(BORIS, perhaps=ANNA)


async def test_who_picked_up_hangs_up_and_everybody_is_free(story: Scene):
    async with story.boris.dial("*8") as picks:
        talk = await picks.until_talking()
        await picks.until_hears(talk, CUSTOMER_TONE)
        await picks.hang_up(talk)
        await story.ivan.until_over(story.ivan.dialogs[0])
        await story.is_credited_to(BORIS, perhaps=ANNA)


async def test_picked_up_by_order_the_phone_rings_beside_the_others(story: Scene):
    await story.order("POST", "pickup", extension=VERA)

    await story.vera.answer(await story.vera.until_ringing())
    await story.ivan.until_hears(await story.ivan.until_talking(), TONES[VERA])
    await story.anna.until_over(story.rings)
    await story.is_credited_to(VERA, perhaps=ANNA)


async def test_picked_up_by_asterisk_itself_it_is_still_who_picked_up(story: Scene):
    async with story.boris.dial(f"8{ANNA}") as picks:
        await picks.until_hears(await picks.until_talking(), CUSTOMER_TONE)
        await story.ivan.until_hears(await story.ivan.until_talking(), TONES[BORIS])
        await story.is_credited_to(BORIS, perhaps=ANNA)


async def test_a_colleague_is_added_and_all_three_hear_each_other(story: Scene):
    await story.talk()

    await story.order("POST", "participants", to=BORIS)
    await story.boris.answer(await story.boris.until_ringing())
    talk = await story.boris.until_talking()
    for listener, at, tones in (
        (story.ivan, story.his, (TONES[ANNA], TONES[BORIS])),
        (story.anna, story.hers, (CUSTOMER_TONE, TONES[BORIS])),
        (story.boris, talk, (CUSTOMER_TONE, TONES[ANNA])),
    ):
        for tone in tones:
            await listener.until_hears(at, tone)
    await story.order("DELETE", f"participants/{ANNA}")
    await story.anna.until_over(story.hers)
    await story.ivan.until_hears(story.his, TONES[BORIS])
    await story.is_credited_to(BORIS, perhaps=ANNA)


async def anna_leaves_while_boris_rings(story: Scene) -> Dialog:
    """Anna talks, invites Boris and does not wait for him; his phone's call."""
    await story.talk()
    await story.order("POST", "participants", to=BORIS)
    rings = await story.boris.until_ringing()
    await story.anna.hang_up(story.hers)
    await story.ivan.until_hears(story.his, RINGING_TONE)
    return rings


async def test_who_invited_a_colleague_does_not_wait_for_him(story: Scene):
    rings = await anna_leaves_while_boris_rings(story)

    await story.boris.answer(rings)
    await story.boris.until_hears(await story.boris.until_talking(), CUSTOMER_TONE)
    await story.ivan.until_hears(story.his, TONES[BORIS])
    await story.is_credited_to(BORIS, perhaps=ANNA)


async def test_nobody_is_left_to_talk_with_and_the_call_comes_back_to_who_invited(story: Scene):
    rings = await anna_leaves_while_boris_rings(story)

    await story.boris.decline(rings)
    await story.anna.answer(await story.anna.until_ringing(besides=[story.rings]))
    await story.ivan.until_hears(story.his, TONES[ANNA])
    await story.is_credited_to(ANNA, perhaps=BORIS)


async def test_do_not_disturb_by_code_keeps_the_phone_silent(exchange: Exchange, office: Office):
    anna = office.phone(ANNA)
    async with anna.dial("*78") as code:
        await code.until_over(await code.until("answered_at"))
    async with Caller(exchange.pbx, exchange.folder, number=N.did, from_number=N.client(1)) as ivan:
        await ivan.until("refused_at")
    assert office.calls_of(ANNA) == []

    async with anna.dial("*79") as code:
        await code.until_over(await code.until("answered_at"))
    async with Caller(exchange.pbx, exchange.folder, number=N.did, from_number=N.client(1)):
        await anna.until_ringing()


@pytest.mark.parametrize("to", [BORIS, GROUP], ids=["a colleague", "a number of the plan"])
async def test_forwarded_by_code_the_colleague_rings_and_has_the_credit(exchange: Exchange, office: Office, to: str):
    anna, boris = office.phone(ANNA), office.phone(BORIS)
    async with anna.dial(f"*72{to}") as code:
        await code.until_over(await code.until("answered_at"))
    async with ivan_calls(exchange, office) as story:
        await boris.answer(await boris.until_ringing())
        await story.ivan.until_hears(await story.ivan.until_talking(), TONES[BORIS])
        await story.is_credited_to(BORIS, perhaps=ANNA)
    async with anna.dial("*73") as code:
        await code.until_over(await code.until("answered_at"))


async def test_the_phone_itself_sends_the_call_on(story: Scene):
    await story.anna.forward(story.rings, BORIS)

    await story.boris.answer(await story.boris.until_ringing())
    await story.ivan.until_hears(await story.ivan.until_talking(), TONES[BORIS])
    await story.is_credited_to(BORIS, perhaps=ANNA)
