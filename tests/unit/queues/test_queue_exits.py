"""How a stay in a queue ends."""

from queue_fakes import Hall

from stasis_app.ari import events as e
from stasis_app.calls.call import Call
from stasis_app.calls.facts import NotAnswered, Party, PartyKind, Unanswered
from stasis_app.queues import AgentState


async def test_a_caller_who_has_waited_long_enough_goes_to_on_timeout_and_the_phone_falls_silent():
    hall = Hall("101", timeout=20, ring_seconds=60)
    await hall.calls("1.0")
    await hall.rings("101")

    await hall.passes(21)

    assert hall.visited("1.0") == ["sales", "bye"]
    assert hall.records["1.0"].visited[-1].why == "waited 20 s"
    assert [fact.why for fact in hall.told(NotAnswered)] == [Unanswered.CANCELLED]
    assert hall.channels == {}


async def test_a_line_that_is_full_takes_nobody_more():
    hall = Hall("101", max_callers=1, on_full="full")
    await hall.calls("1.0")
    await hall.calls("2.0")

    assert hall.visited("2.0") == ["sales", "full"]
    assert hall.waiting() == ["1.0"]


async def test_without_agents_the_caller_is_led_on_at_once():
    hall = Hall("101", on_empty="empty")
    hall.queues.sign("sales", "101", signed_in=False)

    await hall.calls("1.0")

    assert hall.visited("1.0") == ["sales", "empty"]
    assert hall.rung() == []


async def test_when_the_last_agent_leaves_those_who_wait_are_led_on():
    hall = Hall("101", on_empty="empty")
    await hall.calls("1.0")
    await hall.answered_by("101")
    await hall.calls("2.0")

    hall.queues.sign("sales", "101", signed_in=False)
    await hall.settled()

    assert hall.visited("2.0") == ["sales", "empty"]
    assert hall.talks("1.0") == "101"


async def test_without_on_empty_a_caller_waits_for_an_agent_to_come():
    hall = Hall("101")
    hall.queues.sign("sales", "101", signed_in=False)
    await hall.calls("1.0")
    await hall.passes(30)
    assert hall.rung() == []

    hall.queues.sign("sales", "101", signed_in=True)
    await hall.settled()

    assert hall.rung() == ["101"]


async def test_a_caller_who_hangs_up_leaves_the_line_and_the_phone_falls_silent():
    hall = Hall("101")
    await hall.calls("1.0")
    await hall.calls("2.0")
    await hall.rings("101")

    await hall.hangs_up("1.0")
    await hall.settled()

    assert hall.waiting() == ["2.0"]
    assert hall.rung() == ["101", "101"]
    assert len([name for name in hall.phones_ringing_or_up() if name == "101"]) == 1


async def test_a_line_all_of_whose_phones_are_off_is_empty():
    hall = Hall("101", "102", strategy="linear", on_empty="empty")
    hall.asterisk.phones = {"101": "offline", "102": "offline"}

    await hall.calls("1.0")

    assert hall.visited("1.0") == ["sales", "empty"]


async def test_a_caller_led_elsewhere_leaves_the_line_and_its_music():
    hall = Hall("101")
    await hall.calls("1.0")
    await hall.rings("101")

    async def elsewhere(call: Call) -> None:
        await call.until(lambda: None)

    hall.call.divert(elsewhere)
    await hall.settled()

    assert hall.waiting() == []
    assert hall.bridges["holding-sales"] == []
    assert hall.phones_ringing_or_up() == {"trunk"}


async def test_a_picked_up_call_leaves_the_line():
    hall = Hall("101", strategy="linear")
    await hall.calls("1.0")
    await hall.rings("101")
    hall.call.expect("picked", Party(PartyKind.EMPLOYEE, "104"))
    hall.channels["picked"] = e.Channel(id="picked", name="PJSIP/104-00000009", state="Up")
    hall.tell(e.StasisStart, channel=hall.channels["picked"], args=("leg",))
    await hall.settled()

    assert hall.talks("1.0") == "104"
    assert hall.waiting() == []
    assert hall.queue.agent_view("101").state is AgentState.FREE
