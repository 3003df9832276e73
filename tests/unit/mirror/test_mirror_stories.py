"""What the portal hears of a call, from its beginning to its end."""

import asyncio

from b24client import Refused, StatusCode, UnknownOutcome
from stasis_app.calls.facts import EndedBy, HandedOver, Unanswered
from tests.unit.mirror.mirror_story import ANNA, BORIS, CLIENT, VERA, Office, Story


async def test_three_phones_ring_and_the_second_is_answered(desk):
    call = desk.call().comes_in().known_as(797, user_id=11)
    await desk.heard()
    call.rings(ANNA, BORIS, VERA)
    await desk.heard()
    call.wait(4).answers(BORIS).talks(BORIS)
    await desk.heard()
    call.gives_up(ANNA, Unanswered.ANSWERED_ELSEWHERE).gives_up(VERA, Unanswered.ANSWERED_ELSEWHERE)
    call.wait(61).leaves(BORIS).ends().is_recorded("talk")

    assert await desk.heard() == [
        "register for 11",
        "show 11+12+13",
        "hide 11+13",
        "finish 12 200 61s",
        "attach talk.wav",
    ]


async def test_a_conference_is_as_long_as_it_lasted_however_many_were_in_it(desk):
    call = desk.call().comes_in().rings(ANNA).answers(ANNA).talks(ANNA)
    call.wait(20).rings(BORIS).answers(BORIS).talks(BORIS)
    call.wait(30).leaves(ANNA).wait(10).leaves(BORIS).ends()

    assert (await desk.heard())[-1] == "finish 12 200 60s"


async def test_a_registration_and_the_first_card_travel_together(desk):
    desk.call().comes_in().rings(ANNA)

    assert await desk.heard() == ["register for 11, show 11"]


async def test_where_requests_are_scarce_a_registration_waits_for_its_first_card(desk):
    desk.portal.is_crowded = True
    call = desk.call().comes_in().known_as(797, 11)
    await asyncio.sleep(0.01)
    assert desk.portal.said == []
    call.rings(ANNA, BORIS)

    assert await desk.heard() == ["register for 11, show 11+12"]


async def test_a_call_whose_phones_do_not_ring_is_registered_all_the_same(desk, monkeypatch):
    monkeypatch.setattr("stasis_app.mirror.agenda.FIRST_CARD", 0.01)
    desk.portal.is_crowded = True
    desk.call().comes_in().known_as(797, 11)

    assert await desk.heard() == ["register for 11"]


async def test_phones_ringing_in_turn_change_the_card_in_one_request(desk):
    call = desk.call().comes_in().rings(ANNA)
    await desk.heard()
    call.gives_up(ANNA, Unanswered.NO_ANSWER).rings(BORIS)

    assert (await desk.heard())[1:] == ["hide 11, show 12"]


async def test_nobody_answers_and_the_responsible_has_missed_the_call(desk):
    call = desk.call().comes_in().known_as(797, user_id=13).rings(ANNA)
    call.wait(20).gives_up(ANNA, Unanswered.CANCELLED).ends()

    assert (await desk.heard())[-1] == "finish 13 304 0s"
    assert desk.portal.finished[0].failed_reason == "the caller gave up"


async def test_a_stranger_nobody_answers_is_the_default_users(desk):
    call = desk.call().comes_in().rings(ANNA)
    call.gives_up(ANNA, Unanswered.NO_ANSWER).ends(EndedBy.SERVICE)

    assert (await desk.heard())[-1] == "finish 1 304 0s"


async def test_without_a_default_user_who_was_rung_has_missed_the_call(open_desk):
    desk = await open_desk()
    desk.call().comes_in().rings(BORIS).gives_up(BORIS, Unanswered.NO_ANSWER).ends()

    assert (await desk.heard())[-1] == "finish 12 304 0s"


async def test_a_caller_who_gives_up_in_the_menu_is_a_missed_call(desk):
    desk.call().comes_in().ends()

    assert await desk.heard() == ["register for 1", "finish 1 304 0s"]


async def test_a_call_is_registered_though_nobody_knows_the_caller(desk):
    desk.call().comes_in()

    assert await desk.heard() == ["register for 1"]
    assert desk.portal.registered[0].phone_number == CLIENT
    assert desk.portal.registered[0].crm_create is True


async def test_a_dialled_call_shows_its_card_from_the_start(desk):
    call = desk.call().is_dialled_by(ANNA)
    await desk.heard()
    call.rings(CLIENT).answers(CLIENT).talks(CLIENT).wait(30).leaves(CLIENT).ends(EndedBy.EMPLOYEE)

    assert await desk.heard() == ["register for 11, show 11", "finish 11 200 30s"]


async def test_a_dialled_number_is_busy(desk):
    call = desk.call().is_dialled_by(ANNA).rings(CLIENT)
    call.gives_up(CLIENT, Unanswered.BUSY, cause=17, tech_cause=486).ends(EndedBy.SERVICE, cause=17)

    assert (await desk.heard())[-1] == "finish 11 486 0s"


async def test_an_employee_cancels_before_the_answer(desk):
    call = desk.call().is_dialled_by(ANNA).rings(CLIENT)
    call.gives_up(CLIENT, Unanswered.CANCELLED).ends(EndedBy.EMPLOYEE, cause=127, tech_cause=487)

    assert (await desk.heard())[-1] == "finish 11 603-S 0s"


async def test_an_employee_the_portal_does_not_know_gets_no_card(open_desk):
    desk = await open_desk(Office({ANNA: 11}), default_user=1)
    desk.call().comes_in().rings("199", ANNA)

    assert await desk.heard() == ["register for 11, show 11"]


async def test_two_phones_of_one_employee_are_one_card(open_desk):
    desk = await open_desk(Office({ANNA: 11, BORIS: 11}), default_user=1)
    desk.call().comes_in().rings(ANNA, BORIS).answers(BORIS).talks(BORIS)

    assert await desk.heard() == ["register for 11, show 11"]


async def test_two_calls_of_one_number_are_two_calls(desk):
    one, two = desk.call("1773130778.1"), desk.call("1773130779.7")
    one.comes_in().rings(ANNA)
    two.comes_in().rings(BORIS)
    one.ends()
    two.ends()
    await desk.heard()

    assert [call.external_call_id for call in desk.portal.registered] == ["1773130778.1", "1773130779.7"]
    assert {call.call_id for call in desk.portal.finished} == {"portal-1773130778.1", "portal-1773130779.7"}


async def test_facts_told_twice_change_nothing(desk):
    def twice(record, fact):
        desk.mirror.on_fact(record, fact)
        desk.mirror.on_fact(record, fact)

    Story(twice).comes_in().rings(ANNA).answers(ANNA).talks(ANNA).wait(5).leaves(ANNA).is_recorded().ends()

    assert await desk.heard() == ["register for 11", "finish 11 200 5s", "attach talk.wav"]


async def test_a_recording_that_comes_late_is_delivered_once(desk):
    call = desk.call().comes_in().rings(ANNA).answers(ANNA).talks(ANNA).wait(9).leaves(ANNA).ends()
    await desk.heard()
    await desk.restart()  # the call is over: nothing of it is in memory any more
    call.listener = desk.mirror.on_fact
    call.is_recorded("talk")

    assert (await desk.heard())[-1] == "attach talk.wav"
    assert len(desk.portal.registered) == len(desk.portal.finished) == 1


async def test_several_recordings_of_a_call_are_delivered_as_one_in_their_order(desk):
    call = desk.call().comes_in().rings(ANNA).answers(ANNA).talks(ANNA)
    call.is_recorded("first", 3).is_recorded("second", 30).is_recorded("third", 5).ends()
    await desk.heard()

    assert desk.portal.attached == ["first+second+third.wav"]


async def test_a_recording_that_comes_when_others_are_delivered_is_not_lost(desk):
    call = desk.call().comes_in().rings(ANNA).answers(ANNA).talks(ANNA)
    call.is_recorded("first", 3).ends()
    await desk.heard()
    call.is_recorded("late", 9)
    await desk.heard()

    assert desk.portal.attached == ["first.wav", "first+late.wav"]


async def test_a_live_call_is_found_by_the_portals_id_until_it_ends(desk):
    call = desk.call().comes_in().rings(ANNA).answers(ANNA).talks(ANNA)
    await desk.heard()
    assert desk.mirror.call_of("portal-1773130778.1") == "1773130778.1"

    call.ends()
    await desk.heard()
    assert desk.mirror.call_of("portal-1773130778.1") == ""


async def test_a_message_is_a_missed_call_with_a_recording_and_something_to_do(desk):
    desk.call().comes_in().known_as(797, 11).leaves_message().ends()
    said = await desk.heard()

    assert (desk.portal.finished[0].status_code, desk.portal.finished[0].duration) == (StatusCode.MISSED, 0)
    assert said[-2:] == ["attach 1.0-m1.wav", "remind 11: Voice message from +79161234567"]
    assert desk.portal.reminders[0].entity == ("CONTACT", 797)


async def test_a_message_that_comes_complete_after_the_end_is_told_too(desk):
    desk.call().comes_in().known_as(797, 11).ends().leaves_message()
    await desk.heard()

    assert len(desk.portal.reminders) == 1


async def test_a_message_of_a_stranger_becomes_a_task_of_whoever_answers_for_him(desk):
    desk.call().comes_in().leaves_message().ends()
    await desk.heard()

    assert [(reminder.user_id, reminder.entity) for reminder in desk.portal.reminders] == [(1, None)]


async def test_a_message_whose_reminder_may_have_arrived_is_looked_for_first(desk):
    desk.portal.trouble["remind"] = [UnknownOutcome("crm.activity.todo.add", "", "the answer was lost")]
    desk.call().comes_in().known_as(797, 11).leaves_message().ends()
    said = await desk.heard()

    assert said[-2:] == ["look whether he is reminded", "remind 11: Voice message from +79161234567"]
    assert len(desk.portal.reminders) == 1


async def test_nobody_has_to_do_anything_about_a_talk(desk):
    call = desk.call().comes_in().rings(ANNA).answers(ANNA).talks(ANNA)
    call.is_recorded().ends()
    await desk.heard()

    assert desk.portal.reminders == []


async def test_a_card_overtaken_before_it_was_sent_is_never_sent(desk):
    desk.portal.slow = asyncio.Event()
    call = desk.call().comes_in().known_as(797, 11)
    await desk.portal.hears("register for 11")
    call.rings(ANNA).gives_up(ANNA, Unanswered.DECLINED).rings(BORIS)
    desk.portal.slow.set()

    assert await desk.heard() == ["register for 11", "show 12"]


async def test_a_call_that_ends_while_it_is_registered_has_no_card(desk):
    desk.portal.slow = asyncio.Event()
    call = desk.call().comes_in().known_as(797, 11)
    await desk.portal.hears("register for 11")
    call.rings(ANNA).ends()
    desk.portal.slow.set()

    assert await desk.heard() == ["register for 11", "finish 11 304 0s"]


async def test_one_calls_slow_request_does_not_delay_another_call(desk):
    desk.portal.slow = asyncio.Event()
    desk.call("1773130778.1").comes_in().rings(ANNA)
    await desk.portal.hears("register for 11, show 11")
    desk.call("1773130779.7").comes_in().rings(BORIS)
    await desk.portal.hears("register for 12, show 12")
    desk.portal.slow.set()

    assert len(await desk.heard()) == 2


async def test_internal_calls_stay_among_us(desk):
    desk.call().is_internal(ANNA, BORIS).rings(BORIS).ends()

    assert await desk.heard() == []


async def test_internal_calls_are_mirrored_on_request_and_never_become_leads(open_desk):
    desk = await open_desk(default_user=1, internal_calls=True)
    desk.call().is_internal(ANNA, BORIS).rings(BORIS)

    assert await desk.heard() == ["register for 11, show 11+12"]
    assert desk.portal.registered[0].crm_create is False


async def test_a_withheld_number_never_becomes_a_lead(desk):
    desk.call().comes_in(number="").rings(ANNA)
    await desk.heard()

    assert desk.portal.registered[0].phone_number == "anonymous"
    assert desk.portal.registered[0].crm_create is False


async def test_a_call_handed_to_the_dialplan_is_not_called_missed(desk):
    call = desk.call().comes_in().known_as(797, 11)
    call.tell(HandedOver(call_id=call.call_id, at=call.now, to="queues,600,1")).wait(95).ends(EndedBy.DIALPLAN)

    assert (await desk.heard())[-1] == "finish 11 OTHER 0s"


async def test_a_transfer_to_a_colleague_moves_the_card_and_the_credit(desk):
    call = desk.call().comes_in().rings(ANNA).answers(ANNA).talks(ANNA)
    await desk.heard()
    call.wait(20).rings(BORIS)
    await desk.heard()
    call.wait(3).answers(BORIS).talks(BORIS).leaves(ANNA)
    await desk.heard()
    call.wait(40).leaves(BORIS).ends()

    assert await desk.heard() == [
        "register for 11, show 11",
        "show 12",
        "hide 11",
        "finish 12 200 63s",
    ]


async def test_a_call_clicked_in_the_portal_is_finished_but_never_registered(desk):
    call = desk.call().is_dialled_by(ANNA)
    desk.mirror.registered_by_portal(call.call_id, "externalCall.clicked", 11)
    call.rings(CLIENT).gives_up(CLIENT, Unanswered.BUSY, 17, 486).ends(EndedBy.SERVICE)

    assert await desk.heard() == ["finish 11 486 0s"]
    assert desk.portal.finished[0].call_id == "externalCall.clicked"


async def test_a_portal_that_reaches_us_fetches_the_recording(desk):
    desk.recordings.fetched_by_portal = True
    desk.call().comes_in().rings(ANNA).answers(ANNA).talks(ANNA).wait(9).leaves(ANNA).ends().is_recorded("talk")

    assert (await desk.heard())[-1] == "attach https://pbx.example.com/talk.wav"


async def test_a_recording_the_portal_can_not_fetch_is_sent(desk):
    desk.recordings.fetched_by_portal = True
    desk.portal.trouble = {"attach": [Refused("any", "", "Server returns HTTP error code 404", 400)]}
    desk.call().comes_in().rings(ANNA).answers(ANNA).talks(ANNA).wait(9).leaves(ANNA).ends().is_recorded("talk")

    assert (await desk.heard())[-2:] == ["attach https://pbx.example.com/talk.wav", "attach talk.wav"]
    assert desk.outbox.states("record") == ["done"]
