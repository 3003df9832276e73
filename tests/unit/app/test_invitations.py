"""Who is invited into a conversation over the API: by his extension or at a number."""

import pytest

from stasis_app.calls.facts import Party, PartyKind
from stasis_app.calls.moves.parking import ParkingLot, ParkingOptions
from stasis_app.crm import Directory, Employee, MemoryEmployeeStore, Numbers
from stasis_app.desk import MoveDesk
from tests.unit.calls.calls_fakes import Exchange

MOBILE = "+79160000002"


@pytest.mark.parametrize(
    ("to", "who"),
    [
        ("102", Party(PartyKind.EMPLOYEE, "102", "Boris")),
        ("8 916 000-00-02", Party(PartyKind.EMPLOYEE, "102", "Boris")),
        ("+79160000002", Party(PartyKind.EMPLOYEE, "102", "Boris")),
        ("+79169999999", Party(PartyKind.CUSTOMER, "+79169999999")),
    ],
)
async def test_an_employee_invited_at_his_mobile_is_that_employee(to: str, who: Party) -> None:
    numbers = Numbers("RU")
    staff = [Employee(12, "Boris", "102", mobile="8 916 000-00-02")]
    directory = Directory(None, MemoryEmployeeStore(), overrides=staff, spell=lambda number: numbers.read(number).key)
    pbx = Exchange()
    lot = ParkingLot(ParkingOptions((), 60), calls=list)
    desk = MoveDesk(
        pbx.tracker, directory, numbers, lot, supervisors=(), dialled=lambda number: numbers.read(number).key
    )
    await pbx.customer_talks()

    leg = await desk.invite("1.0", to)
    await pbx.settled()

    assert pbx.call.leg(leg).party == who
