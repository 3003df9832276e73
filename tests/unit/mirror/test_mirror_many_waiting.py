"""The portal is away for hours: thousands of calls wait for it, on disk rather than in memory."""

import asyncio

import pytest

from b24client import Temporary
from stasis_app.mirror import mirror as mirror_module
from tests.unit.mirror.mirror_story import ANNA

AWAY = Temporary("register", "", "the portal is away")


@pytest.fixture
async def many(desk, monkeypatch):
    """Ten calls made while the portal is away, room in memory for four, and a disk that takes nothing yet."""
    monkeypatch.setattr(mirror_module, "MOST_LANES", 4)
    monkeypatch.setattr(mirror_module, "READ_AT_ONCE", 2)
    monkeypatch.setattr(mirror_module, "TIDY_EVERY", 0.01)
    desk.portal.trouble = {kind: [AWAY] * 10_000 for kind in ("register", "cards", "finish")}
    desk.outbox.takes = False
    desk.mirror._tidy()
    for number in range(10):
        desk.call(f"{number}.1").comes_in().rings(ANNA).answers(ANNA).talks(ANNA).wait(5).leaves(ANNA).ends()
    return desk


async def until(true) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - the mirror has no event for its memory
            await asyncio.sleep(0.01)


async def test_calls_that_are_over_wait_on_disk_and_are_told_once_it_is_back(many):
    many.outbox.takes = True
    await until(lambda: many.mirror.state.lanes == 4)
    assert many.mirror.state.waiting == 10

    many.portal.trouble = {}
    await until(lambda: many.mirror.state.waiting == 0)

    assert sorted(call.call_id for call in many.portal.finished) == sorted(f"portal-{n}.1" for n in range(10))
    assert set(many.outbox.states()) <= {"done", "dropped"}


async def test_while_the_disk_refuses_too_they_stay_in_memory(many):
    await until(lambda: not many.mirror.gate.is_open)
    await asyncio.sleep(0.1)
    assert many.mirror.state.lanes == 10

    many.outbox.takes = True
    await until(lambda: many.mirror.state.lanes == 4)


async def test_a_recording_that_comes_late_finds_its_call_on_disk(many):
    many.outbox.takes = True
    await until(lambda: many.mirror.state.lanes == 4)
    story = many.call("0.1")
    story.listener = lambda record, fact: None
    story.comes_in().rings(ANNA).answers(ANNA).talks(ANNA).wait(5).leaves(ANNA).ends()
    story.listener = many.mirror.on_fact
    story.is_recorded()

    many.portal.trouble = {}
    await until(lambda: many.mirror.state.waiting == 0)

    assert many.portal.attached == ["talk.wav"]
    assert len([call for call in many.portal.finished if call.call_id == "portal-0.1"]) == 1


async def test_a_new_start_goes_on_with_all_of_them_few_at_a_time(many):
    many.outbox.takes = True
    await until(lambda: many.mirror.state.lanes == 4)
    many.portal.trouble = {}
    await many.restart()
    many.mirror._tidy()

    await until(lambda: many.mirror.state.waiting == 0)
    assert len({call.call_id for call in many.portal.finished}) == len(many.portal.finished) == 10
