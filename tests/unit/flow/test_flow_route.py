"""Where calls begin, and what a phone is told when nobody answers."""

from pathlib import Path

import pytest
from flow_fakes import NUMBERS, Company, FakeCall, plan_of
from loguru import logger

from stasis_app.calls.facts import Direction, Party, PartyKind, Unanswered, WentOutside
from stasis_app.flow import Plan, learn_client_outside, route_call, route_inbound, route_internal, route_outbound
from stasis_app.flow.step import Step

PLAN = """
[plan]
default = "main"
entries = ["night"]
[lines."+74951234567"]
element = "sales"
name = "Sales"
[elements.main]
type = "hangup"
cause = 1
[elements.sales]
type = "hangup"
cause = 17
[elements.night]
type = "hangup"
cause = 21
"""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return plan_of(tmp_path, PLAN.replace("[elements.main]", '[elements.bye]\ntype = "hangup"\n[elements.main]'))


@pytest.mark.parametrize(
    ("element", "did", "begins", "why"),
    [
        ("night", "74951234567", "night", "named by the dialplan"),
        ("", "84951234567", "sales", "line Sales"),
        ("", "4951234567", "sales", "line Sales"),
        ("", "78120000000", "main", "line 78120000000 is not in the plan: the default"),
        ("", "", "main", "no line named: the default"),
        ("gone", "+74951234567", "sales", 'the dialplan names "gone", which is not in the plan; line Sales'),
    ],
)
async def test_an_inbound_call_begins_where_dialplan_line_or_default_say(
    plan: Plan, element: str, did: str, begins: str, why: str
) -> None:
    call = FakeCall()
    await route_inbound(plan, call, Company().context, element, did)
    assert (call.visited, call.why) == ([begins], [why])


async def test_an_inbound_call_of_a_known_client_is_identified_at_once(plan: Plan) -> None:
    call = FakeCall("8 916 123-45-67")
    await route_inbound(plan, call, Company().knows().context)
    assert call.done[0] == ("identify", "Ivanov")


async def test_an_employee_talks_to_the_number_he_dialled(plan: Plan) -> None:
    call = FakeCall("101", direction=Direction.OUTBOUND, dialled="89161234567", answers=["89161234567"])
    await route_outbound(call, Company().knows().context, "89161234567")
    assert [verb[0] for verb in call.done] == ["identify", "ring", "talk"]


@pytest.mark.parametrize(
    ("outcome", "cause"),
    [(Unanswered.BUSY, 17), (Unanswered.NO_ANSWER, 19), (Unanswered.DECLINED, 21), (Unanswered.UNREACHABLE, 20)],
)
async def test_the_phone_is_told_why_nobody_answered(outcome: Unanswered, cause: int) -> None:
    call = FakeCall("101", direction=Direction.OUTBOUND, dialled="89160000000", tried={"89160000000": outcome})
    await route_outbound(call, Company().context, "89160000000")
    assert call.last == ("hang_up", cause)


async def test_a_number_that_can_not_be_dialled_is_incomplete() -> None:
    call = FakeCall("101", direction=Direction.OUTBOUND, dialled="PJSIP/x")
    await route_outbound(call, Company().context, "PJSIP/x&PJSIP/y")
    assert call.done == [("hang_up", 28)]


async def test_ringing_that_fails_leaves_the_call_to_the_dialplan() -> None:
    call = FakeCall("101", direction=Direction.OUTBOUND, dialled="89160000000")
    call.broken_verbs = {"ring"}
    await route_outbound(call, Company().context, "89160000000")
    assert call.last == ("hand_over", "", "", 1)


@pytest.mark.parametrize("dialled", ["*20", "102"])
async def test_a_call_another_instance_has_taken_over_is_left_to_it_without_an_error(plan: Plan, dialled: str) -> None:
    async def say_the_time(step: Step, digits: str) -> None:
        await step.call.say("time")

    company = Company()
    company.context.codes.add("*20", say_the_time)
    call = FakeCall("101", direction=Direction.INTERNAL, dialled=dialled)
    call.taken_over = True
    errors: list[str] = []
    sink = logger.add(errors.append, level="WARNING")
    try:
        await route_internal(plan, call, company.context, dialled)
    finally:
        logger.remove(sink)

    assert (call.done, errors) == ([], [])


async def test_one_employee_calls_another(plan: Plan) -> None:
    call = FakeCall("101", direction=Direction.INTERNAL, dialled="102", answers=["102"])
    await route_internal(plan, call, Company().context, "102")
    assert call.rung == [("102",)]
    assert call.last == ("talk",)


async def test_feature_codes_are_the_dialplans(plan: Plan) -> None:
    call = FakeCall("101", direction=Direction.INTERNAL, dialled="*97")
    await route_internal(plan, call, Company().context, "*97")
    assert call.done == [("hand_over", "", "", 1)]


def test_a_line_is_found_in_any_spelling(plan: Plan) -> None:
    line = plan.line("+7 (495) 123-45-67", NUMBERS)
    assert line is not None
    assert line.name == "Sales"


@pytest.mark.parametrize(
    ("call", "verbs"),
    [
        (FakeCall(line="84951234567"), [("hang_up", 17)]),
        (FakeCall("101", direction=Direction.INTERNAL, dialled="*8"), [("hand_over", "", "", 1)]),
        (FakeCall("101", direction=Direction.OUTBOUND, dialled=""), [("hang_up", 28)]),
    ],
)
async def test_a_new_call_goes_its_way_by_its_record(plan: Plan, call: FakeCall, verbs: list[object]) -> None:
    await route_call(plan, call, Company().context)
    assert call.done == verbs


async def test_a_number_of_the_plan_leads_an_employee_to_its_element(tmp_path: Path):
    plan = plan_of(tmp_path, PLAN.replace("[plan]", '[numbers]\n"600" = "sales"\n[plan]'))
    call = FakeCall(direction=Direction.INTERNAL)

    await route_internal(plan, call, Company().context, "600")

    assert call.visited == ["sales"]
    assert call.why == ["an employee dialled 600"]


async def test_a_call_between_employees_that_goes_outside_is_identified_by_the_number_there() -> None:
    call = FakeCall("101", direction=Direction.INTERNAL, dialled="102")
    boris = Party(PartyKind.EMPLOYEE, "102")
    call.note(WentOutside(call_id=call.id, at=call.record.started_at, number="89161234567", by=boris))

    await learn_client_outside(call, Company().knows().context)

    assert call.record.identified is not None
    assert call.record.identified.name == "Ivanov"
