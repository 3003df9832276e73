"""Is a phone free, and who answers for a caller?"""

import asyncio
import gc
from collections.abc import Mapping
from typing import Any

import pytest
from crm_fakes import CALLER, NUMBERS, FakePortal, FakeStaff

from stasis_app.ari import SteppedBack
from stasis_app.crm import (
    Client,
    Directory,
    Employee,
    MemoryClientStore,
    MemoryEmployeeStore,
    Phonebook,
    Phones,
    PhoneState,
    ResponsibleFinder,
    Standing,
    WorkingDay,
)
from stasis_app.crm.availability import endpoint_name

ONLINE = {"technology": "PJSIP", "resource": "101", "state": "online", "channel_ids": []}


class FakeAsterisk:
    """Answers with what it is given; an exception is raised, an Event never set makes it silent."""

    def __init__(self, endpoint: object = ONLINE, device: object = "NOT_INUSE") -> None:
        self.answers = {"endpoint": endpoint, "device": device}
        self.asked: list[str] = []

    async def endpoint(self, tech: str, resource: str, /) -> Mapping[str, Any] | None:
        return await self._answer("endpoint", f"{tech}/{resource}")

    async def device_state(self, name: str, /) -> str:
        return await self._answer("device", name)

    async def _answer(self, what: str, name: str) -> Any:
        self.asked.append(name)
        answer = self.answers[what]
        if isinstance(answer, asyncio.Event):
            await answer.wait()
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize(
    ("endpoint", "device", "state"),
    [
        (ONLINE, "NOT_INUSE", PhoneState.FREE),
        (ONLINE, "UNKNOWN", PhoneState.FREE),
        (ONLINE, "INVALID", PhoneState.FREE),
        (ONLINE, "INUSE", PhoneState.DO_NOT_DISTURB),
        (ONLINE, "BUSY", PhoneState.DO_NOT_DISTURB),
        ({**ONLINE, "state": "unknown"}, "NOT_INUSE", PhoneState.FREE),
        ({**ONLINE, "state": "offline"}, "NOT_INUSE", PhoneState.OFFLINE),
        ({**ONLINE, "channel_ids": ["1.1"]}, "NOT_INUSE", PhoneState.BUSY),
        (None, "NOT_INUSE", PhoneState.OFFLINE),
        (OSError("link down"), "NOT_INUSE", PhoneState.UNKNOWN),
        (OSError("link down"), "INUSE", PhoneState.DO_NOT_DISTURB),
        (ONLINE, OSError("link down"), PhoneState.FREE),
        ({"state": 5}, None, PhoneState.FREE),
    ],
)
async def test_the_state_of_a_phone(endpoint: object, device: object, state: PhoneState) -> None:
    asterisk = FakeAsterisk(endpoint, device)
    phone = await Phones(asterisk).of("101")
    assert phone.state is state
    assert phone.available == (state in (PhoneState.FREE, PhoneState.UNKNOWN))
    assert asterisk.asked[:2] == ["PJSIP/101", "Custom:DND101"]


async def test_a_phone_known_to_be_talking_needs_no_question() -> None:
    asterisk = FakeAsterisk()
    assert (
        await Phones(asterisk, channels_of=lambda extension: ["x"] if extension == "101" else []).of("101")
    ).state is PhoneState.BUSY
    assert asterisk.asked == []


async def test_an_asterisk_that_does_not_answer_in_time_makes_the_phone_ring() -> None:
    phones = Phones(FakeAsterisk(asyncio.Event(), asyncio.Event()), budget=0.01)
    assert (await phones.of("101")).available
    assert phones.troubles.counts == {"no answer in time": 2}


class WaitsThenFails:
    """Answers nothing until it is told that another instance has taken over; then it asks for nothing any more."""

    def __init__(self) -> None:
        self.taken_over = asyncio.Event()

    async def endpoint(self, tech: str, resource: str, /) -> Mapping[str, Any] | None:
        return await self._refused()

    async def device_state(self, name: str, /) -> str:
        return await self._refused()

    async def _refused(self) -> Any:
        try:
            await self.taken_over.wait()
        finally:
            raise SteppedBack("GET", "another instance has taken over")


async def test_questions_whose_caller_was_stopped_fail_without_a_word() -> None:
    """The call was given up while another instance took over: nobody is left to hear that the questions failed."""
    unheard: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context))
    asterisk = WaitsThenFails()
    caller = asyncio.create_task(Phones(asterisk, budget=5).of("101"))
    await asyncio.sleep(0.01)

    caller.cancel()
    asterisk.taken_over.set()
    await asyncio.sleep(0.01)
    assert caller.cancelled()
    del caller  # it keeps what it asked
    gc.collect()

    assert unheard == []


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("PJSIP/{extension}", ("PJSIP", "101")),
        ("PJSIP/office-{extension}", ("PJSIP", "office-101")),
        ("SIP/{extension}", ("SIP", "101")),
        ("PJSIP/{extension}@pbx", None),
        ("Local/{extension}@from-internal/n", None),
        ("Local/{extension}", None),
    ],
)
async def test_which_endpoint_tells_of_an_extension(template: str, name: tuple[str, str] | None) -> None:
    assert endpoint_name(template, "101") == name
    state = (await Phones(FakeAsterisk(), endpoint=template).of("101")).state
    assert state is (PhoneState.FREE if name else PhoneState.UNKNOWN)


async def finder(client: Client | None, *staff: Employee, asterisk: FakeAsterisk | None = None) -> ResponsibleFinder:
    portal = FakePortal({CALLER.e164: client} if client else {})
    directory = Directory(FakeStaff(*staff), MemoryEmployeeStore())
    await directory.refresh()
    return ResponsibleFinder(Phonebook(portal, MemoryClientStore()), directory, Phones(asterisk or FakeAsterisk()))


IVANOV = Client("CONTACT", 651, "Ivanov", user_id=11, extension="101")
ANNA = Employee(11, "Anna", "101")


@pytest.mark.parametrize(
    ("client", "employee", "standing", "why"),
    [
        (None, ANNA, Standing.UNKNOWN, "the CRM has no client with this number"),
        (Client("LEAD", 5), ANNA, Standing.UNKNOWN, "nobody answers for lead 5"),
        (IVANOV, ANNA, Standing.RINGABLE, "Anna, responsible for Ivanov: extension 101 is free"),
        (IVANOV, Employee(11, "Anna", "205"), Standing.RINGABLE, "Anna, responsible for Ivanov: extension 205 is free"),
        (
            IVANOV,
            Employee(12, "Boris", "102"),
            Standing.RINGABLE,
            "user 11, responsible for Ivanov: extension 101 is free",
        ),
        (
            Client("LEAD", 5, "X", 11),
            Employee(11, "Anna"),
            Standing.UNKNOWN,
            "Anna, responsible for X, has no extension",
        ),
        (IVANOV, Employee(11, "Anna", "101", False), Standing.UNKNOWN, "Anna, responsible for Ivanov, was dismissed"),
    ],
)
async def test_who_answers_for_a_caller(
    client: Client | None, employee: Employee, standing: Standing, why: str
) -> None:
    found = await (await finder(client, employee)).find(CALLER)
    assert (found.standing, found.why) == (standing, why)
    assert found.client == client


@pytest.mark.parametrize(
    ("day", "standing"),
    [
        (WorkingDay.OPENED, Standing.RINGABLE),
        (WorkingDay.CLOSED, Standing.OFF_WORK),
        (WorkingDay.PAUSED, Standing.OFF_WORK),
        (WorkingDay.EXPIRED, Standing.RINGABLE),
        (WorkingDay.UNKNOWN, Standing.RINGABLE),
    ],
)
async def test_the_working_day_counts_when_it_is_asked_for(day: WorkingDay, standing: Standing) -> None:
    client = Client("CONTACT", 651, "Ivanov", 11, "101", day)
    asked = await finder(client, ANNA)
    assert (await asked.find(CALLER, respect_working_day=True)).standing is standing
    assert (await asked.find(CALLER)).ringable


async def test_a_busy_responsible_is_named_but_not_rung() -> None:
    asterisk = FakeAsterisk({**ONLINE, "channel_ids": ["1.1"]})
    found = await (await finder(IVANOV, ANNA, asterisk=asterisk)).find(CALLER)
    assert (found.standing, found.employee, found.extension) == (Standing.UNAVAILABLE, ANNA, "101")


async def test_why_nobody_is_known_is_told_apart() -> None:
    asked = await finder(None)
    assert (await asked.find(NUMBERS.read("anonymous"))).why == "the caller withholds his number"
    assert (await asked.find(NUMBERS.read("101"))).why == "101 is no public number"
    slow = FakePortal()
    slow.free.clear()
    book = Phonebook(slow, MemoryClientStore(), budget=0.01)
    directory = Directory(None, MemoryEmployeeStore())
    late = await ResponsibleFinder(book, directory, Phones(FakeAsterisk())).find(CALLER)
    assert late.why == "the portal did not say in time whose number this is"
    await book.aclose()


async def test_a_phone_whose_call_is_just_ending_is_free():
    asterisk = FakeAsterisk({"state": "online", "channel_ids": ["1.7"]}, "NOT_INUSE")
    asking = asyncio.create_task(Phones(asterisk).of("101"))
    await asyncio.sleep(0.05)  # it was busy when asked
    asterisk.answers["endpoint"] = {"state": "online", "channel_ids": []}

    assert (await asking).state is PhoneState.FREE
