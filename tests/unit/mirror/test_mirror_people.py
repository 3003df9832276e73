"""Who sees the card, and whose the call is."""

from stasis_app.calls.facts import EndedBy, Unanswered
from stasis_app.mirror.people import cards, credited_to, registered_for
from tests.unit.mirror.mirror_story import ANNA, BORIS, CLIENT, VERA, Office, told

OFFICE = Office()


def sees(happens) -> set[int]:
    users, _ = cards(told(happens), OFFICE)
    return set(users)


def test_whose_phone_rings_sees_the_card():
    assert sees(lambda c: c.comes_in().rings(ANNA, BORIS)) == {11, 12}


def test_the_instant_somebody_answers_nobody_else_does():
    assert sees(lambda c: c.comes_in().rings(ANNA, BORIS, VERA).answers(BORIS)) == {12}


def test_of_two_who_answer_at_once_the_one_who_talks_does():
    assert sees(lambda c: c.comes_in().rings(ANNA, BORIS).answers(BORIS).answers(ANNA).talks(BORIS)) == {12}


def test_a_phone_that_rings_during_a_talk_shows_the_card_too():
    assert sees(lambda c: c.comes_in().rings(ANNA).answers(ANNA).talks(ANNA).wait(9).rings(BORIS)) == {11, 12}


def test_who_declined_does_not():
    assert sees(lambda c: c.comes_in().rings(ANNA, BORIS).gives_up(ANNA, Unanswered.DECLINED)) == {12}


def test_who_dials_sees_it_from_the_start_to_the_end():
    assert sees(lambda c: c.is_dialled_by(ANNA)) == {11}
    assert sees(lambda c: c.is_dialled_by(ANNA).rings(CLIENT).answers(CLIENT).talks(CLIENT)) == {11}
    assert sees(lambda c: c.is_dialled_by(ANNA).ends(EndedBy.EMPLOYEE)) == set()


def test_nobody_sees_an_ended_call():
    assert sees(lambda c: c.comes_in().rings(ANNA).ends()) == set()


def test_a_call_is_registered_for_the_responsible_first():
    call = told(lambda c: c.comes_in().known_as(7, user_id=13).rings(ANNA))

    assert registered_for(call, OFFICE, default_user=1) == [13, 11, 1, 12]


def test_a_missed_call_is_the_responsibles_then_the_default_users_then_whose_phone_rang_last():
    known = told(lambda c: c.comes_in().known_as(7, user_id=13).rings(ANNA, BORIS).ends())
    stranger = told(lambda c: c.comes_in().rings(ANNA, BORIS).ends())

    assert credited_to(known, OFFICE, default_user=1)[0] == 13
    assert credited_to(stranger, OFFICE, default_user=1)[0] == 1
    assert credited_to(stranger, OFFICE, default_user=None)[0] == 12


def test_an_answered_call_is_his_who_talked_last_even_if_another_was_responsible():
    call = told(
        lambda c: (
            c.comes_in()
            .known_as(7, user_id=13)
            .rings(ANNA)
            .answers(ANNA)
            .talks(ANNA)
            .rings(BORIS)
            .answers(BORIS)
            .talks(BORIS)
            .leaves(ANNA)
            .ends()
        )
    )

    assert credited_to(call, OFFICE, 1)[:2] == [12, 11]


def test_with_no_name_at_all_the_longest_known_employee_stands_in():
    assert registered_for(told(lambda c: c.comes_in()), OFFICE, None) == [11, 12, 13]
