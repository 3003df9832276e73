"""Employees, departments and working days: what a routing plan asks the portal for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from b24_office import Office, Opens

from b24client import AccessDenied, DayStatus, Portal, Refusal, Refused, User
from b24client.sandbox import SandboxConfig
from b24client.sandbox.config import SeedUser


@pytest.fixture
async def portal(office: Office) -> Portal:
    return await office.installed()


def ids(users: list[User]) -> list[int]:
    return [user.id for user in users]


async def rows(portal: Portal, method: str, **params: Any) -> list[dict[str, Any]]:
    result = await portal.call(method, params)
    assert isinstance(result, list)
    return result


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"UF_PHONE_INNER": "101"}, [11]),
        ({"UF_PHONE_INNER": ["101", "103"]}, [11, 13]),
        ({"@ID": [1, 12]}, [1, 12]),
        ({"!ID": 1, "ACTIVE": True}, [11, 12, 13]),
        ({"ACTIVE": "N"}, [14]),
        ({"UF_DEPARTMENT": 2}, [11, 12]),
        ({"IS_ONLINE": "N"}, [12]),
        ({"NAME_SEARCH": "bor pet"}, [11]),
        ({"NAME_SEARCH": "serv"}, [13, 14]),
        ({"NAME": "%a"}, [1, 12, 14]),
        ({"!%LAST_NAME": "ov"}, [1, 14]),
        ({"=%LAST_NAME": "S%"}, [12]),
        ({">=ID": 12, "<ID": 14}, [12, 13]),
        ({"USER_TYPE": "employee", "WORK_POSITION": "Director"}, [1]),
        ({"EMAIL": "nobody@example.com"}, []),
    ],
    ids=str,
)
async def test_employees_are_found_by_what_is_known_of_them(
    office: Office, portal: Portal, wanted: dict[str, Any], found: list[int]
) -> None:
    people = office.sandbox.people
    people.users[12] = people.users[12].model_copy(update={"online": False})
    assert ids(await portal.users.list(wanted)) == found


async def test_conditions_may_stand_beside_the_filter(portal: Portal) -> None:
    found = await rows(portal, "user.get", UF_DEPARTMENT=2, SORT="LAST_NAME", ORDER="desc")
    assert [row["LAST_NAME"] for row in found] == ["Sokolova", "Petrov"]


async def test_only_the_fields_asked_for_come(portal: Portal) -> None:
    (row,) = await rows(portal, "user.get", FILTER={"ID": 11}, select=["ID", "UF_*"])
    assert row == {"ID": "11", "UF_EMPLOYMENT_DATE": "", "UF_DEPARTMENT": [2], "UF_PHONE_INNER": "101"}


async def test_who_only_writes_by_e_mail_is_no_employee(open_office: Opens) -> None:
    def with_guest(config: SandboxConfig) -> None:
        config.users.append(SeedUser(id=90, name="Guest", user_type="email"))

    portal = await (await open_office(with_guest)).installed()
    assert 90 not in ids(await portal.users.list())
    assert ids(await portal.users.list({"USER_TYPE": "email"})) == [90]


async def test_the_search_reads_names_positions_and_departments(portal: Portal) -> None:
    assert ids(await portal.users.search("sales")) == [11, 12]
    assert ids(await portal.users.search("sales man")) == [12]
    assert ids(await portal.users.search("Orlov", {"ACTIVE": True})) == [13]
    assert await portal.users.search("nobody") == []
    assert [row["ID"] for row in await rows(portal, "user.search", FILTER={"LAST_NAME": "Or"})] == ["13"]


@pytest.mark.parametrize(
    ("scope", "hidden"),
    [
        ("user", set()),
        ("user_basic", {"LAST_LOGIN"}),
        ("user_brief", {"LAST_LOGIN", "EMAIL", "WORK_PHONE", "PERSONAL_PHONE", "PERSONAL_MOBILE"}),
    ],
)
async def test_a_narrow_scope_hides_how_to_reach_people(open_office: Opens, scope: str, hidden: set[str]) -> None:
    everything = {"LAST_LOGIN", "EMAIL", "WORK_PHONE", "PERSONAL_PHONE", "PERSONAL_MOBILE"}
    office = await open_office(lambda config: setattr(config.webhook, "scope", [scope]))
    portal = await office.by_webhook()
    (row,) = await rows(portal, "user.get", FILTER={"ID": 11})
    fields = await portal.call("user.fields")
    assert everything - set(row) == everything - set(fields) == hidden
    assert (row["UF_PHONE_INNER"], set(row) - {"UF_PHONE_INNER"} <= set(fields)) == ("101", True)


async def test_the_house_and_who_leads_it(portal: Portal) -> None:
    company, sales, service = await portal.departments.list()
    assert (company.parent, sales.parent, service.parent) == (None, company.id, company.id)
    assert (sales.name, sales.head, service.head) == ("Sales", 11, 13)
    assert [d.id for d in await portal.departments.list(parent=company.id)] == [sales.id, service.id]
    assert [d.id for d in await portal.departments.list(head=13)] == [service.id]
    assert [u.id for u in await portal.users.list({"UF_DEPARTMENT": sales.id})] == [11, 12]
    assert set(await portal.call("department.fields")) == {"ID", "NAME", "SORT", "PARENT", "UF_HEAD"}


async def test_a_big_house_is_read_whole(open_office: Opens) -> None:
    def many(config: SandboxConfig) -> None:
        first = config.departments[0]
        config.departments += [first.model_copy(update={"id": n, "name": f"D{n}"}) for n in range(100, 220)]

    office = await open_office(many)
    departments = await (await office.installed()).departments.list()
    assert [d.id for d in departments] == [1, 2, 3, *range(100, 220)]
    assert office.requests("department.get") == 3


async def test_departments_need_their_scope(open_office: Opens) -> None:
    office = await open_office(lambda config: setattr(config.webhook, "scope", ["user"]))
    with pytest.raises(AccessDenied, match="scope"):
        await (await office.by_webhook()).departments.list()


async def test_an_employee_closes_his_day_and_routing_sees_it(portal: Portal) -> None:
    async def seen_by_routing() -> str:
        return (await portal.telephony.search_crm_entities("+79161234567"))[0].timeman_status

    assert (await portal.timeman.status(11)).working
    day = await portal.timeman.close(11, report="")
    assert (day.status, await seen_by_routing()) == (DayStatus.CLOSED, "CLOSED")
    assert day.started and day.finished and day.finished >= day.started
    assert day.confirmed

    day = await portal.timeman.open(11)
    assert (day.status, day.finished, await seen_by_routing()) == (DayStatus.OPENED, None, "OPENED")
    assert (await portal.timeman.pause(11)).status is DayStatus.PAUSED
    assert await seen_by_routing() == "PAUSED"
    assert (await portal.timeman.status(12)).working, "the others' days go on"


async def test_the_day_the_tests_set_is_the_one_the_portal_tells(
    office: Office, portal: Portal, http: aiohttp.ClientSession
) -> None:
    async def turn(status: str) -> int:
        async with http.patch(f"{office.url}/sandbox/api/users/11", json={"timeman": status}) as answer:
            return answer.status

    assert await turn("EXPIRED") == 200
    expired = await portal.timeman.status(11)
    assert expired.status is DayStatus.EXPIRED
    assert expired.started and expired.started.date() < datetime.now(UTC).date()
    assert expired.finish_suggested and expired.finish_suggested.date() == expired.started.date()
    fresh = await portal.timeman.open(11)
    assert fresh.started and fresh.started > expired.started

    assert await turn("PAUSED") == 200
    assert (await portal.timeman.status(11)).status is DayStatus.PAUSED
    assert await turn("ASLEEP") == 400


async def test_a_day_begun_earlier_by_hand_waits_for_the_supervisor(portal: Portal) -> None:
    await portal.timeman.close(12)
    now = datetime.now(UTC)
    day = await portal.timeman.open(12, at=now, report="forgot to")
    assert (day.confirmed, day.started) == (False, now.replace(microsecond=0))

    with pytest.raises(Refused, match="Unable to set time"):
        await portal.timeman.open(12, at=now)
    await portal.timeman.pause(12)
    with pytest.raises(Refused, match="work day is paused"):
        await portal.timeman.open(12, at=now)
    with pytest.raises(Refused, match="correspond to the day open date"):
        await portal.timeman.close(12, at=now + timedelta(days=1))
    await portal.timeman.close(12)
    with pytest.raises(Refused, match="correspond to the current date"):
        await portal.timeman.open(12, at=now - timedelta(days=2))
    with pytest.raises(ValueError, match="zone"):
        await portal.timeman.open(12, at=now.replace(tzinfo=None))


async def test_somebody_the_portal_does_not_know(portal: Portal) -> None:
    for ask in (portal.timeman.status, portal.timeman.settings, portal.timeman.open, portal.timeman.close):
        with pytest.raises(Refused) as refused:
            await ask(999)
        assert (refused.value.code, refused.value.reason) == ("", Refusal.USER_NOT_FOUND)


async def test_what_is_asked_of_a_working_day(portal: Portal) -> None:
    own, other = await portal.timeman.settings(), await portal.timeman.settings(11)
    assert (own.manages_others, other.manages_others) == (True, False)
    assert (other.tracked, other.flexible) == (True, False)
    assert (other.latest_start, other.shortest) == (timedelta(hours=9, minutes=15), timedelta(hours=8))

    schedule = await portal.timeman.schedule(1)
    assert schedule is not None
    (shift,) = schedule.shifts
    assert (shift.start, shift.end, shift.days) == (9 * 3600, 18 * 3600, "12345")
    assert await portal.timeman.schedule(77) is None


async def test_an_administrator_has_to_allow_the_telephony_settings(
    office: Office, portal: Portal, http: aiohttp.ClientSession
) -> None:
    async def word(allow: bool) -> None:
        body = {"method": "voximplant.user.get", "allow": allow}
        async with http.post(f"{office.url}/sandbox/api/confirm", json=body) as answer:
            assert answer.status == 200

    with pytest.raises(AccessDenied, match="has to confirm"):
        await portal.call("voximplant.user.get", {"USER_ID": 11})
    await word(False)
    with pytest.raises(AccessDenied, match="has denied"):
        await portal.call("voximplant.user.get", {"USER_ID": 11})
    await word(True)
    found = await rows(portal, "voximplant.user.get", USER_ID=[11, 12, 999])
    assert [(row["ID"], row["INNER_NUMBER"]) for row in found] == [("11", "101"), ("12", "102")]
    with pytest.raises(Refused, match="USER_ID is not set"):
        await portal.call("voximplant.user.get")


@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        ({"departments": [{"id": 1, "name": "A"}, {"id": 1, "name": "B"}]}, "same id"),
        ({"departments": [{"id": 1, "name": "A", "parent": 9}]}, "is in 9"),
        ({"departments": [{"id": 1, "name": "A", "head": 9}]}, "led by 9"),
        ({"users": [{"id": 1, "name": "A", "departments": [5]}]}, "in department 5"),
        ({"schedules": [{"id": 1, "days": "Monday"}]}, "days"),
    ],
)
def test_a_house_that_can_not_be(change: dict[str, Any], mistake: str) -> None:
    with pytest.raises(ValueError, match=mistake):
        SandboxConfig.model_validate(change)


def test_a_seed_without_departments_has_one_for_all() -> None:
    config = SandboxConfig.model_validate({"title": "Tiny", "users": [{"id": 1, "name": "A"}]})
    assert [(d.id, d.name) for d in config.departments] == [(1, "Tiny")]
