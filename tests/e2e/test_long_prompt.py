"""A prompt of half a minute on one call holds up no other call."""

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio

from lab.exchange import Exchange
from lab.phones import Manner
from lab.stage import play
from lab.story import HANG_UP, Numbers, PlannedCall, Story, ring

N, M = Numbers(1), Numbers(2)
LISTENS = Story(
    name="a caller listens to half a minute of prompt",
    calls=(PlannedCall(N.client(1), N.did, "", [], talk_s=25.0),),
    lines={N.did: N.element("speech")},
    elements={
        N.element("speech"): {"type": "say", "prompts": ["demo-congrats"], "next": N.element("end")},
        N.element("end"): HANG_UP,
    },
)
OTHERS = Story(
    name="others call meanwhile",
    calls=tuple(
        PlannedCall(M.client(which), M.did, M.phone(1), [M.phone(1)], after_s=3.0 * which, talk_s=1.0)
        for which in (1, 2, 3)
    ),
    phones=(Manner(M.phone(1), ring_s=0.5),),
    lines={M.did: M.element("ring")},
    elements={
        M.element("ring"): ring(M, 1, seconds=10),
        M.element("end"): HANG_UP,
    },
)


@pytest_asyncio.fixture
async def exchange() -> AsyncIterator[Exchange]:
    async with Exchange([LISTENS, OTHERS]) as running:
        yield running


async def test_others_are_answered_bridged_and_hung_up_without_delay(exchange: Exchange):
    (listener,), others = await asyncio.gather(
        play(LISTENS, exchange.pbx, exchange.carrier, exchange.folder),
        play(OTHERS, exchange.pbx, exchange.carrier, exchange.folder),
    )

    assert listener.caller.hung_up_here  # the prompt was still playing when he had enough
    for call in others:
        assert call.talk
        assert call.caller_heard
        (leg,) = call.legs
        assert leg.ringing_at
        assert leg.answered_at
        assert leg.ended_at
        assert call.caller.answered_at
        assert call.caller.ended_at
        assert leg.invited_at - call.caller.invited_at < 1.0
        assert call.caller.answered_at - leg.answered_at < 0.5
        assert leg.ended_at - call.caller.ended_at < 0.5
