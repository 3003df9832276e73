"""A portal that answers when the test says so, and a clock the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from stasis_app.crm import Client, Employee, Numbers

NUMBERS = Numbers("RU")
CALLER = NUMBERS.read("+79161234567")
IVANOV = Client("CONTACT", 651, "Ivanov", user_id=11)


class Clock:
    """Unix time as the test wants it."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class FakePortal:
    """Knows clients by number. `held` makes it wait until released; `failure` makes it fail."""

    def __init__(self, clients: dict[str, Client] | None = None) -> None:
        self.clients = dict(clients or {})
        self.asked: list[str] = []
        self.failure: Exception | None = None
        self.free = asyncio.Event()
        self.free.set()

    async def find(self, e164: str) -> Client | None:
        self.asked.append(e164)
        await self.free.wait()
        if self.failure:
            raise self.failure
        return self.clients.get(e164)


class FakeStaff:
    """A portal that lists employees as the test sets them; an exception is raised."""

    def __init__(self, *employees: Employee) -> None:
        self.answer: Sequence[Employee] | Exception = employees

    async def list_employees(self) -> Sequence[Employee]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class BrokenStore:
    """A database that is away."""

    async def load_all(self) -> list[object]:
        raise OSError("the disk is gone")

    async def save(self, rows: object) -> None:
        raise OSError("the disk is gone")

    save_all = delete = save
