"""The table of outcomes, row by row."""

import pytest

from stasis_app.calls.facts import EndedBy, HandedOver, Unanswered
from stasis_app.mirror import outcome
from tests.unit.mirror.mirror_story import ANNA, BORIS, CLIENT, Story, told


def test_a_talk_is_a_success_of_its_length():
    call = told(lambda c: c.comes_in().rings(ANNA).answers(ANNA).talks(ANNA).wait(61.4).leaves(ANNA).ends())

    assert (outcome(call).status, outcome(call).seconds, outcome(call).reason) == ("200", 61, "")


@pytest.mark.parametrize(
    ("why", "reason"),
    [
        (Unanswered.NO_ANSWER, "no answer"),
        (Unanswered.BUSY, "busy"),
        (Unanswered.DECLINED, "declined"),
        (Unanswered.UNREACHABLE, "unreachable"),
    ],
)
def test_an_inbound_call_nobody_takes_is_missed_whatever_the_phones_did(why, reason):
    call = told(lambda c: c.comes_in().rings(ANNA).gives_up(ANNA, why).ends(EndedBy.SERVICE))

    assert (outcome(call).status, outcome(call).reason) == ("304", reason)


def test_a_missed_call_tells_why_each_phone_was_in_vain():
    call = told(
        lambda c: (
            c.comes_in()
            .rings(ANNA)
            .gives_up(ANNA, Unanswered.BUSY)
            .rings(BORIS)
            .gives_up(BORIS, Unanswered.CANCELLED)
            .ends()
        )
    )

    assert outcome(call).reason == "the caller gave up (busy)"


@pytest.mark.parametrize(
    ("why", "cause", "tech_cause", "status"),
    [
        (Unanswered.BUSY, 17, 486, "486"),
        (Unanswered.BUSY, 17, None, "486"),
        (Unanswered.BUSY, 17, 600, "486"),
        (Unanswered.DECLINED, 21, 603, "603"),
        (Unanswered.DECLINED, 21, None, "603"),
        (Unanswered.UNREACHABLE, 1, 404, "404"),
        (Unanswered.UNREACHABLE, 1, None, "404"),
        (Unanswered.NO_ANSWER, 18, 408, "480"),
        (Unanswered.NO_ANSWER, 19, None, "480"),
        (Unanswered.UNREACHABLE, 20, 480, "480"),
        (Unanswered.NO_ANSWER, 0, None, "480"),
        (Unanswered.UNREACHABLE, 34, 503, "503"),
        (Unanswered.UNREACHABLE, 38, None, "503"),
        (Unanswered.UNREACHABLE, 28, 484, "484"),
        (Unanswered.UNREACHABLE, 21, 403, "403"),
        (Unanswered.UNREACHABLE, 0, 402, "402"),
        (Unanswered.UNREACHABLE, 0, 423, "423"),
        (Unanswered.UNREACHABLE, 127, None, "OTHER"),
    ],
)
def test_a_dialled_call_ends_as_the_other_side_said(why, cause, tech_cause, status):
    call = told(
        lambda c: c.is_dialled_by(ANNA).rings(CLIENT).gives_up(CLIENT, why, cause, tech_cause).ends(EndedBy.SERVICE)
    )

    assert outcome(call).status == status


def test_an_employee_who_hangs_up_before_anything_rings_has_cancelled():
    call = told(lambda c: c.is_dialled_by(ANNA).ends(EndedBy.EMPLOYEE, 127, 487))

    assert outcome(call).status == "603-S"


def test_a_dialled_call_that_could_not_be_placed_tells_its_cause():
    call = told(lambda c: c.is_dialled_by(ANNA).ends(EndedBy.SERVICE, 34, None))

    assert (outcome(call).status, outcome(call).reason) == ("503", "the number was not called (cause 34)")


def _handed_over(story: Story) -> Story:
    return story.tell(HandedOver(call_id=story.call_id, at=story.now, to="queues,600,1")).wait(40)


def test_what_the_dialplan_made_of_a_call_is_not_known():
    assert outcome(told(lambda c: _handed_over(c.comes_in()).ends(EndedBy.DIALPLAN))).status == "OTHER"


def test_a_caller_who_gave_up_before_the_dialplan_answered_is_a_missed_call():
    assert outcome(told(lambda c: _handed_over(c.comes_in()).ends(EndedBy.DIALPLAN, 127, 487))).status == "304"


def test_a_talk_before_the_hand_over_counts():
    call = told(lambda c: _handed_over(c.comes_in().rings(ANNA).answers(ANNA).talks(ANNA).wait(5).leaves(ANNA)).ends())

    assert (outcome(call).status, outcome(call).seconds) == ("200", 5)
