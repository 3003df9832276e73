"""Callers who would rather be called back than wait."""

import pytest
from queue_fakes import Hall

from stasis_app.calls.facts import CallBackOrdered, Forwarded, NotAnswered, Unanswered
from stasis_app.mirror.outcome import outcome
from stasis_app.queues import AgentState


async def test_a_caller_is_called_back_when_his_turn_comes():
    hall = Hall("101", call_back_key="5")
    await hall.calls("1.0")
    await hall.answered_by("101")
    await hall.calls("2.0", "79162222222")
    await hall.presses("5", channel="2.0")
    await hall.settled()
    await hall.presses("1", channel="2.0")
    await hall.settled()
    for _ in range(2):
        await hall.prompt_ends()
    await hall.settled()
    assert hall.ended("2.0")
    assert [fact.number for fact in hall.told(CallBackOrdered)] == ["+79162222222"]
    assert hall.waiting() == ["call-back-2.0"]

    await hall.hangs_up("1.0")
    await hall.settled()
    (made,) = [r for r in hall.records.values() if r.call_id not in ("1.0", "2.0")]
    assert made.visited[0].why == "the call-back ordered in call 2.0"
    assert hall.rung() == ["101", "101"]
    await hall.answers("101")
    await hall.rings("+79162222222")
    await hall.answers("+79162222222")
    await hall.hangs_up(made.call_id)
    await hall.settled()

    assert hall.waiting() == []
    assert hall.records[made.call_id].answered
    assert hall.store.call_backs["2.0"]["state"] == "done"


async def order_call_back(hall: Hall) -> None:
    """The only agent lets the caller's call ring and he orders a call-back."""
    await hall.calls("1.0")
    await hall.rings("101")
    await hall.orders_call_back()


async def test_ordering_a_call_back_stops_the_phones_that_ring_for_him():
    hall = Hall("101", call_back_key="5", retry=30)

    await order_call_back(hall)

    assert hall.ended("1.0")
    assert hall.told(NotAnswered)[0].why is Unanswered.CANCELLED


@pytest.mark.parametrize("stays", [True, False], ids=["to the end", "not"])
async def test_nobody_is_rung_for_a_call_back_while_the_customer_is_still_being_thanked(stays: bool):
    hall = Hall("101", call_back_key="5")
    await hall.calls("1.0")
    await hall.rings("101")
    await hall.presses("5")
    await hall.settled()
    await hall.presses("1")
    await hall.settled()
    assert (hall.waiting(), hall.rung()) == (["call-back-1.0"], ["101"])

    if stays:
        for _ in range(2):
            await hall.prompt_ends()
    else:
        await hall.hangs_up("1.0")
    await hall.settled()

    assert hall.ended("1.0")
    assert hall.rung() == ["101", "101"]


async def test_a_customer_who_does_not_answer_his_call_back_is_called_again_later_and_given_up_in_the_end():
    hall = Hall("101", call_back_key="5", call_back_attempts=2, call_back_pause=100)
    await order_call_back(hall)
    for attempt in (1, 2):
        await hall.answers("101")
        await hall.settled()
        await hall.rings("+79161234567")
        await hall.declines("+79161234567", 17, 486)
        await hall.settled()
        assert len(hall.rung()) == 1 + attempt
        await hall.passes(101)

    assert hall.waiting() == []
    assert hall.store.call_backs["1.0"]["state"] == "given_up"


async def test_an_agent_who_does_not_answer_does_not_cost_the_customer_an_attempt():
    hall = Hall("101", "102", strategy="linear", call_back_key="5", call_back_attempts=1)
    await order_call_back(hall)
    await hall.declines("101")
    await hall.settled()

    assert hall.rung()[-1] == "102"
    assert hall.store.call_backs["1.0"]["attempts"] == 0


async def test_when_every_agent_let_it_ring_they_are_left_alone_for_a_while():
    hall = Hall("101", "102", strategy="linear", call_back_key="5", call_back_pause=300, retry=1)
    await order_call_back(hall)
    for agent in ("101", "102"):
        await hall.declines(agent)
        await hall.settled()
    rung = len(hall.rung())

    await hall.passes(290)
    assert len(hall.rung()) == rung
    await hall.passes(20)
    assert hall.rung()[rung:] == ["101"]
    assert hall.store.call_backs["1.0"]["attempts"] == 0


async def test_who_does_not_confirm_waits_on_at_his_place():
    hall = Hall("101", call_back_key="5")
    await hall.calls("1.0")
    await hall.answered_by("101")
    await hall.calls("2.0")
    await hall.calls("3.0")
    await hall.presses("5", channel="2.0")
    await hall.settled()
    await hall.presses("2", channel="2.0")
    for _ in range(2):
        await hall.prompt_ends()
    await hall.passes(9)

    assert hall.waiting() == ["2.0", "3.0"]
    assert not hall.ended("2.0")


async def test_the_record_says_that_he_asked_to_be_called_back():
    hall = Hall("101", call_back_key="5")
    await order_call_back(hall)

    assert outcome(hall.records["1.0"]).reason == "the caller asked to be called back"


async def call_back_from(hall: Hall, **settings: object) -> None:
    """A call-back comes to its turn when 101 has set this for his extension."""
    for agent in hall.queue.members:
        hall.queues.pause(agent, paused=True)
    await hall.calls("1.0")
    await hall.orders_call_back()
    await hall.extensions.change("101", **settings)
    for agent in hall.queue.members:
        hall.queues.pause(agent, paused=False)
    await hall.settled()


async def test_a_call_back_passes_over_an_agent_who_does_not_want_to_be_disturbed():
    hall = Hall("101", "102", strategy="linear", call_back_key="5")
    await call_back_from(hall, do_not_disturb=True)

    assert hall.rung() == ["102"]
    assert hall.queue.agent_view("101").state is AgentState.AWAY


async def test_a_call_back_rings_the_agents_own_phone_whatever_he_forwards():
    hall = Hall("101", call_back_key="5")
    await call_back_from(hall, forward_always="104")

    assert hall.rung() == ["101"]


async def test_where_the_queue_follows_forwards_its_call_backs_do_too():
    hall = Hall("101", call_back_key="5", follow_forwards=True, wrap_up=30)
    await call_back_from(hall, forward_always="104")
    assert hall.rung() == ["104"]
    assert [(fact.extension, fact.to) for fact in hall.told(Forwarded)] == [("101", "104")]

    await hall.answers("104")
    await hall.settled()
    await hall.answers("+79161234567")
    await hall.hangs_up(hall.told(Forwarded)[0].call_id)
    await hall.settled()

    assert hall.store.call_backs["1.0"]["state"] == "done"
    assert hall.queue.agent_view("101").state is AgentState.WRAP_UP


async def test_a_call_back_reaches_an_agent_at_his_mobile_and_it_is_he_who_talks():
    hall = Hall("101", call_back_key="5", follow_forwards=True)
    await call_back_from(hall, forward_always="89161112233")
    assert [endpoint for _, _, endpoint, *_ in hall.requests("originate")] == ["PJSIP/89161112233@trunk"]

    await hall.answers("89161112233")
    await hall.settled()
    await hall.answers("+79161234567")
    (made,) = [record for record in hall.records.values() if record.call_id != "1.0"]
    assert made.caller.number == "101"


@pytest.mark.parametrize(
    "settings",
    [{"do_not_disturb": True, "forward_busy": "104"}, {"forward_always": "103"}],
    ids=["not to be disturbed", "forwards to a phone that is off"],
)
async def test_a_call_back_rings_nobody_where_a_call_of_the_queue_would_ring_nobody(settings: dict[str, object]):
    hall = Hall("101", call_back_key="5", follow_forwards=True)
    hall.asterisk.phones = {"103": "offline"}
    await call_back_from(hall, **settings)

    assert hall.rung() == []
    assert hall.waiting() == ["call-back-1.0"]
