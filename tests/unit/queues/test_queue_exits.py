"""How a stay in a queue ends, and what happens on the way."""

import pytest
from queue_fakes import Hall

from stasis_app.ari import events as e
from stasis_app.calls.call import Call
from stasis_app.calls.facts import CallBackOrdered, Forwarded, NotAnswered, Party, PartyKind, Queued, Unanswered
from stasis_app.crm import Client
from stasis_app.mirror.outcome import outcome
from stasis_app.queues import AgentState

IVANOV = Client("CONTACT", 651, "Ivanov", user_id=101)


async def test_the_caller_hears_music_until_he_is_connected_and_no_ringing():
    hall = Hall("101")
    await hall.calls("1.0")
    await hall.rings("101")

    assert hall.bridges["holding-sales"] == ["1.0"]
    assert hall.requests("ring") == []

    await hall.answers("101")
    await hall.settled()
    assert hall.bridges["holding-sales"] == []
    assert hall.talks("1.0") == "101"


async def test_waiting_in_the_line_is_no_conversation():
    hall = Hall("101")
    await hall.calls("1.0")
    await hall.calls("2.0")

    assert not hall.records["1.0"].answered
    assert not hall.records["2.0"].answered


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


async def test_two_callers_of_one_agent_are_served_in_order():
    hall = Hall("101")
    await hall.calls("1.0")
    await hall.calls("2.0")
    await hall.answered_by("101")
    assert (hall.talks("1.0"), hall.waiting(), hall.rung()) == ("101", ["2.0"], ["101"])

    await hall.hangs_up("1.0")
    await hall.settled()
    await hall.answered_by("101")

    assert hall.talks("2.0") == "101"


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


async def test_a_line_all_of_whose_phones_are_off_is_empty():
    hall = Hall("101", "102", strategy="linear", on_empty="empty")
    hall.asterisk.phones = {"101": "offline", "102": "offline"}

    await hall.calls("1.0")

    assert hall.visited("1.0") == ["sales", "empty"]


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


async def test_the_caller_is_told_his_position_and_the_others_hear_nothing_of_it():
    hall = Hall("101", announce_position=True, announce_every=30)
    await hall.calls("1.0")
    await hall.calls("2.0")

    assert [media for _, channel, media in hall.requests("play") if channel == "2.0"] == ["sound:queue-thereare"]
    assert [media for _, channel, media in hall.requests("play") if channel == "1.0"] == ["sound:queue-youarenext"]
    assert [(q.call_id, q.position) for q in hall.told(Queued)] == [("1.0", 1), ("2.0", 2)]


async def test_an_announcement_ends_when_an_agent_answers():
    hall = Hall("101", announce_position=True)
    await hall.calls("1.0")
    assert [media for _, media, _ in hall.playing] == ["sound:queue-youarenext"]

    await hall.answered_by("101")

    assert hall.playing == []
    assert hall.talks("1.0") == "101"


async def test_announcements_come_again():
    hall = Hall("101", announce_position=True, announce_every=30, ring_seconds=300)
    await hall.calls("1.0")
    await hall.prompt_ends()
    await hall.prompt_ends()
    assert hall.playing == []

    await hall.passes(31)

    assert [media for _, media, _ in hall.playing] == ["sound:queue-youarenext"]


async def test_the_expected_wait_is_told_once_calls_have_shown_it():
    hall = Hall("101", announce_wait=True, timeout=3600)
    await hall.calls("1.0")
    await hall.answered_by("101")
    await hall.passes(100)
    await hall.hangs_up("1.0")
    await hall.calls("2.0")
    await hall.answered_by("101")

    await hall.calls("3.0")

    assert hall.queue.expected_wait(next(iter(hall.queue.line))) == pytest.approx(100, abs=1)
    assert [media for _, channel, media in hall.requests("play") if channel == "3.0"] == ["sound:queue-holdtime"]


class Crm:
    """Contact 651 is VIP, contact 652 has an open deal."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    async def fields(self, entity_type: str, entity_id: int) -> dict[str, object]:
        self.asked.append(("fields", entity_id))
        return {"UF_CRM_VIP": entity_id == 651}

    async def has_open_deal(self, entity_type: str, entity_id: int) -> bool:
        self.asked.append(("deal", entity_id))
        return entity_id == 652


async def test_the_vip_and_then_the_client_with_an_open_deal_go_first():
    hall = Hall("101", crm=Crm(), first=["vip", "open_deal"])
    hall.knows("79161111111", Client("CONTACT", 651, "Vip"))
    hall.knows("79162222222", Client("CONTACT", 652, "Dealer"))
    await hall.calls("1.0")
    await hall.answered_by("101")
    await hall.calls("2.0", "79163333333")
    await hall.calls("3.0", "79162222222")
    await hall.calls("4.0", "79161111111")

    assert hall.waiting() == ["4.0", "3.0", "2.0"]


async def test_nobody_waits_for_a_crm_that_does_not_answer():
    class Silent(Crm):
        async def fields(self, entity_type: str, entity_id: int) -> dict[str, object]:
            raise OSError("away")

    hall = Hall("101", crm=Silent(), first=["vip"])
    hall.knows("79161234567", IVANOV)

    await hall.calls("1.0")

    assert hall.rung() == ["101"]


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
    await order_it(hall)


async def order_it(hall: Hall) -> None:
    await hall.presses("5")
    await hall.settled()
    await hall.presses("1")
    await hall.settled()
    for _ in range(2):
        await hall.prompt_ends()
    await hall.settled()


async def test_ordering_a_call_back_stops_the_phones_that_ring_for_him():
    hall = Hall("101", call_back_key="5", retry=30)

    await order_call_back(hall)

    assert hall.ended("1.0")
    assert hall.told(NotAnswered)[0].why is Unanswered.CANCELLED


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


async def call_back_from(hall: Hall, **settings: object) -> None:
    """A call-back comes to its turn when 101 has set this for his extension."""
    for agent in hall.queue.members:
        hall.queues.pause(agent, paused=True)
    await hall.calls("1.0")
    await order_it(hall)
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


async def test_other_keys_mean_nothing():
    hall = Hall("101", call_back_key="5")
    await hall.calls("1.0")
    await hall.presses("3", "4")
    await hall.settled()

    assert hall.waiting() == ["1.0"]
    assert hall.rung() == ["101"]


async def test_an_agent_toggles_himself_out_of_his_queues_and_in_again():
    hall = Hall("101")

    assert hall.queues.toggle("101") is False
    assert not hall.queue.signed_in("101")
    assert hall.queues.toggle("101") is True
    assert hall.queue.signed_in("101")
    assert hall.queues.toggle("999") is None


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


async def test_the_record_says_that_he_asked_to_be_called_back():
    hall = Hall("101", call_back_key="5")
    await order_call_back(hall)

    assert outcome(hall.records["1.0"]).reason == "the caller asked to be called back"


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


# Agents who forward their calls


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
