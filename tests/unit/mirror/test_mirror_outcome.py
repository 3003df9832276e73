"""The table of outcomes, row by row."""

from dataclasses import replace

import pytest

from b24client import StatusCode
from stasis_app.calls.facts import Dialled, EndedBy, HandedOver, NotAnswered, Party, PartyKind, Unanswered
from stasis_app.mirror import outcome
from stasis_app.mirror.outcome import TABLE
from tests.unit.mirror.mirror_story import ANNA, BORIS, CLIENT, Story, told

CUSTOMER = Party(PartyKind.CUSTOMER, CLIENT)
UNREACHABLE = Unanswered.UNREACHABLE


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


# What the portal's page on telephony.externalCall.finish lists, beside 200 (a talk) and 304 (an inbound call missed).
BY_SIP = {
    "402": [402],
    "403": [401, 403, 407, 433],
    "404": [404, 410, 416, 485, 604],
    "423": [423],
    "480": [408, 430, 480],
    "484": [482, 483, 484],
    "486": [486, 600],
    "503": [406, 415, 488, 500, 501, 502, 503, 504, 505, 513, 580, 606],
    "603": [603, 607, 608],
    "603-S": [487],
    "OTHER": [400, 405, 413, 420, 481, 699],
}
BY_CAUSE = {
    "403": [50, 52, 54, 55, 57],
    "404": [1, 22],
    "480": [18, 19, 20],
    "484": [2, 3, 25, 27, 28],
    "486": [17],
    "503": [29, 34, 38, 41, 42, 43, 44, 47, 58, 63, 65, 69, 79, 88, 102],
    "603": [21],
    "OTHER": [30, 95, 111, 127],
}


def dialled(why: Unanswered, cause: int = 0, tech_cause: int | None = None) -> str:
    call = told(
        lambda c: c.is_dialled_by(ANNA).rings(CLIENT).gives_up(CLIENT, why, cause, tech_cause).ends(EndedBy.SERVICE)
    )
    return outcome(call).status


@pytest.mark.parametrize(("status", "sip"), [(status, sip) for status, row in BY_SIP.items() for sip in row])
def test_a_dialled_call_ends_as_the_other_sides_sip_status_says(status, sip):
    assert dialled(Unanswered.UNREACHABLE, 127, sip) == status


@pytest.mark.parametrize(("status", "cause"), [(status, cause) for status, row in BY_CAUSE.items() for cause in row])
def test_without_a_sip_status_the_cause_decides(status, cause):
    assert dialled(Unanswered.UNREACHABLE, cause) == status


def test_the_sip_status_is_the_more_exact_of_the_two():
    assert dialled(Unanswered.DECLINED, 21, 403) == "403"


@pytest.mark.parametrize(
    ("why", "status"),
    [
        (Unanswered.NO_ANSWER, "480"),
        (Unanswered.BUSY, "486"),
        (Unanswered.DECLINED, "603"),
        (Unanswered.UNREACHABLE, "503"),
    ],
)
def test_without_either_what_became_of_the_leg_decides(why, status):
    assert dialled(why) == status


def test_every_row_of_the_table_is_told_apart_and_known_to_the_portal():
    statuses = [row.status for row in TABLE]
    sip = [one for row in TABLE for one in row.sip]
    causes = [one for row in TABLE for one in row.causes]

    assert {*statuses, StatusCode.SUCCESS, StatusCode.MISSED, StatusCode.OTHER} == set(StatusCode)
    assert len(statuses) == len(set(statuses))
    assert len(sip) == len(set(sip))
    assert len(causes) == len(set(causes))


def test_the_last_trunk_that_was_tried_decides():
    call = told(
        lambda c: (
            c.is_dialled_by(ANNA)
            .tell(Dialled(call_id=c.call_id, at=c.now, leg="first", party=CUSTOMER))
            .tell(
                NotAnswered(call_id=c.call_id, at=c.now, leg="first", party=CUSTOMER, why=UNREACHABLE, tech_cause=503)
            )
            .tell(Dialled(call_id=c.call_id, at=c.now, leg="second", party=CUSTOMER))
            .tell(NotAnswered(call_id=c.call_id, at=c.now, leg="second", party=CUSTOMER, why=UNREACHABLE, cause=1))
            .ends(EndedBy.SERVICE)
        )
    )

    assert outcome(call).status == "404"


def test_an_employee_who_does_not_take_the_call_he_ordered_says_nothing_about_the_client():
    call = replace(told(lambda c: c.is_dialled_by(ANNA).ends(EndedBy.EMPLOYEE, 17, 486)), ordered=True)

    assert (outcome(call).status, outcome(call).reason) == (
        "603-S",
        "the employee did not answer his own phone (SIP 486, cause 17)",
    )


def test_an_ordered_call_that_asterisk_would_not_begin_is_no_employee_who_did_not_answer():
    call = replace(told(lambda c: c.is_dialled_by(ANNA).ends(EndedBy.SERVICE, 0)), ordered=True)

    assert (outcome(call).status, outcome(call).reason) == ("503", "the phone of the employee could not be called")


def test_an_employee_whose_phone_rang_until_the_service_gave_up_did_not_answer_it():
    call = replace(told(lambda c: c.is_dialled_by(ANNA).ends(EndedBy.SERVICE, 19)), ordered=True)

    assert outcome(call).status == "603-S"


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
