"""Which agents of a queue are there to be rung, and which are left alone."""

import pytest
from queue_fakes import Hall

from stasis_app.calls.call import Call
from stasis_app.calls.moves.merge import merge
from stasis_app.calls.verbs import Target
from stasis_app.queues import AgentState


async def test_an_agent_who_declines_is_left_alone_for_a_moment():
    hall = Hall("101", "102", strategy="linear", retry=30)
    await hall.calls("1.0")
    await hall.rings("101")
    await hall.declines("101")
    await hall.settled()

    assert hall.rung() == ["101", "102"]
    assert hall.queue.agent_view("101").state is AgentState.RESTING


async def test_the_only_agent_is_tried_again_after_the_rest():
    hall = Hall("101", retry=30)
    await hall.calls("1.0")
    await hall.rings("101")
    await hall.declines("101")
    await hall.passes(29)
    assert hall.rung() == ["101"]

    await hall.passes(2)

    assert hall.rung() == ["101", "101"]


async def test_phones_that_are_off_or_not_to_be_disturbed_are_not_rung():
    hall = Hall("101", "102", "103", strategy="linear")
    hall.asterisk.phones = {"101": "offline", "102": "dnd"}

    await hall.calls("1.0")

    assert hall.rung() == ["103"]
    assert hall.queue.agent_view("101").reason == "not registered"
    assert hall.queue.agent_view("102").reason == "do not disturb"


async def test_a_phone_that_comes_back_is_found_again():
    hall = Hall("101", retry=5)
    hall.asterisk.phones = {"101": "offline"}
    await hall.calls("1.0")
    hall.asterisk.phones = {}

    await hall.passes(6)

    assert hall.rung() == ["101"]


async def test_an_agent_has_time_for_himself_after_a_call():
    hall = Hall("101", wrap_up=20)
    await hall.calls("1.0")
    await hall.calls("2.0")
    await hall.answered_by("101")
    await hall.hangs_up("1.0")
    await hall.settled()
    assert hall.queue.agent_view("101").state is AgentState.WRAP_UP

    await hall.passes(19)
    assert hall.rung() == ["101"]
    await hall.passes(2)

    assert hall.rung() == ["101", "101"]


async def test_an_agent_who_is_joined_into_another_call_has_time_for_himself_after_that_one():
    hall = Hall("101", wrap_up=20)

    async def vera_takes_it(call: Call) -> None:
        if (await call.ring([Target.extension("103")], seconds=20)).answered_by:
            await call.talk()

    hall.flow = vera_takes_it
    await hall.calls("1.0")
    await hall.answers("103")
    hall.flow = hall.lead
    await hall.arrives("internal", "600", channel="2.0", name="PJSIP/103-00000009", number="103")
    await hall.answered_by("101")
    await hall.passes(10)

    first, second = hall.tracker.get("1.0"), hall.tracker.get("2.0")
    assert first is not None
    assert second is not None
    await merge(first, hall.leg("103"), second, "2.0")
    await hall.settled()
    assert hall.ended("2.0")
    assert hall.talks("1.0") == "101"
    await hall.passes(30)
    assert hall.queue.agent_view("101").call_id == "1.0"

    await hall.hangs_up("1.0")
    await hall.settled()
    agent = hall.queue.agent_view("101")
    assert agent.state is AgentState.WRAP_UP
    assert agent.until == pytest.approx(hall.now() + 20, abs=1)


async def test_an_agent_who_pauses_is_not_rung_until_he_goes_on():
    hall = Hall("101")
    hall.queues.pause("101", paused=True, reason="lunch")
    await hall.calls("1.0")
    await hall.passes(60)
    assert hall.rung() == []
    assert hall.queue.agent_view("101").reason == "lunch"

    hall.queues.pause("101", paused=False)
    await hall.settled()

    assert hall.rung() == ["101"]


@pytest.mark.parametrize("day", ["CLOSED", "PAUSED"])
async def test_agents_whose_working_day_is_over_are_not_rung(day: str):
    hall = Hall("101", "102", strategy="linear", follow_working_day=True, days={101: day, 102: "OPENED"})

    await hall.calls("1.0")

    assert hall.rung() == ["102"]
    assert hall.queue.agent_view("101").reason == f"working day {day.lower()}"


async def test_agents_whose_working_day_nobody_knows_are_rung():
    hall = Hall("101", follow_working_day=True, days={})

    await hall.calls("1.0")

    assert hall.rung() == ["101"]


async def test_an_agent_toggles_himself_out_of_his_queues_and_in_again():
    hall = Hall("101")

    assert hall.queues.toggle("101") is False
    assert not hall.queue.signed_in("101")
    assert hall.queues.toggle("101") is True
    assert hall.queue.signed_in("101")
    assert hall.queues.toggle("999") is None


async def test_an_agent_who_hangs_up_at_once_is_free_again():
    hall = Hall("101")
    await hall.calls("1.0")
    await hall.rings("101")
    leg = hall.leg("101")
    await hall.answers("101")
    await hall.hangs_up(leg)
    await hall.settled()
    await hall.calls("2.0")

    assert hall.rung() == ["101", "101"]


async def test_a_phone_whose_last_call_asterisk_is_still_ending_is_asked_after_again_at_once():
    hall = Hall("101", retry=30)
    await hall.calls("1.0")
    await hall.answered_by("101")
    await hall.calls("2.0")
    hall.asterisk.phones = {"101": "busy"}
    await hall.hangs_up("1.0")
    await hall.settled()
    hall.asterisk.phones = {}

    await hall.passes(0.6)

    assert hall.rung() == ["101", "101"]


async def test_a_phone_that_stays_busy_is_not_asked_after_all_the_time():
    hall = Hall("101", retry=30)
    hall.asterisk.phones = {"101": "busy"}
    await hall.calls("1.0")
    await hall.passes(2)
    hall.asterisk.phones = {}

    await hall.passes(20)
    assert hall.rung() == []
    await hall.passes(20)
    assert hall.rung() == ["101"]
