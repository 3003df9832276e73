"""What is kept over a restart: places, agents, call-backs."""

import pytest
from queue_fakes import Hall

from stasis_app.calls.facts import Direction, Ended, EndedBy, Joined, Party, PartyKind, Started
from stasis_app.calls.record import CallRecord, after, begin
from stasis_app.queues import AgentState, MemoryQueueStore


async def restarted(before: Hall, *agents: str, **keys: object) -> Hall:
    """A new service on the same exchange, as it finds things: nothing but the records and what was kept."""
    hall = Hall(*agents, store=before.store, **keys)
    hall.channels, hall.bridges, hall.asterisk = before.channels, before.bridges, before.asterisk
    unfinished = [record for record in before.records.values() if record.ended_at is None]
    await hall.queues.load()
    hall.tracker._resume = hall.resume
    hall.tracker.restore(unfinished)
    hall.queues.restore(unfinished, dict(before.records))
    hall.tracker.on_world(hall.world())
    hall.queues.linked()
    await hall.settled()
    return hall


async def test_callers_keep_their_order_though_the_first_comes_back_last():
    before = Hall("101")
    before.queues.pause("101", paused=True)
    for channel in ("1.0", "2.0", "3.0"):
        await before.calls(channel)
        await before.passes(1)

    hall = await restarted(before, "101")
    hall.queues.pause("101", paused=False)
    await hall.passes(3)

    assert hall.waiting() == ["1.0", "2.0", "3.0"]
    await hall.answered_by("101")
    assert hall.talks("1.0") == "101"


async def test_nobody_is_offered_until_all_who_stood_in_the_line_are_back():
    hall = Hall("101")
    hall.queue.awaits(["1.0", "2.0"])
    hall.queues.linked()
    await hall.calls("2.0", "79162222222")
    assert hall.rung() == []

    await hall.calls("1.0")
    await hall.settled()
    assert hall.rung() == ["101"]


async def test_one_who_never_comes_back_holds_nobody_up_for_long():
    hall = Hall("101")
    hall.queue.awaits(["9.0"])
    hall.queues.linked()
    await hall.calls("1.0")
    assert hall.rung() == []

    await hall.passes(3)

    assert hall.rung() == ["101"]


async def test_the_time_limit_goes_on():
    before = Hall("101", timeout=100)
    before.queues.pause("101", paused=True)
    await before.calls("1.0")

    hall = await restarted(before, "101", timeout=100)
    since = next(iter(hall.queue.line)).since

    assert since == pytest.approx(before.records["1.0"].visited[0].at.timestamp())
    await hall.passes(101)
    assert hall.visited("1.0") == ["sales", "sales", "bye"]


async def test_who_waits_in_the_line_is_not_taken_for_one_who_talks():
    before = Hall("101")
    before.queues.pause("101", paused=True)
    await before.calls("1.0")
    await before.calls("2.0")

    hall = await restarted(before, "101")

    assert hall.waiting() == ["1.0", "2.0"]
    assert not hall.records["1.0"].answered


async def test_signing_out_and_pausing_last():
    before = Hall("101", "102")
    before.queues.sign("sales", "101", signed_in=False)
    before.queues.pause("102", paused=True, reason="lunch")
    before.queues.sign("sales", "104", signed_in=True)

    hall = await restarted(before, "101", "102")

    assert {view.extension: view.state for view in hall.queue.view().agents} == {
        "101": AgentState.OUT,
        "102": AgentState.PAUSED,
        "104": AgentState.FREE,
    }


async def test_who_was_being_thanked_for_ordering_a_call_back_is_not_in_the_line_twice():
    before = Hall("101", call_back_key="5")
    await before.calls("1.0")
    await before.rings("101")
    await before.presses("5")
    await before.settled()
    await before.presses("1")
    await before.settled()
    assert not before.ended("1.0")

    hall = await restarted(before, "101", call_back_key="5")
    await hall.passes(4)

    assert hall.ended("1.0")
    assert hall.waiting() == ["call-back-1.0"]
    assert hall.rung() == ["101"]


def made_call(before: Hall, *, ended: bool, talked: bool) -> CallRecord:
    """The record of a call that was made for a call-back before the restart."""
    agent, customer = Party(PartyKind.EMPLOYEE, "101"), Party(PartyKind.CUSTOMER, "+79161234567")
    common = {"call_id": "7.0", "at": next(iter(before.records.values())).started_at}
    record = begin(Started(**common, direction=Direction.OUTBOUND, caller=agent, dialled="+79161234567"))
    if talked:
        for leg, party in (("7.0", agent), ("7.0-1", customer)):
            record = after(record, Joined(**common, leg=leg, party=party, bridge="7.0-bridge"))
    return after(record, Ended(**common, by=EndedBy.CUSTOMER)) if ended else record


async def with_order(state: str) -> Hall:
    before = Hall("101", call_back_key="5")
    before.queues.pause("101", paused=True)
    await before.calls("1.0")
    await before.orders_call_back()
    before.store.call_backs["1.0"] |= {"state": state, "call_id": "7.0" if state == "calling" else "", "agent": "101"}
    return before


async def test_a_call_back_is_still_ordered():
    hall = await restarted(await with_order("waiting"), "101")
    assert hall.waiting() == ["call-back-1.0"]

    hall.queues.pause("101", paused=False)
    await hall.settled()

    assert hall.rung() == ["101"]


async def test_a_call_back_that_was_made_meanwhile_is_not_made_again():
    before = await with_order("calling")
    before.records["7.0"] = made_call(before, ended=True, talked=True)

    hall = await restarted(before, "101")
    hall.queues.pause("101", paused=False)
    await hall.passes(60)

    assert hall.rung() == []
    assert hall.store.call_backs["1.0"]["state"] == "done"


async def test_a_call_back_whose_call_never_came_about_is_made_again():
    before = await with_order("calling")

    hall = await restarted(before, "101")
    hall.queues.pause("101", paused=False)
    await hall.settled()

    assert hall.rung() == ["101"]


async def test_an_agent_who_calls_back_from_elsewhere_is_not_rung_for_another_meanwhile():
    before = await with_order("calling")
    made = made_call(before, ended=False, talked=True)
    hall = Hall("101", store=before.store)
    await hall.queues.load()
    hall.queues.restore([made], {})
    hall.queues.linked()
    hall.queues.pause("101", paused=False)

    await hall.calls("2.0")
    assert hall.rung() == []

    over = Ended(call_id="7.0", at=made.started_at, by=EndedBy.CUSTOMER)
    hall.queues.on_fact(after(made, over), over)
    await hall.settled()
    assert hall.rung() == ["101"]


async def test_a_store_that_can_not_be_read_leaves_the_agents_of_the_plan():
    class Broken(MemoryQueueStore):
        async def load(self):
            raise OSError("no disk")

    hall = Hall("101", store=Broken())
    await hall.queues.load()
    await hall.calls("1.0")

    assert hall.rung() == ["101"]


async def test_without_a_link_to_asterisk_nobody_is_offered():
    hall = await with_order("waiting")
    hall.queue.awaits([])
    hall.queues.pause("101", paused=False)
    await hall.passes(60)
    assert hall.rung() == []

    hall.queues.linked()
    await hall.settled()
    assert hall.rung() == ["101"]
