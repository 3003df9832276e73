"""What the portal hears when it, the network or this program is in trouble."""

import asyncio

import pytest

from b24client import AccessDenied, BadReply, LimitExceeded, Refused, Temporary, UnknownOutcome
from stasis_app.calls.facts import Unanswered
from stasis_app.mirror import Responsible
from stasis_app.mirror.deliveries import NotYet
from tests.unit.mirror.mirror_story import ANNA, BORIS, CLIENT, Office

AWAY = Temporary("any", "", "no connection")
LOST = UnknownOutcome("any", "", "the answer was lost")


def refused(text: str) -> Refused:
    return Refused("any", "", text, 400)


async def test_a_portal_that_is_away_is_told_later(desk):
    desk.portal.trouble = {"register": [AWAY] * 5}
    desk.call().comes_in().rings(ANNA).gives_up(ANNA, Unanswered.NO_ANSWER).ends()
    heard = await desk.heard()

    assert heard[-2:] == ["register for 11", "finish 1 304 0s"]
    assert len(desk.portal.registered) == 1
    assert set(desk.outbox.states()) == {"done"}


async def test_a_call_that_ended_while_the_portal_was_away_keeps_its_real_start(desk):
    desk.portal.trouble = {"register": [AWAY] * 4}
    call = desk.call().comes_in().wait(30).ends()
    await desk.heard()

    assert desk.portal.registered[0].call_start_date == call.record.started_at


async def test_a_missed_call_that_ended_before_the_portal_could_say_whose_it_is_goes_to_the_responsible(desk):
    desk.portal.trouble = {"register": [AWAY] * 2}
    desk.call().comes_in().rings(BORIS).gives_up(BORIS, Unanswered.NO_ANSWER).ends()
    desk.responsible = Responsible(11)

    assert (await desk.heard())[-1] == "finish 11 304 0s"


async def test_a_portal_that_is_too_busy_to_say_whose_a_missed_call_was_is_asked_again(desk):
    answers = [None, None, Responsible(11)]
    desk.ask_for_responsible = lambda number: answers.pop(0)
    desk.call().comes_in().ends()

    assert (await desk.heard())[-1] == "finish 11 304 0s"


async def test_an_outage_longer_than_all_questions_does_not_cost_the_responsible_his_missed_call(desk):
    desk.portal.trouble = {"register": [AWAY] * 5}
    desk.ask_for_responsible = lambda number: None if desk.portal.trouble["register"] else Responsible(11)
    desk.call().comes_in().ends()

    assert (await desk.heard())[-1] == "finish 11 304 0s"


async def test_the_end_waits_for_a_portal_that_went_away_before_it_could_say_whose_the_call_is(desk):
    asked = 0

    def answer(number: str) -> Responsible | None:
        nonlocal asked
        asked += 1
        if asked == 1:
            for _ in range(3):
                desk.mirror.gate.failed(AWAY)
        return Responsible(11) if asked > 2 else None

    desk.ask_for_responsible = answer
    call = desk.call().comes_in().rings(BORIS)
    await desk.heard()
    call.gives_up(BORIS, Unanswered.NO_ANSWER).ends()

    assert (await desk.heard())[-1] == "finish 11 304 0s"


async def test_the_lead_our_own_registration_made_does_not_say_whose_a_missed_call_is(desk):
    desk.portal.client, desk.portal.makes_leads = ("LEAD", 5), True
    desk.responsible = Responsible(12)
    call = desk.call().comes_in().rings(BORIS)
    await desk.heard()
    call.gives_up(BORIS, Unanswered.NO_ANSWER).ends()

    assert (await desk.heard())[-1] == "finish 1 304 0s"


async def test_a_missed_call_of_a_client_of_nobody_goes_to_the_default_user(desk):
    desk.responsible = Responsible(None)
    desk.call().comes_in().ends()

    assert (await desk.heard())[-1] == "finish 1 304 0s"


async def test_a_call_somebody_answered_is_his_whoever_the_client_belongs_to(desk):
    desk.responsible = Responsible(11)
    desk.call().comes_in().rings(BORIS).talks(BORIS).wait(5).leaves(BORIS).ends()

    assert (await desk.heard())[-1] == "finish 12 200 5s"


async def test_a_lost_answer_to_a_registration_is_asked_for_again(desk):
    desk.portal.trouble = {"register": [LOST]}
    desk.call().comes_in().known_as(797, 11)

    assert await desk.heard() == ["register for 11", "register for 11"]  # the portal knows it for the same call


async def test_a_lost_answer_to_a_whole_call_is_looked_up_before_it_is_told_again(desk):
    desk.portal.trouble = {"register": [LOST]}
    desk.call().comes_in().ends()

    assert await desk.heard() == ["register for 1", "look in the statistics", "register for 1", "finish 1 304 0s"]


async def test_an_end_that_went_along_and_got_no_answer_is_looked_up_before_it_is_told_again(desk):
    desk.portal.trouble = {"finish": [BadReply("any", "", "the batch's answer does not hold it")]}
    desk.call().comes_in().ends()

    said = ["register for 1", "finish 1 304 0s", "look whether it is finished", "finish 1 304 0s"]
    assert await desk.heard() == said


async def test_whoever_stands_in_for_nobody_known_is_the_same_when_it_is_said_again(open_desk, monkeypatch):
    monkeypatch.setattr(NotYet, "retry_after", 0.01)
    office = Office({})
    desk = await open_desk(office)
    desk.portal.trouble = {"register": [LOST]}
    desk.portal.slow = asyncio.Event()
    desk.call().is_dialled_by(ANNA, CLIENT)
    await asyncio.sleep(0)
    office.users[BORIS] = 12
    await desk.portal.hears("register for 12")
    office.users[ANNA] = 11
    desk.portal.slow.set()

    assert (await desk.heard()) == ["register for 12", "register for 12, show 11"]


async def test_a_card_that_may_be_open_is_closed_though_another_opens_with_the_registration(desk):
    desk.portal.trouble = {"register": [LOST]}
    desk.portal.slow = asyncio.Event()
    call = desk.call().comes_in().rings(ANNA)
    await desk.portal.hears("register for 11, show 11")
    call.gives_up(ANNA, Unanswered.NO_ANSWER).rings(BORIS)
    desk.portal.slow.set()

    assert await desk.heard() == ["register for 11, show 11", "register for 11, show 12", "hide 11"]


async def test_an_old_doubt_is_settled_by_the_statistics(desk):
    desk.portal.slow = asyncio.Event()
    desk.call().comes_in().ends()
    await desk.portal.hears("register for 1")
    desk.portal.slow = None
    desk.outbox.age(seconds=40 * 60)
    await desk.restart()

    assert (await desk.heard())[1:] == ["look in the statistics", "register for 1", "finish 1 304 0s"]


async def test_a_finish_whose_answer_was_lost_is_looked_up_before_it_is_told_again(desk):
    call = desk.call().comes_in().known_as(797, 11)
    await desk.heard()
    desk.portal.trouble = {"finish": [LOST]}
    call.ends()

    heard = ["register for 11", "finish 11 304 0s", "look whether it is finished", "finish 11 304 0s"]
    assert await desk.heard() == heard
    assert desk.outbox.states("finish") == ["done"]


async def test_a_finish_that_had_succeeded_after_all_is_not_a_failure(desk):
    call = desk.call().comes_in().known_as(797, 11)
    await desk.heard()
    desk.portal.trouble = {"finish": [LOST, refused("Call is not found (call should be registered)")]}
    call.ends()
    await desk.heard()

    assert desk.outbox.states("finish") == ["done"]


async def test_a_finish_the_portal_refuses_closes_the_recording_too(desk):
    desk.portal.trouble = {"finish": [refused("Call is not found")] * 2}
    call = desk.call().comes_in().rings(ANNA).answers(ANNA).talks(ANNA).wait(3).leaves(ANNA)
    call.is_recorded().ends()
    await desk.heard()

    assert desk.outbox.states("finish") == desk.outbox.states("record") == ["refused"]


async def test_a_dismissed_responsible_is_replaced_by_somebody_the_portal_takes(desk):
    dismissed = refused("User is not found or is not active.")
    desk.portal.trouble = {"register": [dismissed], "finish": [dismissed]}
    desk.call().comes_in().known_as(797, user_id=99).ends()

    assert await desk.heard() == ["register for 99", "register for 1", "finish 99 304 0s", "finish 1 304 0s"]


async def test_a_number_the_portal_can_not_read_becomes_digits(desk):
    desk.portal.trouble = {"register": [refused("Unsupported phone number format")] * 2}
    desk.call().comes_in(number="+7 abc 916")
    await desk.heard()

    assert desk.portal.registered[0].phone_number == "0000000000"


async def test_two_calls_the_portal_takes_for_one_are_two_in_the_end(desk):
    desk.portal.takes_the_same_two_for_one_call = True
    first = desk.call("1.1").comes_in().rings(ANNA).answers(ANNA).talks(ANNA)
    await desk.mirror.settled()
    second = desk.call("2.1").comes_in().rings(ANNA)
    async with asyncio.timeout(5), desk.portal.heard:
        await desk.portal.heard.wait_for(lambda: len(desk.portal.said) == 2)
    first.wait(60).leaves(ANNA).ends()
    second.wait(70).gives_up(ANNA, Unanswered.NO_ANSWER).ends()
    await desk.mirror.settled()

    assert len(desk.portal.finished) == len({call.call_id for call in desk.portal.finished}) == 2
    outcomes = {call.call_id: (call.status_code.value, call.duration) for call in desk.portal.finished}
    assert sorted(outcomes.values()) == [("200", 60), ("304", 0)]
    assert set(desk.outbox.states()) <= {"done", "dropped"}


async def test_a_registration_refused_for_good_ends_the_matter(desk):
    desk.portal.trouble = {"register": [refused("Unknown TYPE")]}
    desk.call().comes_in().rings(ANNA).ends()

    assert await desk.heard() == ["register for 11"]
    assert set(desk.outbox.states()) == {"refused"}


async def test_a_refused_card_does_not_stop_the_finish_and_is_not_asked_for_again(desk):
    desk.portal.trouble = {"cards": [refused("no")]}
    call = desk.call().comes_in().known_as(797, 11)
    await desk.heard()
    call.rings(ANNA)
    await desk.heard()
    call.wait(2).ends()

    assert await desk.heard() == ["register for 11", "show 11", "finish 11 304 0s"]


async def test_a_card_that_may_be_open_is_closed_for_who_does_not_talk(desk):
    call = desk.call().comes_in().known_as(797, 11)
    await desk.heard()
    desk.portal.trouble = {"cards": [AWAY]}
    call.rings(ANNA)
    await desk.portal.hears("show 11")
    call.rings(BORIS).answers(BORIS).talks(BORIS)

    assert (await desk.heard())[-1] == "hide 11, show 12"


@pytest.mark.parametrize(
    "error", [LimitExceeded("any", "", "slow down", 503, 0.01), AccessDenied("any", "", "no", 403)]
)
async def test_neither_a_limit_nor_a_missing_right_stands_for_an_outage(desk, monkeypatch, error):
    monkeypatch.setattr("stasis_app.mirror.attempts.DENIED_PAUSE", 0.01)
    desk.portal.trouble = {"finish": [error] * 5}
    desk.call().comes_in().ends()
    await desk.heard()

    assert desk.mirror.gate.is_open
    assert desk.outbox.states("finish") == ["done"]


async def test_credentials_that_may_not_register_are_one_complaint_and_no_lost_call(desk, monkeypatch, caught_log):
    monkeypatch.setattr("stasis_app.mirror.attempts.DENIED_PAUSE", 0.01)
    denied = [AccessDenied("register", "WRONG_AUTH_TYPE", "denied for this method", 403) for _ in range(8)]
    for number, error in enumerate(denied):
        error.about = f"1773130778.{number}"
    desk.portal.trouble = {"register": denied}
    for number in range(20):
        desk.call(f"1773130778.{number}").comes_in().ends()
    await desk.heard()

    complaints = [line for line in caught_log if "a webhook may not call it" in line]
    assert len(complaints) == 1
    assert len(desk.portal.registered) == len(desk.portal.finished) == 20
    assert desk.mirror.gate.is_open


async def test_an_outage_is_probed_by_one_call_for_all(desk):
    desk.portal.trouble = {"register": [AWAY] * 6}
    for number in range(20):
        desk.call(f"1773130778.{number}").comes_in().ends()
    await desk.heard()

    assert len(desk.portal.registered) == len(desk.portal.finished) == 20
    assert desk.mirror.gate.is_open


async def test_a_live_call_goes_on_after_a_restart(desk):
    call = desk.call().comes_in().known_as(797, 11).rings(ANNA)
    await desk.heard()
    await desk.restart()
    call.listener = desk.mirror.on_fact
    call.answers(ANNA).talks(ANNA).wait(12).leaves(ANNA).ends()

    assert await desk.heard() == ["register for 11, show 11", "finish 11 200 12s"]


async def test_an_adopted_call_that_starts_anew_is_not_registered_again(desk):
    desk.call().comes_in().known_as(797, 11).rings(ANNA)
    await desk.heard()
    await desk.restart()
    desk.call().comes_in().rings(ANNA).ends()
    await desk.heard()

    assert len(desk.portal.registered) == len(desk.portal.finished) == 1


async def test_what_was_left_undone_is_done_after_a_restart(desk):
    desk.portal.slow = asyncio.Event()
    desk.call().comes_in().rings(ANNA).answers(ANNA).talks(ANNA).wait(5).leaves(ANNA).is_recorded().ends()
    await desk.portal.hears("register for 11")
    desk.portal.slow = None
    await desk.restart()

    again = ["look in the statistics", "register for 11", "finish 11 200 5s", "attach talk.wav"]
    assert (await desk.heard())[1:] == again


async def test_without_a_single_employee_a_call_waits_until_one_is_known(open_desk, monkeypatch):
    monkeypatch.setattr(NotYet, "retry_after", 0.01)
    office = Office({})
    desk = await open_desk(office)
    desk.call().is_dialled_by(ANNA, CLIENT).ends()
    await asyncio.sleep(0)
    office.users[BORIS] = 12

    assert await desk.heard() == ["register for 12", "finish 12 603-S 0s"]


async def test_a_click_that_came_to_nothing_is_told_when_the_portal_is_back(desk):
    desk.portal.trouble = {"finish": [AWAY] * 4}
    desk.mirror.came_to_nothing("2.0", "externalCall.1", 11, "Asterisk is out of reach")
    await desk.heard()

    (finished,) = desk.portal.finished
    assert (finished.call_id, finished.user_id, finished.status_code.value) == ("externalCall.1", 11, "503")
    assert finished.failed_reason == "Asterisk is out of reach"


async def test_a_click_that_came_to_nothing_is_told_by_the_next_life_when_this_one_ends(desk):
    desk.portal.trouble = {"finish": [AWAY]}
    desk.mirror.came_to_nothing("2.0", "externalCall.1", 11, "Asterisk is out of reach")
    await desk.portal.hears("finish 11 503 0s")
    await desk.restart()
    await desk.heard()

    assert [finished.call_id for finished in desk.portal.finished] == ["externalCall.1"]
