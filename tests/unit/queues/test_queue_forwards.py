"""Agents who forward their calls, and phones that send them on."""

from queue_fakes import Hall

from stasis_app.queues import AgentState


async def test_forwards_are_not_followed_and_the_state_of_the_phone_counts():
    hall = Hall("101", "102", "103", strategy="linear")
    hall.asterisk.phones = {"101": "dnd"}
    await hall.extensions.change("101", forward_busy="104")
    await hall.extensions.change("102", forward_always="104")

    await hall.calls("1.0")

    assert hall.rung() == ["102"]
    assert hall.queue.agent_view("101").reason == "do not disturb"


async def test_an_agent_is_rung_where_he_forwards_his_calls_to_and_has_taken_the_call():
    hall = Hall("101", strategy="linear", follow_forwards=True, wrap_up=30)
    await hall.extensions.change("101", forward_always="104")

    await hall.calls("1.0")
    await hall.answered_by("104")

    assert hall.talks("1.0") == "104"
    assert hall.queue.agent_view("101").state is AgentState.ENGAGED

    await hall.hangs_up("1.0")
    await hall.settled()
    assert hall.queue.agent_view("101").state is AgentState.WRAP_UP


async def test_an_agent_serves_from_his_mobile():
    hall = Hall("101", strategy="linear", follow_forwards=True)
    await hall.extensions.change("101", forward_always="89161112233")

    await hall.calls("1.0")
    await hall.answered_by("89161112233")

    assert hall.talks("1.0") == "101"
    assert hall.queue.agent_view("101").state is AgentState.ENGAGED


async def test_an_agent_whose_colleague_is_busy_is_passed_over():
    hall = Hall("101", "102", strategy="linear", follow_forwards=True, retry=30)
    hall.asterisk.phones = {"104": "busy"}
    await hall.extensions.change("101", forward_always="104")

    await hall.calls("1.0")
    await hall.passes(1)

    assert hall.rung() == ["102"]


async def test_two_agents_at_one_phone_let_it_ring_once():
    hall = Hall("101", "102", "103", follow_forwards=True)
    await hall.extensions.change("101", forward_always="103")
    await hall.extensions.change("102", forward_always="103")

    await hall.calls("1.0")
    await hall.answered_by("103")

    assert hall.rung() == ["103"]
    assert hall.queue.agent_view("103").state is AgentState.ENGAGED


async def test_the_phone_of_an_agent_can_not_send_the_call_on():
    hall = Hall("101", retry=30)
    await hall.calls("1.0")
    await hall.rings("101")
    await hall.sends_on("101", "104")

    assert hall.rung() == ["101"]
    assert hall.queue.agent_view("101").state is AgentState.RESTING
    assert "9.0" not in hall.channels


async def test_where_forwards_are_followed_it_can_and_the_call_is_still_the_agents():
    hall = Hall("101", follow_forwards=True)
    await hall.calls("1.0")
    await hall.rings("101")
    await hall.sends_on("101", "104")
    await hall.answered_by("104")

    assert hall.talks("1.0") == "104"
    assert hall.queue.agent_view("101").state is AgentState.ENGAGED
