"""The judge of a chaos run: what the phones saw beside what the CRM holds."""

from __future__ import annotations

import random
from typing import Any

import pytest

from lab.chaos.attempt import Attempt, Hushed, Ordered
from lab.chaos.company import RECEPTION, Offices
from lab.chaos.faults import Reach, Strike
from lab.chaos.judge import Judge
from lab.sip_call import SipCall
from lab.truth import Dialog, Message, Talk

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

    def fault(self, reach: Reach, since: float, until: float, *, loses_answers: bool = False) -> Told:
        self.strikes.append(Strike("a fault", reach, BEGAN + since, BEGAN + until, loses_answers))
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
    finish = {"user_id": user_id, "status_code": status, "duration": 10, "at": BEGAN + 21}
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
    told.attempt.ended_by, told.attempt.silences = "", [(BEGAN + 3, BEGAN + 5.5)]

    assert [column for column, _ in told.judged(entry(user(ANNA)))] == ["silent", "dropped"]


def test_silence_is_nobodys_fault_while_asterisk_is_down_and_after_it_took_the_call_with_it():
    told = talk().fault(Reach.ASTERISK, 10, 14)
    told.attempt.silences = [(BEGAN + 10, BEGAN + 50)]
    assert told.judged(entry(user(ANNA))) == []

    told.attempt.silences = [(BEGAN + 3, BEGAN + 5.5), (BEGAN + 10, BEGAN + 50)]
    assert told.judged(entry(user(ANNA))) == [("silent", "the customer heard nothing for 2.5 s")]


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


@pytest.mark.parametrize(("since", "until"), [(-40, -30), (10, 15), (80, 85)], ids=["before", "meanwhile", "after"])
def test_a_second_finish_is_no_second_call_where_the_answer_to_the_first_may_have_been_lost(since: float, until: float):
    refused = entry(user(ANNA), finishes_refused=1)

    assert talk().fault(Reach.NOTHING, since, until, loses_answers=True).judged(refused) == []
    assert [column for column, _ in talk().fault(Reach.SERVICE, since, until).judged(refused)] == ["doubled"]


@pytest.mark.parametrize(("since", "until"), [(-70, -50), (90, 100)], ids=["long before", "long after"])
def test_a_second_finish_is_one_too_many_when_the_trouble_was_at_another_time(since: float, until: float):
    told = talk().fault(Reach.NOTHING, since, until, loses_answers=True)

    assert [column for column, _ in told.judged(entry(user(ANNA), finishes_refused=1))] == ["doubled"]


def ordered(taken: bool | None) -> Told:
    """Anna's call was ordered while Asterisk was down, so no phone rang."""
    told = Told(STRANGER)
    told.attempt.outbound, told.attempt.placed_by = True, ANNA
    told.attempt.outside = told.attempt.caller = None
    told.attempt.ordered = Ordered(BEGAN, taken)
    return told.fault(Reach.ASTERISK, -2, 3)


def test_an_order_the_service_took_is_a_call_though_no_phone_rang():
    failed = entry(user(ANNA), customer=STRANGER, status="503", record=None)

    assert ordered(taken=True).judged(failed) == []
    assert [column for column, _ in ordered(taken=True).judged()] == ["lost"]


def test_an_order_the_service_refused_is_none_and_one_it_did_not_answer_may_be_one():
    failed = entry(user(ANNA), customer=STRANGER, status="503", record=None)

    assert ordered(taken=False).judged() == []
    assert [column for column, _ in ordered(taken=False).judged(failed)] == ["doubled"]
    assert ordered(taken=None).judged() == ordered(taken=None).judged(failed) == []


def hushed(*, music: bool) -> Told:
    """Anna holds the call (with music) or is muted from the fifth second to the tenth, and is heard else."""
    told = Told().rings(ANNA, answered=1).hears(ANNA, 1, 5).hears(ANNA, 10, 20)
    told.attempt.hushed = [Hushed(ANNA, BEGAN + 5, BEGAN + 10, music)]
    return told


def test_the_silence_of_somebody_who_is_muted_is_his_own_and_of_somebody_who_holds_is_not():
    for music, columns in ((False, []), (True, ["silent"])):
        told = hushed(music=music)
        told.attempt.silences = [(BEGAN + 5, BEGAN + 10)]
        assert [column for column, _ in told.judged(entry(user(ANNA)))] == columns

    muted = hushed(music=False)
    muted.attempt.silences = [(BEGAN + 5, BEGAN + 15)]
    assert [column for column, _ in muted.judged(entry(user(ANNA)))] == ["silent"]


def test_who_holds_or_is_muted_talks_on_and_should_not_be_heard():
    finish = entry(user(ANNA))["finish"] | {"duration": 19}
    assert hushed(music=True).noticed(entry(user(ANNA), finish=finish)) == []

    told = hushed(music=False).hears(ANNA, 6, 9)
    told.attempt.heard.sort(key=lambda heard: heard.began_at)
    (remark,) = [text for _, text in told.noticed(entry(user(ANNA), finish=finish)) if "muted" in text]
    assert f"heard {ANNA} for 3.0 s" in remark


def test_a_phone_whose_owner_wants_no_calls_should_not_ring():
    told = Told().rings(ANNA).rings(BORIS, answered=5).hears(BORIS, 5, 20)
    told.attempt.legs[0].dialog.invite = Message(BEGAN, False, "INVITE sip:anna SIP/2.0")
    assert "rang" not in str(told.noticed(entry(user(BORIS))))

    told.attempt.not_to_ring = {ANNA}
    assert f"the phone {ANNA} rang" in str(told.noticed(entry(user(BORIS))))


def placed_and_given(until: float) -> Told:
    """Anna dialled a customer; the exchange ends her side at the tenth second, his goes on until `until`."""
    told = Told(STRANGER, ended_by="")
    told.attempt.outbound, told.attempt.placed_by = True, ANNA
    told.attempt.outside = told.phone(STRANGER, 1, answered=2, ended=until)
    told.attempt.outside.dialog.hung_up_here = True
    told.attempt.caller = told.phone(ANNA, 0, answered=2, ended=10)
    told.attempt.legs = [told.attempt.caller]
    return told.hears(ANNA, 2, 10).rings(BORIS, answered=11, ended=until).hears(BORIS, 11, until)


def test_who_gives_away_a_call_he_placed_is_released_and_not_dropped():
    held = entry(user(BORIS), customer=STRANGER)
    assert [column for column, _ in placed_and_given(20).judged(held)] == ["dropped"]

    told = placed_and_given(20)
    told.attempt.gives_away = True
    assert told.judged(held) == []
    assert [column for column, _ in told.judged(entry(user(ANNA), customer=STRANGER))] == ["wrong_credit"]


def test_who_gives_away_a_call_and_is_hung_up_on_as_it_ends_is_dropped():
    told = placed_and_given(10)
    told.attempt.gives_away, told.attempt.heard = True, [Talk(ANNA, BEGAN + 2, BEGAN + 10)]
    told.attempt.legs.pop()

    assert [column for column, _ in told.judged(entry(user(ANNA), customer=STRANGER))] == ["dropped"]


def test_whom_the_responsible_talks_with_in_another_call_is_no_party_of_this_one():
    missed = entry(user(ANNA), record=None)
    told = Told().rings(BORIS, answered=1)
    assert told.judged(missed) == []

    told.attempt.bystanders = {BORIS}
    assert told.judged(missed) == [("wrong_credit", "status 200 although nobody talked")]


def called_back() -> Told:
    """The client asks a queue to call him back, is thanked and hung up on; Boris calls him ten seconds later."""
    told = Told(ended_by=BORIS).rings(BORIS, answered=31, ended=50).hears(BORIS, 32, 50)
    first = told.attempt.caller
    assert first is not None
    first.dialog.hung_up_here, told.attempt.asked_back_at = False, BEGAN + 17
    told.attempt.outside = told.phone(CLIENT, 31, answered=32, ended=50)
    return told


def test_who_is_called_back_has_two_calls_the_first_of_them_missed():
    first, second = entry(user(ANNA), status="304", record=None), entry(user(BORIS), call_start_date=BEGAN + 30)
    assert called_back().judged(first, second) == []

    talked = entry(user(ANNA), record=None)
    assert [column for column, _ in called_back().judged(talked, second)] == ["wrong_credit"]
    assert [column for column, _ in called_back().judged(first | {"finish": None}, second)] == ["lost"]
    tried = entry(user(BORIS), status="603-S", record=None, call_start_date=BEGAN + 25)
    assert [column for column, _ in called_back().judged(first, tried, second)] == ["doubled"]
    assert called_back().fault(Reach.SERVICE, 24, 26).judged(first, tried, second) == []


def test_who_is_called_back_and_then_hung_up_on_is_dropped():
    told = called_back()
    told.attempt.ended_by = ""

    first, second = entry(user(ANNA), status="304", record=None), entry(user(BORIS), call_start_date=BEGAN + 30)
    assert told.judged(first, second) == [("dropped", "the customer was hung up on after 19.0 s")]


def test_who_asks_to_be_called_back_and_never_is_has_been_lost():
    told = called_back()
    told.attempt.outside, told.attempt.legs, told.attempt.heard = told.attempt.caller, [], []
    first = entry(user(ANNA), status="304", record=None)

    assert told.judged(first) == [("lost", "the customer asked to be called back, and nobody did")]
    assert told.fault(Reach.SERVICE, 15, 18).judged(first) == []


def test_what_was_said_while_the_recording_was_paused_should_not_be_on_it():
    told = talk()
    told.attempt.paused, told.attempt.recorded_silence_s = [(BEGAN + 5, BEGAN + 9)], 3.8
    assert "paused" not in str(told.noticed(entry(user(ANNA))))

    told.attempt.recorded_silence_s = 0.4
    assert "paused for 4.0 s, and is silent for 0.4 s" in str(told.noticed(entry(user(ANNA))))
