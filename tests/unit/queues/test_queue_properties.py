"""Whatever people do: no agent is offered two calls, and no caller is forgotten."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from queue_fakes import Hall

from stasis_app.queues import Strategy
from tests.unit.calls.conftest import pytest_asyncio_loop_factories

AGENTS = ("101", "102", "103")
CALLERS = ("1.0", "2.0", "3.0", "4.0")
steps = st.lists(
    st.one_of(
        st.tuples(st.just("calls"), st.sampled_from(CALLERS)),
        st.tuples(st.just("hangs up"), st.sampled_from(CALLERS)),
        st.tuples(
            st.sampled_from(["answers", "declines", "pauses", "comes back", "out", "in"]), st.sampled_from(AGENTS)
        ),
        st.tuples(st.just("passes"), st.sampled_from(["1", "6", "16"])),
    ),
    max_size=30,
)


def on_jumping_clock(story: Coroutine[Any, Any, None]) -> None:
    (factory,) = pytest_asyncio_loop_factories().values()
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(story)


@settings(max_examples=30, deadline=None)
@example(strategy=Strategy.LINEAR, story=[("calls", "1.0"), ("calls", "2.0")])
@given(strategy=st.sampled_from(Strategy), story=steps)
def test_no_agent_is_offered_two_calls_and_no_caller_is_forgotten(strategy: Strategy, story: list[tuple[str, str]]):
    on_jumping_clock(play(strategy, story))


async def play(strategy: Strategy, story: list[tuple[str, str]]) -> None:
    hall = Hall(*AGENTS, strategy=strategy, wrap_up=3, timeout=36_000)
    tell_at_once = hall.asterisk.endpoint

    async def tell_late(tech: str, resource: str, /) -> object:
        await asyncio.sleep(0.3)  # time for others to call while an agent's phone is being asked after
        return await tell_at_once(tech, resource)

    hall.asterisk.endpoint = tell_late
    for what, who in story:
        await happens(hall, what, who)
        no_agent_is_offered_two_calls(hall)
        everybody_waits_talks_or_has_gone(hall)
    for agent in AGENTS:
        hall.queues.pause(agent, paused=False)
        hall.queues.sign("sales", agent, signed_in=True)
    for _ in range(3 * len(CALLERS)):
        await answer_all(hall)
        for channel in CALLERS:
            if channel in hall.channels and hall.talks(channel):
                await hall.hangs_up(channel)
        await hall.passes(10)
    assert hall.waiting() == []
    assert hall.channels == {}


async def happens(hall: Hall, what: str, who: str) -> None:
    ringing = [c.id for c in hall.channels.values() if c.name.startswith(f"PJSIP/{who}-") and c.state != "Up"]
    match what:
        case "calls" if who not in hall.records:
            await hall.calls(who)
        case "hangs up" if who in hall.channels:
            await hall.hangs_up(who)
        case "answers" if ringing:
            await hall.rings(who)
            await hall.answers(who)
        case "declines" if ringing:
            await hall.hangs_up(ringing[0], 21, 603)
        case "pauses" | "comes back":
            hall.queues.pause(who, paused=what == "pauses")
        case "out" | "in":
            hall.queues.sign("sales", who, signed_in=what == "in")
        case "passes":
            await hall.passes(float(who))
    await hall.settled()


async def answer_all(hall: Hall) -> None:
    for agent in AGENTS:
        await happens(hall, "answers", agent)


def no_agent_is_offered_two_calls(hall: Hall) -> None:
    offered = [agent for place in hall.queue.line for agent in place.offered]
    assert len(offered) == len(set(offered))
    phones = [c.name for c in hall.channels.values() if not c.name.startswith("PJSIP/trunk")]
    assert len(phones) == len({name.rpartition("-")[0] for name in phones})


def everybody_waits_talks_or_has_gone(hall: Hall) -> None:
    for channel in CALLERS:
        if channel in hall.channels:
            assert channel in hall.waiting() or hall.talks(channel)
        else:
            assert channel not in hall.waiting()
