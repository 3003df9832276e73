"""Who answers for a caller, and can he be rung now?"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from stasis_app.crm.availability import Availability, Phones
from stasis_app.crm.client import Client, WorkingDay
from stasis_app.crm.employees import Directory, Employee
from stasis_app.crm.numbers import Number
from stasis_app.crm.phonebook import Lookup, Phonebook, Source

WORKING_DAY_AGE = 120.0
"""Seconds for which a working day told by the portal is believed."""


class Standing(StrEnum):
    """What a responsible employee turned out to be good for."""

    RINGABLE = "ringable"
    UNKNOWN = "unknown"  # no client, no responsible, or he has no phone
    UNAVAILABLE = "unavailable"  # his phone is off, busy or not to be disturbed
    OFF_WORK = "off work"  # he closed or paused his working day


@dataclass(frozen=True, slots=True)
class Responsible:
    """The answer, with the reason in words (`why`) for the call's story."""

    standing: Standing
    why: str
    client: Client | None = None
    employee: Employee | None = None
    extension: str = ""
    availability: Availability | None = None

    @property
    def ringable(self) -> bool:
        """Whether his phone should be rung now."""
        return self.standing is Standing.RINGABLE


class ResponsibleFinder:
    """Goes from a number to the client, his responsible employee, that one's extension and the state of his phone."""

    def __init__(self, phonebook: Phonebook, directory: Directory, phones: Phones) -> None:
        self._phonebook = phonebook
        self._directory = directory
        self._phones = phones

    async def find(self, number: Number, *, respect_working_day: bool = False) -> Responsible:
        """Find out, within the budgets of phonebook and phones. Never raises."""
        found = await self._phonebook.lookup(number, max_age=WORKING_DAY_AGE if respect_working_day else None)
        client = found.client
        if client is None:
            return Responsible(Standing.UNKNOWN, _why_no_client(number, found))
        if client.user_id is None:
            return Responsible(Standing.UNKNOWN, f"nobody answers for {_title(client)}", client)
        employee, extension = self._phone_of(client, client.user_id)
        who = f"{employee.name or 'user ' + str(employee.user_id)}, responsible for {_title(client)}"
        if not employee.active:
            return Responsible(Standing.UNKNOWN, f"{who}, was dismissed", client, employee)
        if not extension:
            return Responsible(Standing.UNKNOWN, f"{who}, has no extension", client, employee)
        if respect_working_day and client.working_day.is_off:
            day = "closed" if client.working_day is WorkingDay.CLOSED else "paused"
            return Responsible(Standing.OFF_WORK, f"{who}, has {day} the working day", client, employee, extension)
        phone = await self._phones.of(extension)
        standing = Standing.RINGABLE if phone.available else Standing.UNAVAILABLE
        return Responsible(
            standing, f"{who}: extension {extension} is {_state(phone)}", client, employee, extension, phone
        )

    def _phone_of(self, client: Client, user_id: int) -> tuple[Employee, str]:
        """The directory is fresher than what the portal once told with the client, and the configuration is in it."""
        known = self._directory.by_user(user_id)
        if known is None:
            return Employee(user_id, extension=client.extension), client.extension
        return known, known.extension or client.extension


def _title(client: Client) -> str:
    return client.name or f"{client.entity_type.lower()} {client.entity_id}"


def _state(phone: Availability) -> str:
    return "taken for free (its state is unknown)" if phone.state.value == "unknown" else str(phone)


def _why_no_client(number: Number, found: Lookup) -> str:
    if number.is_withheld:
        return "the caller withholds his number"
    if not number.is_public:
        return f"{number.key} is no public number"
    return {
        Source.TOO_SLOW: "the portal did not say in time whose number this is",
        Source.FAILED: "the portal could not be asked whose number this is",
        Source.NOT_ASKED: "the phonebook does not know the number and no portal is configured",
    }.get(found.source, "the CRM has no client with this number")
