"""Who works at the portal and whom they know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import phonenumbers

from b24client.sandbox.config import SandboxConfig, SeedUser

_ORDER = {"CONTACT": 0, "COMPANY": 1, "LEAD": 2}


@dataclass(slots=True)
class Client:
    """An entity of the CRM with its numbers (digits only) and its responsible employee."""

    entity_type: str
    id: int
    name: str
    phones: list[str]
    assigned_by: int


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
        self.clients: list[Client] = [
            Client(c.entity_type, c.id, c.name, [self.numbers.digits(p) for p in c.phones], c.assigned_by)
            for c in config.clients
        ]
        self._next_id = max([1000, *(client.id for client in self.clients)])

    def user(self, user_id: int) -> SeedUser | None:
        """An employee by id."""
        return self.users.get(user_id)

    def by_extension(self, extension: str) -> SeedUser | None:
        """The active employee with an extension; the lowest id if several share it."""
        found = [u for u in self.users.values() if u.extension == extension and u.active and extension]
        return min(found, key=lambda u: u.id) if found else None

    def search(self, number: str) -> list[Client]:
        """The clients with a number, contacts before companies before leads."""
        digits = self.numbers.digits(number)
        if not digits:
            return []
        return sorted((c for c in self.clients if digits in c.phones), key=lambda c: (_ORDER[c.entity_type], c.id))

    def entity(self, entity_type: str, entity_id: int) -> Client | None:
        """A client by kind and id."""
        return next((c for c in self.clients if c.entity_type == entity_type and c.id == entity_id), None)

    def dump(self) -> dict[str, Any]:
        """Employees and clients as JSON values."""
        return {
            "users": [user.model_dump() for user in self.users.values()],
            "clients": [asdict(client) for client in self.clients],
            "next_id": self._next_id,
        }

    def load(self, kept: Mapping[str, Any]) -> None:
        """Take over what `dump` gave."""
        users = [SeedUser.model_validate(user) for user in kept["users"]]
        self.users = {user.id: user for user in users}
        self.clients = [Client(**client) for client in kept["clients"]]
        self._next_id = kept["next_id"]

    def create_lead(self, name: str, number: str, assigned_by: int) -> Client:
        """A lead the portal makes for an unknown number."""
        self._next_id += 1
        lead = Client("LEAD", self._next_id, name, [self.numbers.digits(number)], assigned_by)
        self.clients.append(lead)
        return lead
