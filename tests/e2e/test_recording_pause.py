"""An employee pauses the recording by key while the customer says his card number, and goes on with it."""

import asyncio
import re

from lab.exchange import Exchange
from lab.phones import CUSTOMER_TONE, Caller, Manner, Office
from lab.recordings import voices
from lab.story import HANG_UP, Numbers, Story

N = Numbers(1)
ANNA = N.phone(1)
TONES = {ANNA: 1600}
BEEP_TONE = 700  # Hz, of the core sound `beep`, which lasts 0.4 s
STORY = Story(
    name="a card number is said",
    calls=(),
    phones=(Manner(ANNA, ring_s=0.2),),
    lines={N.did: N.element("anna")},
    elements={
        N.element("anna"): {"type": "ring", "targets": [ANNA], "seconds": 15, "on_no_answer": N.element("end")},
        N.element("end"): HANG_UP,
    },
)


async def test_the_pause_is_a_hole_in_the_recording_and_who_pressed_hears_one_beep_then_two():
    async with Exchange([STORY], recorded={"stereo": True}) as exchange:
        async with (
            Office(exchange.pbx, exchange.folder, phones=STORY.phones, tones=TONES) as office,
            Caller(exchange.pbx, exchange.folder, number=N.did, from_number=N.client(1)) as ivan,
            exchange.api() as http,
        ):
            anna = office.phone(ANNA)
            hers, his = await anna.until_talking(), await ivan.until_talking()

            async def is_paused() -> bool:
                async with http.get("/api/v1/calls") as answer:
                    (call,) = (await answer.json())["calls"]
                return bool(call["recording_paused"])

            await ivan.until_hears(his, TONES[ANNA])
            await asyncio.sleep(1.5)
            await anna.press(hers, "*5")
            await anna.until_hears(hers, CUSTOMER_TONE)
            assert await is_paused()
            await ivan.until_hears(his, TONES[ANNA])  # they hear each other all the time
            await asyncio.sleep(1.5)
            await anna.press(hers, "*5")
            await anna.until_hears(hers, CUSTOMER_TONE)
            assert not await is_paused()
            await ivan.until_hears(his, TONES[ANNA])
            await asyncio.sleep(1.5)
            await ivan.hang_up()
            await anna.until_over(hers)

            (once, twice) = (ended - began for began, ended in anna.ear.sound(hers).when(BEEP_TONE))
            assert 0.3 < once < 0.7 < twice < 1.3
            assert ivan.sound(his).when(BEEP_TONE) == []

        crm = await exchange.portal.until_call(lambda held: held["record"] is not None, 30)
        left, right = voices(await exchange.portal.recording(crm["record"]["file_id"]))
        assert re.fullmatch(r"-?c{2,}-{4,}c{2,}-?", left), left
        assert re.fullmatch(r"-?e{2,}-{4,}e{2,}-?", right), right
        await exchange.until_nothing_is_left()
