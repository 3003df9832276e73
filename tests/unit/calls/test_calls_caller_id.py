"""What a phone shows comes from strangers: it must not break out of its place."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stasis_app.calls.causes import BUSY, CONGESTION, NO_ANSWER, REJECTED, cause_for, why_unanswered
from stasis_app.calls.control import caller_id
from stasis_app.calls.facts import Party, PartyKind, Unanswered

anything = st.text() | st.text(alphabet='"<>\\,;\r\n\0@%${}()|&abc1')


@given(number=anything, name=anything)
def test_nothing_in_a_name_or_number_breaks_out(number: str, name: str) -> None:
    shown = caller_id(Party(PartyKind.CUSTOMER, number, name))

    assert re.fullmatch(r'"[^"<>\\]{1,60}" <[\w+*#.-]{1,40}>', shown)
    assert shown.isprintable()


@pytest.mark.parametrize(
    ("party", "shown"),
    [
        (Party(PartyKind.CUSTOMER, "79161234567", "Ivan"), '"Ivan" <79161234567>'),
        (Party(PartyKind.CUSTOMER, "79161234567"), '"79161234567" <79161234567>'),
        (Party(PartyKind.CUSTOMER, "+7 (916) 123-45-67", "Иван Петров"), '"Иван Петров" <+7916123-45-67>'),
        (Party(PartyKind.CUSTOMER, ""), '"anonymous" <anonymous>'),
        (Party(PartyKind.CUSTOMER, "1", 'a"b <c>\r\nVia: x'), '"ab cVia: x" <1>'),
    ],
)
def test_what_a_phone_shows(party: Party, shown: str) -> None:
    assert caller_id(party) == shown


@pytest.mark.parametrize(
    ("cause", "status", "rang", "why"),
    [
        (17, 486, True, Unanswered.BUSY),
        (17, 600, False, Unanswered.BUSY),
        (21, 603, True, Unanswered.DECLINED),
        (19, 480, True, Unanswered.NO_ANSWER),
        (19, 480, False, Unanswered.UNREACHABLE),
        (1, 404, False, Unanswered.UNREACHABLE),
        (34, 503, True, Unanswered.UNREACHABLE),
        (16, 487, True, Unanswered.CANCELLED),
        (26, None, True, Unanswered.ANSWERED_ELSEWHERE),
        (17, None, True, Unanswered.BUSY),
        (0, None, True, Unanswered.UNREACHABLE),
    ],
)
def test_why_a_leg_ended(cause: int, status: int | None, rang: bool, why: Unanswered) -> None:
    assert why_unanswered(cause, status, rang=rang) is why


@pytest.mark.parametrize(
    ("reasons", "cause"),
    [
        ([Unanswered.BUSY, Unanswered.BUSY], BUSY),
        ([Unanswered.DECLINED], REJECTED),
        ([Unanswered.UNREACHABLE] * 3, CONGESTION),
        ([Unanswered.BUSY, Unanswered.NO_ANSWER], NO_ANSWER),
        ([], NO_ANSWER),
    ],
)
def test_what_the_caller_is_told_when_nobody_answered(reasons: list[Unanswered], cause: int) -> None:
    assert cause_for(reasons) == cause
