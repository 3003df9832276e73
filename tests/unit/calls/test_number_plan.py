"""Which trunk dials a number, how it is spelt there, and which number is shown."""

import pytest

from stasis_app.calls.number_plan import NumberPlan, Rewrite, Trunk, one_trunk
from stasis_app.crm import Numbers

MOSCOW, SALES, ANNAS, DISTANT = "+74951112233", "+74957770000", "+74951112201", "+442071230000"
NUMBERS = Numbers("RU")


def plan(*trunks: Trunk) -> NumberPlan:
    return NumberPlan(
        trunks,
        international=lambda number: NUMBERS.read(number).e164,
        employees={"101": ANNAS},
        lines={SALES: SALES},
        emergency=frozenset({"112"}),
    )


def dialled(plan: NumberPlan, number: str, **of: str) -> list[tuple[str, str]]:
    return [(attempt.trunk, attempt.number) for attempt in plan.attempts(number, **of)]  # type: ignore[arg-type]


def shown(plan: NumberPlan, **of: str) -> list[str]:
    return [attempt.caller_id for attempt in plan.attempts("89161234567", **of)]  # type: ignore[arg-type]


MAIN = Trunk("main", "PJSIP/{number}@main", MOSCOW, rewrite=(Rewrite("+7", 2, "8"), Rewrite("+", 1, "810")))
MOBILE = Trunk("mobile", "PJSIP/{number}@gsm", prefixes=("+79",), rewrite=(Rewrite("8", 1, "+7"),))
ABROAD = Trunk("abroad", "PJSIP/{number}@sip.example", DISTANT, prefixes=("+", "00"))


@pytest.mark.parametrize("number", ["89161234567", "79161234567", "+79161234567", "9161234567"])
def test_a_prefix_with_a_plus_finds_every_spelling_of_a_number(number: str) -> None:
    assert dialled(plan(MAIN), number) == [("main", "89161234567")]


def test_a_prefix_without_one_finds_what_was_dialled_so() -> None:
    assert dialled(plan(MOBILE), "89161234567") == [("mobile", "+79161234567")]
    assert dialled(plan(MOBILE), "+79161234567") == [("mobile", "+79161234567")]
    assert dialled(plan(MOBILE), "9161234567") == [("mobile", "9161234567")]


def test_trunks_are_tried_in_the_order_they_stand_in_and_only_those_that_serve_the_number() -> None:
    assert dialled(plan(MOBILE, MAIN, ABROAD), "84951234567") == [("main", "84951234567"), ("abroad", "84951234567")]
    assert [trunk for trunk, _ in dialled(plan(MOBILE, MAIN), "89161234567")] == ["mobile", "main"]


def test_international_numbers() -> None:
    assert dialled(plan(MOBILE, MAIN, ABROAD), "+442071234567") == [
        ("main", "810442071234567"),
        ("abroad", "+442071234567"),
    ]
    assert dialled(plan(MAIN), "810442071234567") == [("main", "810442071234567")]


def test_an_emergency_call_is_dialled_as_it_is_by_every_trunk() -> None:
    grabs_all = Trunk("grabs", "PJSIP/{number}@x", rewrite=(Rewrite("1", 1, "+71"),))

    assert dialled(plan(MOBILE, grabs_all), "112") == [("mobile", "112"), ("grabs", "112")]


def test_a_number_no_trunk_serves_has_no_way() -> None:
    assert plan(MOBILE).attempts("84951234567") == ()


def test_the_endpoint_takes_the_number_as_it_is_spelt_for_the_trunk() -> None:
    (attempt,) = plan(MAIN).attempts("+79161234567")
    assert attempt.endpoint == "PJSIP/89161234567@main"


def test_what_is_shown_the_orders_wish_the_lines_number_the_employees_the_trunks() -> None:
    assert shown(plan(MAIN), caller_id=DISTANT, line=SALES, extension="101") == [DISTANT]
    assert shown(plan(MAIN), line="84957770000", extension="101") == [SALES]
    assert shown(plan(MAIN), extension="101") == [ANNAS]
    assert shown(plan(MAIN), extension="102") == [MOSCOW]


def test_a_carrier_that_takes_only_some_numbers_gets_the_best_of_those() -> None:
    strict = Trunk("strict", "PJSIP/{number}@x", MOSCOW, caller_ids=("84951112201",))

    assert shown(plan(strict), extension="101") == [ANNAS]
    assert shown(plan(strict), line=SALES, extension="101") == [ANNAS]
    assert shown(plan(strict), line=SALES) == [MOSCOW]


def test_a_customers_call_sent_on_shows_the_customer_where_the_carrier_lets_it() -> None:
    hides = Trunk("hides", "PJSIP/{number}@x", MOSCOW, shows_callers=False)
    both = plan(MAIN, hides).attempts("89161234567", sent_on=True)

    assert [attempt.caller_id for attempt in both] == ["", MOSCOW]


@pytest.mark.parametrize("line", ["spare", "74951110000", "+7 495 111-00-00"])
def test_the_line_chosen_puts_its_trunk_first(line: str) -> None:
    spare = Trunk("spare", "PJSIP/{number}@x", lines=("+74951110000",))

    assert [attempt.trunk for attempt in plan(MAIN, spare).attempts("89161234567", line=line)] == ["spare", "main"]


def test_which_lines_and_numbers_are_ours() -> None:
    ours = plan(MAIN, MOBILE)

    assert [ours.knows_line(line) for line in ("74957770000", "mobile", "74950000000", "")] == [
        True,
        True,
        False,
        False,
    ]
    assert [ours.may_show(number) for number in ("84951112233", ANNAS, SALES, "+79990000000")] == [
        *(True, True, True),
        False,
    ]


def test_one_trunk_takes_everything_as_it_is_dialled() -> None:
    assert dialled(one_trunk("PJSIP/{number}@trunk"), "89161234567") == [("trunk", "89161234567")]


@pytest.mark.parametrize(
    ("of", "line"),
    [
        ({}, MOSCOW),
        ({"extension": "101"}, ANNAS),
        ({"line": SALES, "extension": "101"}, SALES),
        ({"caller_id": SALES}, SALES),
        ({"line": "abroad"}, DISTANT),  # a trunk is chosen by its name, and no line is called so
    ],
)
def test_the_line_a_call_goes_out_by(of: dict[str, str], line: str) -> None:
    assert plan(MAIN, ABROAD).line_of("+79161234567", **of) == line


def test_a_trunk_that_shows_no_number_is_known_by_its_first_line() -> None:
    city = Trunk("city", "PJSIP/{number}@city", lines=(SALES, MOSCOW))

    assert plan(city).line_of("89161234567") == SALES
    assert one_trunk("PJSIP/{number}@trunk").line_of("89161234567") == ""
    assert plan(ABROAD).line_of("84951234567", line="") == ABROAD.caller_id
