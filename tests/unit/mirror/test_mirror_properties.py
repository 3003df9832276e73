"""Whatever happens in whatever order: one registration, one finish, no card for a call that is over."""

from __future__ import annotations

import asyncio
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from b24client import Temporary, UnknownOutcome
from stasis_app.calls.facts import Unanswered
from stasis_app.mirror import Mirror
from stasis_app.settings import Bitrix24Settings
from tests.unit.mirror.conftest import KeptRecordings
from tests.unit.mirror.mirror_story import ANNA, BORIS, CLIENT, VERA, ListeningPortal, MemoryOutbox, Office, Story

WHO = st.sampled_from([ANNA, BORIS, VERA, "199"])
HAPPENINGS = st.one_of(
    st.tuples(st.just("rings"), WHO),
    st.tuples(st.just("answers"), WHO),
    st.tuples(st.just("talks"), WHO),
    st.tuples(st.just("leaves"), WHO),
    st.tuples(st.just("gives_up"), WHO),
    st.tuples(st.just("known_as"), st.sampled_from([11, 13, 99])),
    st.tuples(st.just("is_recorded"), st.integers(0, 90)),
    st.tuples(st.just("pause"), st.integers(0, 3)),
    st.tuples(st.just("trouble"), st.sampled_from(["register", "cards", "finish", "attach"])),
    st.tuples(st.just("restart"), st.none()),
)


@settings(max_examples=100, deadline=None)
@given(st.booleans(), st.lists(HAPPENINGS, max_size=14), st.lists(HAPPENINGS, max_size=3))
def test_one_registration_one_finish_no_late_card(inbound, before_the_end, after_the_end):
    quick = {"SETTLE": 0.001, "LINGER": 0.001}
    again = {"LIVE_LONGEST": 0.001, "LATE_LONGEST": 0.001}
    agenda, attempts = "stasis_app.mirror.agenda", "stasis_app.mirror.attempts"
    with (
        patch.multiple(agenda, **quick),
        patch("stasis_app.mirror.work.BETWEEN_ASKS", 0.001),
        patch.multiple(attempts, **again),
        patch("stasis_app.mirror.gate.LONGEST_PROBE", 0.001),
        patch("stasis_app.mirror.entries.STILL_AT_WORK", 0.001),
    ):
        asyncio.run(_play(inbound, before_the_end, after_the_end))


async def _play(inbound: bool, before_the_end: list, after_the_end: list) -> None:
    portal, outbox = ListeningPortal(), MemoryOutbox()
    mirror = await _started(portal, outbox)
    call = Story(mirror.on_fact)
    _ = call.comes_in() if inbound else call.is_dialled_by(ANNA, CLIENT)
    for happening in before_the_end:
        mirror = await _happens(call, mirror, portal, outbox, *happening)
    call.ends()
    for happening in after_the_end:
        mirror = await _happens(call, mirror, portal, outbox, *happening)
    await mirror.settled()
    await mirror.stop()

    assert len({call.external_call_id for call in portal.registered}) == 1
    assert len({call.user_id for call in portal.registered}) == 1  # a repetition the portal can recognise
    assert len(portal.finished) == 1
    finish = max(index for index, said in enumerate(portal.said) if said.startswith("finish"))
    assert not any("show" in said or "hide" in said for said in portal.said[finish:])
    assert set(outbox.states()) <= {"done", "dropped"}


async def _happens(call, mirror, portal, outbox, what, whom):
    if what == "restart":
        await mirror.stop(0)
        mirror = await _started(portal, outbox)
        call.listener = mirror.on_fact
    elif what == "pause":
        for _ in range(whom):
            await asyncio.sleep(0)
    elif what == "trouble":
        error = UnknownOutcome if whom == "register" else Temporary
        portal.trouble.setdefault(whom, []).append(error("any", "", "gone"))
    elif what == "known_as":
        call.known_as(797, whom)
    elif what == "is_recorded":
        call.is_recorded(f"talk-{whom}", whom)
    elif what == "gives_up":
        call.gives_up(whom, Unanswered.NO_ANSWER)
    elif call.record.ended_at is None:
        getattr(call.wait(1), what)(whom)
    return mirror


async def _started(portal: ListeningPortal, outbox: MemoryOutbox) -> Mirror:
    mirror = Mirror(outbox, portal, Office(), KeptRecordings(), Bitrix24Settings(default_user=1))  # type: ignore[arg-type]
    await mirror.start()
    return mirror
