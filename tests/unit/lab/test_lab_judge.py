"""The judge of the stories: a CRM that is right gets no complaint, each kind of mistake gets one."""

from dataclasses import replace
from typing import Any

import pytest

from lab.acting import Done
from lab.company import Company
from lab.compare import Evidence, differences, pair, status_of
from lab.ear import CUSTOMER_TONE, employee_tone
from lab.phones import Manner
from lab.recordings import Heard
from lab.stage import RealCall
from lab.story import Client, Do, Move, PlannedCall, Story, Weather
from lab.truth import Dialog, Talk

CLIENT, LINE = "79160000001", "74957770000"
STORY = Story(
    name="a client is answered by 201, after 202 rang too",
    calls=(PlannedCall(CLIENT, LINE, "201", ["201", "202"]),),
    phones=(Manner("201"), Manner("202")),
    clients=(Client(CLIENT, "202", "Ivan"),),
    lines={LINE: "main"},
)
COMPANY = Company([STORY])
BOTH_VOICES = Heard(7.0, customer=True, employee=True)
ANNA, BORIS = COMPANY.user_of("201"), COMPANY.user_of("202")


def what_happened() -> RealCall:
    caller = Dialog("c", LINE, CLIENT, 100.0, answered_at=103.0, ended_at=110.0, hung_up_here=True)
    answers = Dialog("1", "201", CLIENT, 100.1, ringing_at=100.2, answered_at=103.0, ended_at=110.0)
    rings = Dialog("2", "202", CLIENT, 100.1, ringing_at=100.2, cancelled_at=103.0, refused_at=103.0, refused_with=487)
    return RealCall(STORY.calls[0], caller, [answers, rings], {"201": True}, caller_heard=True)


def what_the_crm_holds(**changes: Any) -> dict[str, Any]:
    contact = COMPANY.client_of(CLIENT)
    assert contact
    return {
        "phone_number": f"+{CLIENT}",
        "line_number": LINE,
        "type": 2,
        "call_start_date": 100.0,
        "crm_entity_type": "CONTACT",
        "crm_entity_id": contact.id,
        "created_lead": None,
        "finishes_refused": 0,
        "finish": {"user_id": ANNA, "duration": 7, "status_code": "200"},
        "cards": [
            {"user_id": ANNA, "shown_at": 100.3, "hidden_at": 110.1},
            {"user_id": BORIS, "shown_at": 100.3, "hidden_at": 103.1},
        ],
        **changes,
    }


def judged(crm: dict[str, Any], recording: Heard | None = BOTH_VOICES) -> list[str]:
    return differences(STORY, Evidence(what_happened(), crm, recording), COMPANY)


def cards(*changes: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**card, **change} for card, change in zip(what_the_crm_holds()["cards"], changes, strict=True)]


def test_a_true_record_gets_no_complaint():
    assert judged(what_the_crm_holds()) == []


@pytest.mark.parametrize(
    ("mistake", "complaint"),
    [
        ({"call_start_date": 102.5}, "started 2.5 s too late"),
        ({"line_number": ""}, "line none"),
        ({"type": 1}, "type 1 instead of 2"),
        ({"crm_entity_id": 9}, "client CONTACT 9"),
        ({"finish": None}, "never finished"),
        ({"finishes_refused": 1}, "finished 2 times"),
        ({"finish": {"user_id": BORIS, "duration": 7, "status_code": "200"}}, "credited to the employee of 202"),
        ({"finish": {"user_id": ANNA, "duration": 10, "status_code": "200"}}, "duration 10 s instead of 7.0 s"),
        ({"finish": {"user_id": ANNA, "duration": 7, "status_code": "304"}}, "status 304 instead of 200"),
        ({"cards": cards({}, {"hidden_at": None})}, "still open for the employee of 202"),
        ({"cards": cards({}, {"hidden_at": 108.0})}, "of the employee of 202 closed 5.0 s too late"),
        ({"cards": cards({"hidden_at": 104.0}, {})}, "of the employee of 201 closed 6.0 s too early"),
        ({"cards": cards({"shown_at": 100.1}, {})}, "opened 100 ms before his phone rang"),
        ({"cards": cards({"shown_at": 102.9}, {})}, "opened 2.7 s after his phone rang"),
        ({"cards": cards({"user_id": 1}, {})}, "opened for user 1, whose phone did not ring"),
        ({"cards": []}, "no card opened for the employee of 201"),
    ],
)
def test_a_mistake_is_named(mistake: dict[str, Any], complaint: str):
    assert any(complaint in said for said in judged(what_the_crm_holds(**mistake)))


def test_a_recording_is_missed_when_there_was_a_talk():
    assert judged(what_the_crm_holds(), recording=None) == ["the call: has no recording"]


def test_a_recording_of_one_voice_is_found_out():
    assert judged(what_the_crm_holds(), Heard(7.0, customer=True, employee=False)) == [
        "the call: on the recording the employee can't be heard"
    ]


def test_a_missing_call_and_one_too_many_are_told():
    other = what_the_crm_holds(phone_number="+74951112233")

    pairs, said = pair(STORY, [what_happened()], [other])

    assert pairs == []
    assert said == [
        f"the call: the CRM has no call with {CLIENT}",
        f"the CRM has a call too many: +74951112233 on {LINE}",
    ]


def test_an_unanswered_call_is_missed_when_it_came_and_cancelled_when_it_went_out():
    came = RealCall(STORY.calls[0], Dialog("c", LINE, CLIENT, 100.0, cancelled_at=104.0, refused_at=104.0))
    went = RealCall(
        PlannedCall("201", "89160000001", "", outbound=True),
        Dialog("c", "89160000001", "201", 100.0, cancelled_at=104.0),
    )

    assert status_of(came) == "304"
    assert status_of(went) == "603-S"


def test_in_an_outage_nobody_demands_cards():
    story = Story(STORY.name, STORY.calls, STORY.phones, clients=STORY.clients, lines=STORY.lines, weather=Weather.DOWN)
    crm = what_the_crm_holds(cards=[])

    assert differences(story, Evidence(what_happened(), crm, BOTH_VOICES), COMPANY) == []


MOVES = (Move("201", Do.BLIND, "202"), Move("", Do.HANG_UP))
MOVED = replace(STORY, calls=(PlannedCall(CLIENT, LINE, "", ["201", "202"], moves=MOVES, talks=("201", "202")),))


def a_call_sent_on(**changes: Any) -> RealCall:
    caller = Dialog("c", LINE, CLIENT, 100.0, answered_at=101.0, ended_at=110.0, hung_up_here=True)
    sends = Dialog("1", "201", CLIENT, 100.1, ringing_at=100.2, answered_at=101.0, ended_at=104.0)
    takes = Dialog("2", "202", CLIENT, 104.0, ringing_at=104.1, answered_at=106.0, ended_at=110.0)
    real = RealCall(
        MOVED.calls[0],
        caller,
        [sends, takes],
        {"201": True, "202": True},
        caller_heard=True,
        done=[Done(move, 103.0) for move in MOVES],
        heard=[Talk("202", 106.0, 110.0), Talk("201", 101.0, 103.9)],
    )
    return replace(real, **changes)


def judged_when_sent_on(call: RealCall, **crm: Any) -> list[str]:
    true = {
        "finish": {"user_id": BORIS, "duration": 7, "status_code": "200"},
        "cards": [
            {"user_id": ANNA, "shown_at": 100.3, "hidden_at": 104.2},
            {"user_id": BORIS, "shown_at": 104.3, "hidden_at": 110.1},
        ],
    }
    voices = frozenset({CUSTOMER_TONE, employee_tone("201"), employee_tone("202")})
    recording = Heard(9.0, customer=True, employee=True, tones=voices)
    return differences(MOVED, Evidence(call, what_the_crm_holds(**true | crm), recording), COMPANY)


@pytest.mark.parametrize("seconds", [7, 9])
def test_the_hole_in_a_call_that_was_sent_on_may_count_or_not(seconds: int):
    finish = {"user_id": BORIS, "duration": seconds, "status_code": "200"}

    assert judged_when_sent_on(a_call_sent_on(), finish=finish) == []


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"done": [Done(MOVES[0], 103.0, "REFER was answered with 403")]}, "201: transfer 202: REFER was answered"),
        ({"done": [Done(MOVES[0], 103.0)]}, "the customer: hang up: did not come to it"),
        ({"heard": [Talk("201", 101.0, 104.0)]}, "the customer talked with 201 instead of ['201', '202']"),
        ({"heard_caller": {"201": True}}, "202 did not hear the caller"),
        ({"silence": 2.5}, "the customer heard nothing for 2.5 s"),
    ],
)
def test_moves_that_went_wrong_are_named(changes: dict[str, Any], complaint: str):
    assert any(complaint in said for said in judged_when_sent_on(a_call_sent_on(**changes)))


@pytest.mark.parametrize(
    ("crm", "complaint"),
    [
        ({"finish": {"user_id": ANNA, "duration": 7, "status_code": "200"}}, "credited to the employee of 201"),
        ({"finish": {"user_id": BORIS, "duration": 3, "status_code": "200"}}, "duration 3 s instead of 6.9 s to 9.0 s"),
        (
            {"cards": [{"user_id": ANNA, "shown_at": 100.3, "hidden_at": 110.1}]},
            "the card of the employee of 201 closed 6.1 s too late",
        ),
    ],
)
def test_a_crm_that_did_not_follow_the_call_is_named(crm: dict[str, Any], complaint: str):
    assert any(complaint in said for said in judged_when_sent_on(a_call_sent_on(), **crm))
