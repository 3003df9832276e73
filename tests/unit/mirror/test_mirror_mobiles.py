"""An employee reached at his mobile: the card and the credit are his, and his number is no stranger's."""

import pytest

from stasis_app.calls import facts as f
from stasis_app.calls.facts import EndedBy, Party, PartyKind
from stasis_app.calls.record import CallRecord
from stasis_app.crm import Directory, Employee, MemoryEmployeeStore, Numbers
from stasis_app.mirror.operations import Rules, finish_body, register_body
from stasis_app.mirror.people import cards
from tests.unit.mirror.mirror_story import ANNA, Story, told

MOBILE = "+79160000003"
VERA = Party(PartyKind.EMPLOYEE, MOBILE, "Vera")  # she has no desk phone
LEG = {"leg": "mobile", "party": VERA}


@pytest.fixture
async def office() -> Directory:
    class Staff:
        async def list_employees(self) -> list[Employee]:
            return [Employee(11, "Anna", ANNA), Employee(13, "Vera", mobile="8 916 000-00-03")]

    numbers = Numbers("RU")
    directory = Directory(Staff(), MemoryEmployeeStore(), spell=lambda number: numbers.read(number).key)
    await directory.refresh()
    return directory


def _rings(story: Story) -> Story:
    when = {"call_id": story.call_id, "at": story.now}
    return story.tell(f.Dialled(**when, **LEG)).tell(f.Ringing(**when, **LEG))


def _talks(story: Story) -> Story:
    when = {"call_id": story.call_id, "at": story.now}
    customer = Party(PartyKind.CUSTOMER, "+79161234567")
    story.tell(f.Answered(**when, **LEG)).tell(f.Joined(**when, leg="caller", party=customer, bridge="b"))
    return story.tell(f.Joined(**when, **LEG, bridge="b")).wait(30)


async def test_the_card_opens_for_her_and_the_call_is_hers(office: Directory):
    ringing = told(lambda c: _rings(c.comes_in()))
    over = told(lambda c: _talks(_rings(c.comes_in())).ends(EndedBy.CUSTOMER))

    assert cards(ringing, office) == (frozenset({13}), ())
    finish = finish_body(over, office, Rules(default_user=11))
    assert (finish["users"][0], finish["seconds"], finish["status"]) == (13, 30, "200")


@pytest.mark.parametrize(
    "call", [told(lambda c: c.comes_in(MOBILE)), told(lambda c: c.is_dialled_by(ANNA, MOBILE))], ids=["from", "to"]
)
async def test_an_employees_number_never_becomes_a_lead(office: Directory, call: CallRecord):
    assert register_body(call, MOBILE, office, Rules())["create"] is False
    assert register_body(call, "+79169999999", office, Rules())["create"] is True
