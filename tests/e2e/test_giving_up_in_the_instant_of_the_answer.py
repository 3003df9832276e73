"""Callers who give up just when a phone answers: whichever comes first, nobody and nothing is left behind."""

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio

from lab.exchange import Exchange
from lab.phones import Manner
from lab.story import HANG_UP, Numbers, PlannedCall, Story, ring

N = Numbers(1)
RING_S = 1.0
MOMENTS = (-0.02, -0.01, 0.0, 0.0, 0.01, 0.02)  # of the CANCEL beside the answer, seconds
WHICH = range(1, len(MOMENTS) + 1)
STORY = Story(
    name="callers give up in the instant of the answer",
    phones=tuple(Manner(N.phone(which), ring_s=RING_S) for which in WHICH),
    lines={N.line(which): N.element(f"ring{which}") for which in WHICH},
    elements={
        **{N.element(f"ring{which}"): ring(N, which, seconds=10) for which in WHICH},
        N.element("end"): HANG_UP,
    },
    calls=tuple(
        PlannedCall(N.client(which), N.line(which), "", gives_up_s=RING_S + moment, talk_s=0.2)
        for which, moment in zip(WHICH, MOMENTS, strict=True)
    ),
)


@pytest_asyncio.fixture
async def exchange() -> AsyncIterator[Exchange]:
    async with Exchange([STORY]) as running:
        yield running


async def test_everything_is_over_for_everybody(exchange: Exchange):
    played = await exchange.play(STORY)

    assert [call for call in played.calls if not call.caller.over] == []
    assert [leg for call in played.calls for leg in call.legs if not leg.over] == []
    held = await asyncio.gather(
        *(
            exchange.portal.until_call(lambda crm, line=line: crm["line_number"] == line and crm["finish"] is not None)
            for line in STORY.lines
        )
    )
    assert len(await exchange.portal.calls()) == len(held)
    assert [card for crm in held for card in crm["cards"] if card["hidden_at"] is None] == []
    assert [crm["finishes_refused"] for crm in held] == [0] * len(held)
    await exchange.until_nothing_is_left()
