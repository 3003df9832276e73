"""An employee who is rung outside, at a number of his own, is still that employee."""

from dataclasses import replace
from pathlib import Path

import pytest
from flow_fakes import NUMBERS, Company, FakeCall, plan_of

from stasis_app.calls.facts import Party, PartyKind
from stasis_app.calls.verbs import Target
from stasis_app.crm import Directory, Employee, MemoryEmployeeStore
from stasis_app.flow import PlanDestinations
from stasis_app.flow.context import FlowContext
from stasis_app.flow.step import Step

MOBILE = "89160000002"


async def company(**phones: str) -> FlowContext:
    class Staff:
        async def list_employees(self) -> list[Employee]:
            return [Employee(12, "Boris", "102", mobile="+79160000002"), Employee(13, "Vera", mobile="+79160000003")]

    directory = Directory(Staff(), MemoryEmployeeStore(), spell=lambda number: NUMBERS.read(number).key)
    await directory.refresh()
    return replace(Company(**phones).context, directory=directory)


async def test_a_number_of_an_employees_is_the_employee() -> None:
    step = Step(FakeCall(), await company())

    assert step.target(MOBILE).party == Party(PartyKind.EMPLOYEE, "102", "Boris")
    assert step.target(MOBILE).outside_number == MOBILE
    assert step.target("89160000003").party == Party(PartyKind.EMPLOYEE, "+79160000003", "Vera")
    assert step.target("+79169999999").party == Party(PartyKind.CUSTOMER, "+79169999999")


async def test_his_mobile_is_rung_though_his_desk_phone_is_off() -> None:
    step = Step(FakeCall(), await company(x102="offline"))
    desk, mobile = step.target("102"), step.target(MOBILE)

    assert [(way.target, way.why) for way in await step.ways([desk, mobile])] == [
        (None, "102 not registered"),
        (mobile, ""),
    ]


@pytest.mark.parametrize("kind", ["asked", "given the call"])
async def test_a_call_transferred_to_his_mobile_is_his(kind: str, tmp_path: Path) -> None:
    call = FakeCall(answers=["102"])
    destinations = PlanDestinations(plan_of(tmp_path, '[elements.main]\ntype = "hangup"\n'), await company())
    mobile = await destinations.find(MOBILE)
    assert mobile is not None
    assert mobile.party is not None

    if kind == "asked":
        target = await destinations.following(call, mobile.party).next()  # type: ignore[arg-type]
        assert target == Target.mobile(MOBILE, "102", "Boris")
    else:
        await destinations.lead(call, mobile, None)  # type: ignore[arg-type]
        assert call.rung == [("102",)]
        assert call.last == ("talk",)
