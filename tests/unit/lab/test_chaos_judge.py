"""The judge of a chaos run: what the phones saw beside what the CRM holds."""

from __future__ import annotations

import random
from typing import Any

import pytest

from lab.chaos.attempt import Attempt
from lab.chaos.company import RECEPTION, Offices
from lab.chaos.faults import Reach, Strike
from lab.chaos.judge import Judge
from lab.sip_call import SipCall
from lab.truth import Dialog, Talk

OFFICES = Offices(2, 3)
OFFICE = OFFICES.offices[1]
ANNA, BORIS, CLIENT = OFFICE.manager, OFFICE.colleague, OFFICE.clients[0]
STRANGER = "79030000001"
BEGAN = 1000.0


def user(extension: str) -> int:
    return OFFICES.company.user_of(extension)


class Told:
    """A call as the phones saw it. The customer calls at 1000; times are seconds since then."""

    def __init__(self, customer: str = CLIENT, ended_by: str = "the customer") -> None:
        self.attempt = Attempt(1, "a call", random.Random(1), OFFICE, BEGAN, customer, OFFICE.line("responsible"))
        self.attempt.ended_by = ended_by
        self.attempt.outside = self.attempt.caller = self.phone(customer, 0, answered=1)
        self.strikes: list[Strike] = []

    def phone(self, number: str, invited: float, *, answered: float | None = None, ended: float = 20) -> SipCall:
        dialog = Dialog(f"{number} {invited}", number, CLIENT, BEGAN + invited)
        dialog.answered_at = None if answered is None else BEGAN + answered
        dialog.ended_at = BEGAN + ended
        return SipCall(None, dialog, 0, number, [(BEGAN + invited, "< SIP/2.0 100 Trying")])  # type: ignore[arg-type]

    def rings(self, number: str, *, answered: float | None = None, ended: float = 20) -> Told:
        self.attempt.legs.append(self.phone(number, 1, answered=answered, ended=ended))
        return self

    def hears(self, number: str, since: float, until: float) -> Told:
        self.attempt.heard.append(Talk(number, BEGAN + since, BEGAN + until))
        return self

    def fault(self, reach: Reach, since: float, until: float) -> Told:
        self.strikes.append(Strike("a fault", reach, BEGAN + since, BEGAN + until))
        return self

    def judged(self, *crm: dict[str, Any]) -> list[tuple[str, str]]:
        """The deviations that count."""
        return [(column, text) for column, text in self.noticed(*crm) if column]

    def noticed(self, *crm: dict[str, Any]) -> list[tuple[str, str]]:
        """All deviations, with the remarks, whose column is ""."""
        verdict = Judge(OFFICES, self.strikes).verdict([self.attempt], crm)
        return [(d.column, d.text) for d in verdict.deviations]


def entry(user_id: int, *, customer: str = CLIENT, status: str = "200", **more: Any) -> dict[str, Any]:
    """A finished call of the CRM, with its recording and without open cards."""
    finish = {"user_id": user_id, "status_code": status, "duration": 10}
    held = {
        "phone_number": f"+{customer}",
        "call_start_date": BEGAN,
        "user_id": user_id,
        "created_lead": None,
        "finish": finish,
        "finishes_refused": 0,
        "cards": [],
        "record": {"seconds": 10},
    }
    return held | more


def talk() -> Told:
    """Anna answers and talks with her client."""
    return Told().rings(ANNA, answered=1).hears(ANNA, 1, 20)


def test_a_call_that_is_told_as_it_was_has_no_deviation():
    assert talk().judged(entry(user(ANNA))) == []


@pytest.mark.parametrize(
    ("crm", "column"),
    [
        ((), "lost"),
        ((entry(user(ANNA), finish=None),), "lost"),
        ((entry(user(ANNA)), entry(user(ANNA))), "doubled"),
        ((entry(user(ANNA), finishes_refused=1),), "doubled"),
        ((entry(user(ANNA)), entry(1, customer="79999999999")), "doubled"),
        ((entry(user(BORIS)),), "wrong_credit"),
        ((entry(user(ANNA), status="304"),), "wrong_credit"),
        ((entry(user(ANNA), cards=[{"user_id": user(BORIS), "hidden_at": None}]),), "cards_open"),
        ((entry(user(ANNA), record=None),), "recordings_missing"),
    ],
    ids=["none", "no end", "two", "two ends", "nobody's", "another's", "missed", "card", "no recording"],
)
def test_what_the_crm_may_hold_wrongly(crm: tuple[dict[str, Any], ...], column: str):
    assert [found for found, _ in talk().judged(*crm)] == [column]


def test_silence_and_being_hung_up_on_are_the_callers():
    told = talk()
    told.attempt.ended_by, told.attempt.silence_s = "", 2.5

    assert [column for column, _ in told.judged(entry(user(ANNA)))] == ["silent", "dropped"]


def test_who_waits_in_vain_is_dropped_and_who_is_talked_to_all_the_while_is_not():
    waits = Told(ended_by="")
    waits.attempt.out_of_patience = True
    assert [column for column, _ in waits.judged(entry(user(ANNA), status="304", record=None))] == ["dropped"]

    talks = talk()
    talks.attempt.ended_by, talks.attempt.out_of_patience = "", True
    assert talks.judged(entry(user(ANNA))) == []


def test_who_was_heard_last_has_the_credit():
    told = talk().rings(BORIS, answered=12)
    told.attempt.heard = [Talk(ANNA, BEGAN + 1, BEGAN + 11), Talk(BORIS, BEGAN + 12, BEGAN + 20)]

    assert told.judged(entry(user(BORIS))) == []
    assert [column for column, _ in told.judged(entry(user(ANNA)))] == ["wrong_credit"]


def test_who_answered_while_the_service_was_away_and_left_as_it_came_back_may_have_it():
    told = Told().rings(ANNA, answered=1, ended=5).hears(ANNA, 1, 5).rings(BORIS, answered=8, ended=12.1)
    told.fault(Reach.SERVICE, 6, 12)

    assert told.judged(entry(user(BORIS))) == []
    assert told.judged(entry(user(ANNA))) == []


def test_a_talk_from_one_absence_into_the_next_may_be_unknown_when_hardly_a_moment_was_between_them():
    def told_of(gap: float) -> Told:
        told = Told().rings(BORIS, answered=6, ended=14).hears(BORIS, 6, 14)
        return told.fault(Reach.SERVICE, 5, 10).fault(Reach.SERVICE, 10 + gap, 15)

    missed = entry(user(ANNA), status="304", record=None)
    assert told_of(0.1).judged(missed) == []
    assert {column for column, _ in told_of(3).judged(missed)} == {"wrong_credit", "recordings_missing"}


def test_who_answered_and_was_not_heard_has_no_credit_of_it():
    told = Told().rings(ANNA, answered=1, ended=5).hears(ANNA, 1, 5).rings(BORIS, answered=8, ended=12)

    assert [column for column, _ in told.judged(entry(user(BORIS)))] == ["wrong_credit"]


def supervised(mode: str) -> Told:
    """The supervisor follows from the fifth second on, and the customer hears him to the end."""
    told = talk().rings(OFFICE.chief, answered=4).hears(OFFICE.chief, 5, 20)
    told.attempt.supervised = [(BEGAN + 4.9, mode)]
    return told


def test_a_supervisor_who_barged_in_has_no_credit_of_it():
    assert supervised("barge").noticed(entry(user(ANNA), finish=entry(user(ANNA))["finish"] | {"duration": 19})) == []
    assert [column for column, _ in supervised("barge").judged(entry(user(OFFICE.chief)))] == ["wrong_credit"]


@pytest.mark.parametrize("mode", ["listen", "whisper"])
def test_a_supervisor_the_customer_should_not_hear_is_remarked_upon(mode: str):
    (remark,) = [text for column, text in supervised(mode).noticed(entry(user(ANNA))) if "supervisor" in text]

    assert "had not barged in" in remark
    assert "supervisor" not in str(supervised(mode).fault(Reach.SERVICE, 3, 8).noticed(entry(user(ANNA))))


def test_reception_rung_by_the_dialplan_may_have_it_and_need_not():
    told = talk().rings(RECEPTION, answered=12).hears(RECEPTION, 12, 20)

    assert told.judged(entry(user(ANNA))) == []
    assert told.judged(entry(user(RECEPTION))) == []


def test_a_missed_call_is_the_responsibles_and_a_strangers_the_default_users():
    assert Told().judged(entry(user(ANNA), status="304", record=None)) == []
    missed = entry(OFFICES.company.default_user, customer=STRANGER, status="304", record=None)
    assert Told(STRANGER).judged(missed) == []
    of_somebody = entry(user(BORIS), customer=STRANGER, status="304", record=None)
    assert [column for column, _ in Told(STRANGER).judged(of_somebody)] == ["wrong_credit"]


def test_a_call_that_began_while_the_service_was_away_may_be_the_dialplans_alone():
    told = Told().rings(RECEPTION, answered=1).hears(RECEPTION, 1, 20)

    assert [column for column, _ in told.judged()] == ["lost"]
    assert told.fault(Reach.SERVICE, -2, 3).judged() == []
