"""Who works at the portal and whom they know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import phonenumbers

from b24client.sandbox.config import SandboxConfig, SeedClient, SeedUser
from b24client.sandbox.crm import Crm, Item
from b24client.sandbox.crm_fields import COMPANY, CONTACT, DEAL, LEAD, NAMES, NUMBERS
from b24client.sandbox.crm_seed import SeedItem

_ORDER = {CONTACT: 0, COMPANY: 1, LEAD: 2}


class Client:
    """An entity of the CRM as telephony sees it: somebody with numbers and a responsible employee."""

    __slots__ = ("item",)

    def __init__(self, item: Item) -> None:
        self.item = item

    @property
    def entity_type(self) -> str:
        """CONTACT, COMPANY, LEAD or DEAL."""
        return NAMES[self.item.entity_type_id]

    @property
    def id(self) -> int:
        """Its id among those of its type."""
        return self.item.id

    @property
    def name(self) -> str:
        """What people call it."""
        return self.item.name

    @property
    def assigned_by(self) -> int:
        """The responsible employee."""
        return int(self.item.fields["ASSIGNED_BY_ID"])

    def told(self) -> dict[str, Any]:
        """The client for people and programs that watch the sandbox."""
        return {
            "entity_type": self.entity_type,
            "id": self.id,
            "name": self.name,
            "phones": self.item.values("PHONE"),
            "assigned_by": self.assigned_by,
        }


class Numbers:
    """Reads numbers the way a portal of a country does."""

    def __init__(self, country: str) -> None:
        self._country = country

    def digits(self, number: str) -> str:
        """The number in international digits without +; a number no country knows keeps its own digits."""
        try:
            parsed = phonenumbers.parse(number, self._country)
        except phonenumbers.NumberParseException:
            return "".join(c for c in number if c.isascii() and c.isdigit())
        if not phonenumbers.is_possible_number(parsed):
            return "".join(c for c in number if c.isascii() and c.isdigit())
        return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164).lstrip("+")


class People:
    """Employees and clients, by id, extension and number."""

    def __init__(self, config: SandboxConfig) -> None:
        self.numbers = Numbers(config.country)
        self.users = {user.id: user for user in config.users}
        self.departments = {department.id: department for department in config.departments}
        self.crm = Crm(config.crm, self.numbers.digits)
        for client in config.clients:
            self.crm.plant(NUMBERS[client.entity_type], _row(client))

    @property
    def clients(self) -> list[Client]:
        """Everybody the CRM knows."""
        return [Client(item) for kind in _ORDER for item in self.crm.all(kind)]

    def user(self, user_id: int) -> SeedUser | None:
        """An employee by id."""
        return self.users.get(user_id)

    def by_extension(self, extension: str) -> SeedUser | None:
        """The active employee with an extension; the lowest id if several share it."""
        found = [u for u in self.users.values() if u.extension == extension and u.active and extension]
        return min(found, key=lambda u: u.id) if found else None

    def search(self, number: str) -> list[Client]:
        """The clients with a number, contacts before companies before leads."""
        found = self.crm.by_phone(number)
        return [Client(item) for item in sorted(found, key=lambda item: (_ORDER[item.entity_type_id], item.id))]

    def entity(self, entity_type: str, entity_id: int) -> Client | None:
        """A client by kind and id."""
        item = self.crm.get(NUMBERS.get(entity_type, 0), entity_id)
        return Client(item) if item else None

    def dump(self) -> dict[str, Any]:
        """The employees as JSON values."""
        return {"users": [user.model_dump() for user in self.users.values()]}

    def load(self, kept: Mapping[str, Any]) -> None:
        """Take over what `dump` gave."""
        users = [SeedUser.model_validate(user) for user in kept["users"]]
        self.users = {user.id: user for user in users}

    def create(self, name: str, number: str, assigned_by: int) -> list[Client]:
        """What the portal makes for an unknown number, whom the call belongs to first.

        A lead, or a contact with a deal where the CRM has no leads.
        """
        phones = [{"TYPE_ID": "PHONE", "VALUE": number}]
        fields = {"ASSIGNED_BY_ID": assigned_by, "SOURCE_ID": "CALL"}
        if self.crm.mode == "classic":
            return [Client(self.crm.add(LEAD, fields | {"TITLE": name}, phones, assigned_by))]
        contact = self.crm.add(CONTACT, fields | {"NAME": number}, phones, assigned_by)
        deal = self.crm.add(DEAL, fields | {"TITLE": name, "CONTACT_ID": contact.id}, (), assigned_by)
        return [Client(contact), Client(deal)]


def _row(client: SeedClient) -> SeedItem:
    first, _, last = client.name.partition(" ")
    fields = {"NAME": first, "LAST_NAME": last} if client.entity_type == "CONTACT" else {"TITLE": client.name}
    return SeedItem(id=client.id, assigned_by=client.assigned_by, phones=client.phones, fields=dict(fields))
