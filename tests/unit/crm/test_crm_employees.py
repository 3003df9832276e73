"""The directory: who has which extension, whatever the portal says today."""

import asyncio

import pytest
from crm_fakes import BrokenStore, FakeStaff
from loguru import logger

from stasis_app.crm import Directory, Employee, MemoryEmployeeStore, Numbers, PortalEmployeeLister

ANNA, BORIS = Employee(11, "Anna", "101"), Employee(12, "Boris", "102")
STAFF = tuple(Employee(user, f"E{user}", str(user)) for user in range(101, 111))


async def test_employees_are_found_by_extension_and_by_user() -> None:
    directory = Directory(FakeStaff(ANNA, BORIS, Employee(13, "Vera")), MemoryEmployeeStore())
    assert not directory.ready
    assert await directory.refresh()
    assert directory.ready
    assert directory.by_extension("101") == ANNA
    assert directory.by_user(13) == Employee(13, "Vera")
    assert directory.by_extension("") is None
    assert directory.extensions == {"101", "102"}


async def test_an_extension_entered_twice_belongs_to_the_lowest_active_user() -> None:
    said: list[str] = []
    sink = logger.add(said.append, level="WARNING", format="{message}")
    dismissed = Employee(5, "Old", "101", active=False)
    directory = Directory(FakeStaff(Employee(14, "Gleb", "101"), ANNA, dismissed), MemoryEmployeeStore())
    await directory.refresh()
    await directory.refresh()
    logger.remove(sink)
    assert directory.by_extension("101") == ANNA
    assert len(said) == 1
    assert "Extension 101 belongs to Bitrix24 users 11 and 14: calls go to 11" in said[0]


async def test_the_configuration_knows_better_than_the_portal() -> None:
    overrides = [Employee(12, "", "201"), Employee(12, "", "202"), Employee(99, "Door", "101")]
    directory = Directory(FakeStaff(ANNA, BORIS), MemoryEmployeeStore(), overrides=overrides)
    assert directory.by_extension("201") == Employee(12, "", "201")
    await directory.refresh()
    assert directory.by_user(12) == Employee(12, "Boris", "201")
    assert directory.by_extension("202") == Employee(12, "Boris", "202")
    assert directory.by_extension("102") is None
    assert directory.by_extension("101") == Employee(99, "Door", "101")


@pytest.mark.parametrize(
    "answer",
    [(), STAFF[:4], tuple(Employee(e.user_id, e.name) for e in STAFF), ConnectionError("away")],
    ids=["empty", "partial", "without extensions", "failed"],
)
async def test_a_bad_answer_never_replaces_a_good_directory(answer: tuple[Employee, ...] | Exception) -> None:
    staff = FakeStaff(*STAFF)
    directory = Directory(staff, MemoryEmployeeStore())
    await directory.refresh()
    staff.answer = answer
    assert not await directory.refresh()
    assert len(directory.extensions) == 10
    assert directory.troubles.counts.total() == 1


async def test_a_company_that_really_shrank_is_believed_in_the_end() -> None:
    staff = FakeStaff(*STAFF)
    directory = Directory(staff, MemoryEmployeeStore())
    await directory.refresh()
    staff.answer = STAFF[:4]
    assert [await directory.refresh() for _ in range(3)] == [False, False, True]
    assert len(directory.extensions) == 4


async def test_the_directory_is_there_although_the_portal_is_away_at_start() -> None:
    store = MemoryEmployeeStore()
    await Directory(FakeStaff(ANNA, BORIS), store).refresh()
    later = Directory(FakeStaff(), store)
    await later.load()
    assert not await later.refresh()
    assert later.ready
    assert later.by_extension("102") == BORIS


async def test_a_broken_store_stops_nobody() -> None:
    directory = Directory(FakeStaff(ANNA), BrokenStore())  # type: ignore[arg-type]
    await directory.load()
    assert await directory.refresh()
    assert directory.by_extension("101") == ANNA


async def test_it_asks_again_and_again_and_sooner_after_a_failure() -> None:
    staff, pauses = FakeStaff(ANNA), []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        staff.answer = OSError()
        if len(pauses) == 2:
            raise asyncio.CancelledError

    directory = Directory(staff, MemoryEmployeeStore(), interval=600, sleep=sleep)
    with pytest.raises(asyncio.CancelledError):
        await directory.run()
    assert 480 <= pauses[0] <= 720
    assert 24 <= pauses[1] <= 36


async def test_an_employee_is_known_by_his_mobile_else_by_his_work_phone() -> None:
    staff = FakeStaff(
        Employee(11, "Anna", "101", mobile="+7 916 000-00-01", work_phone="+74957770000"),
        Employee(12, "Boris", "102", mobile="8 (916) 000-00-02", work_phone="84957770000"),
        Employee(13, "Vera", "", work_phone="+74957770003"),
        Employee(14, "Gleb", "104", active=False, mobile="+79160000004"),
        Employee(15, "Dina", "105", mobile="+74957770003"),
    )
    numbers = Numbers("RU")
    directory = Directory(staff, MemoryEmployeeStore(), spell=lambda number: numbers.read(number).key)
    await directory.refresh()

    def owner(number: str) -> str:
        found = directory.by_number(number)
        return found.name if found else ""

    assert [owner("89160000001"), owner("+79160000002")] == ["Anna", "Boris"]
    # The company's number stands with several people, so it is nobody's own; a dismissed employee has none any more.
    assert [owner("+74957770000"), owner("+79160000004"), owner(""), owner("+79169999999")] == ["", "", "", ""]
    assert owner("+74957770003") == "Dina"
    assert directory.by_extension("89160000001") == directory.by_extension("101")


async def test_who_is_named_in_the_configuration_keeps_the_numbers_the_portal_has() -> None:
    told = Employee(11, "Anna", "101", mobile="+79160000001")
    directory = Directory(FakeStaff(told), MemoryEmployeeStore(), overrides=[Employee(11, "", "199")])
    await directory.refresh()

    found = directory.by_number("+79160000001")
    assert found is not None
    assert (found.name, found.extension) == ("Anna", "199")


async def test_users_of_the_portal_become_employees() -> None:
    class User:
        id, name, extension, active, mobile, work_phone = 11, "Anna", " 1-01 ", True, "", ""

    class Users:
        async def list(self) -> list[User]:
            return [User()]

    assert await PortalEmployeeLister(Users()).list_employees() == [ANNA]
