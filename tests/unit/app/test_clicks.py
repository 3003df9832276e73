"""An employee clicks a number in the CRM."""

import time
from types import SimpleNamespace
from typing import Any

import pytest

from stasis_app.adapters import CallDesk
from stasis_app.ari import LinkState
from stasis_app.calls.lifecycle import Order
from stasis_app.calls.number_plan import NumberPlan
from stasis_app.crm import Directory, Employee, MemoryEmployeeStore, Numbers
from stasis_app.portal import ClickOrder


class Desk:
    """Everything a click touches."""

    def __init__(self) -> None:
        self.dialled: list[str] = []
        self.came_to_nothing: list[tuple[str, str, int, str]] = []
        directory = Directory(None, MemoryEmployeeStore(), overrides=[Employee(12, "Anna", "101")])
        numbers = Numbers("RU")
        link: Any = SimpleNamespace(state=LinkState.CONNECTED)
        tracker: Any = SimpleNamespace(originate=self._originate, new_id=lambda: "2.0")
        mirror: Any = SimpleNamespace(
            registered_by_portal=lambda *told: None, came_to_nothing=lambda *told: self.came_to_nothing.append(told)
        )
        self.desk = CallDesk(tracker, link, mirror, directory, numbers, NumberPlan(()))

    def _originate(self, order: Order) -> Any:
        self.dialled.append(order.number)
        return SimpleNamespace(id="1.0")


@pytest.fixture
def desk() -> Desk:
    return Desk()


def clicked(seconds_ago: float) -> ClickOrder:
    return ClickOrder(
        portal_call_id="externalCall.1", user_id=12, number="+74951234567", ordered_at=time.time() - seconds_ago
    )


async def test_a_click_just_made_is_a_call(desk):
    await desk.desk.click_to_call(clicked(5))

    assert desk.dialled == ["+74951234567"]


async def test_a_click_that_comes_when_nobody_waits_any_more_is_no_call(desk):
    await desk.desk.click_to_call(clicked(900))

    assert desk.dialled == []
    ((call_id, portal_call_id, user_id, reason),) = desk.came_to_nothing
    assert (call_id, portal_call_id, user_id) == ("2.0", "externalCall.1", 12)
    assert "900 s late" in reason


async def test_a_click_without_a_time_is_a_call(desk):
    await desk.desk.click_to_call(ClickOrder(portal_call_id="externalCall.1", user_id=12, number="+74951234567"))

    assert desk.dialled == ["+74951234567"]
