"""The judge of the stories: a CRM that is right gets no complaint, each kind of mistake gets one."""

from typing import Any

import pytest

from lab.company import Company
from lab.compare import Evidence, differences, pair, status_of
from lab.phones import Manner
from lab.recordings import Heard
from lab.stage import RealCall
from lab.story import Client, PlannedCall, Story, Weather
from lab.truth import Dialog

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
