"""The directory of employees: extension, Bitrix24 user and name, each found by the other.

It is filled from the store at start and from the portal now and then. An empty or shrunken answer of the portal never
replaces a good directory: a portal that forgot its users for an hour must not stop calls from reaching them.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from loguru import logger

from stasis_app.crm.numbers import extension_of
from stasis_app.crm.stores import EmployeeStore
from stasis_app.crm.trouble import Troubles
from stasis_app.store import EmployeeRow

SHRINKING_BELIEVED_AFTER = 3
"""How many answers in a row must show a directory less than half as large before it is believed."""


@dataclass(frozen=True, slots=True)
class Employee:
    """An employee.

    `extension` is "" when he has no phone; `active` is False once he was dismissed. `mobile` and `work_phone` are his
    numbers in the public network as the portal has them, "" for none.
    """

    user_id: int
    name: str = ""
    extension: str = ""
    active: bool = True
    mobile: str = ""
    work_phone: str = ""


class EmployeeLister(Protocol):
    """Asks the portal for all its employees."""

    async def list_employees(self) -> Sequence[Employee]:
        """All of them, dismissed ones included. Raises anything when the portal can't be asked."""
        ...


class UserAnswer(Protocol):
    """One row of `user.get`, as the REST client models it."""

    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def extension(self) -> str | None: ...
    @property
    def active(self) -> bool: ...
    @property
    def mobile(self) -> str: ...
    @property
    def work_phone(self) -> str: ...


class UserList(Protocol):
    """The part of the REST client that is needed here."""

    async def list(self) -> Sequence[UserAnswer]: ...


class PortalEmployeeLister:
    """Lists employees with `user.get`; UF_PHONE_INNER is the extension, PERSONAL_MOBILE and WORK_PHONE his numbers."""

    def __init__(self, users: UserList) -> None:
        self._users = users

    async def list_employees(self) -> Sequence[Employee]:
        return [
            Employee(
                int(user.id),
                str(user.name or ""),
                extension_of(user.extension),
                bool(user.active),
                str(user.mobile or ""),
                str(user.work_phone or ""),
            )
            for user in await self._users.list()
        ]


def _as_it_is(number: str) -> str:
    return number


class Directory:
    """Who has which extension and which number of his own.

    `overrides` are employees the configuration knows better than the portal; `spell` makes two spellings of one number
    the same.
    """

    def __init__(
        self,
        lister: EmployeeLister | None,
        store: EmployeeStore,
        *,
        overrides: Sequence[Employee] = (),
        spell: Callable[[str], str] = _as_it_is,
        interval: float = 600.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._lister = lister
        self._store = store
        self._overrides = tuple(overrides)
        self._spell = spell
        self._interval = interval
        self._sleep = sleep
        self._told: tuple[Employee, ...] = ()
        self._by_extension: dict[str, Employee] = {}
        self._by_number: dict[str, Employee] = {}
        self._by_user: dict[int, Employee] = {}
        self._shrunk_answers = 0
        self._logged_clashes: set[str] = set()
        self.ready = False
        self.troubles = Troubles("Reading the employees from the portal")
        self.store_troubles = Troubles("Keeping the employees")
        self._settle(())

    def by_extension(self, extension: str) -> Employee | None:
        """The active employee with this extension, or with this number of his own."""
        return self._by_extension.get(extension) or self.by_number(extension)

    def by_number(self, number: str) -> Employee | None:
        """The active employee whose own this number of the public network is: his mobile, else his work phone."""
        return self._by_number.get(self._spell(number)) if number else None

    def by_user(self, user_id: int) -> Employee | None:
        """The employee with this Bitrix24 user id, dismissed ones included."""
        return self._by_user.get(user_id)

    @property
    def extensions(self) -> frozenset[str]:
        """The extensions that lead to an employee."""
        return frozenset(self._by_extension)

    @property
    def employees(self) -> tuple[Employee, ...]:
        """All that are known, by user id."""
        return self._employees

    async def load(self) -> None:
        """Fill from the store, so that the portal may be away at start. A store that fails is noted only."""
        try:
            rows = await self._store.load_all()
        except Exception as error:  # the portal fills the directory a moment later
            self.store_troubles.note(error)
            return
        if rows:
            self._accept([Employee(r["user_id"], r["name"], r["extension"], r["active"]) for r in rows])

    async def refresh(self) -> bool:
        """Ask the portal; True when its answer was taken over. Never raises."""
        if self._lister is None:
            return False
        try:
            told = await self._lister.list_employees()
        except Exception as error:  # whatever is wrong with the portal, the directory stays
            self.troubles.note(error)
            return False
        if not self._is_believable(told):
            return False
        self.troubles.over()
        self._accept(told)
        await self._keep()
        return True

    async def run(self) -> None:
        """Refresh for ever, early again after a failure; the caller supervises and cancels this."""
        while True:
            fine = await self.refresh()
            pause = self._interval if fine else min(30.0, self._interval)
            await self._sleep(pause * random.uniform(0.8, 1.2))  # so that many services don't ask in step

    def _is_believable(self, told: Sequence[Employee]) -> bool:
        before, now = len(_with_phone(self._told)), len(_with_phone(told))
        if not told or (before and not now):
            self.troubles.note("an answer without employees")
            return False
        if now * 2 >= before:
            self._shrunk_answers = 0
            return True
        self._shrunk_answers += 1
        if self._shrunk_answers >= SHRINKING_BELIEVED_AFTER:
            logger.warning(
                "The portal keeps naming {} employees with an extension instead of {}: taken over", now, before
            )
            self._shrunk_answers = 0
            return True
        self.troubles.note("an answer with less than half of the employees")
        return False

    def _accept(self, told: Sequence[Employee]) -> None:
        self._told = tuple(told)
        self.ready = True
        self._settle(self._told)

    async def _keep(self) -> None:
        rows = [EmployeeRow(user_id=e.user_id, name=e.name, extension=e.extension, active=e.active) for e in self._told]
        try:
            await self._store.save_all(rows)
        except Exception as error:  # the directory works without its store
            self.store_troubles.note(error)
        else:
            self.store_troubles.over()

    def _settle(self, told: Iterable[Employee]) -> None:
        """Build both indexes anew; nobody sees a half-built one. The lowest active user id wins an extension."""
        by_user: dict[int, Employee] = {}
        by_extension: dict[str, Employee] = {}
        overridden = {e.user_id for e in self._overrides}
        for employee in sorted(told, key=lambda e: e.user_id):
            by_user[employee.user_id] = employee
            if not employee.active or not employee.extension or employee.user_id in overridden:
                continue
            winner = by_extension.setdefault(employee.extension, employee)
            if winner is not employee:
                self._log_clash(employee.extension, winner, employee)
        for extra in reversed(self._overrides):  # the first one named is the extension he is rung at
            told_of = by_user.get(extra.user_id)
            told_of = told_of or extra
            named = replace(
                extra, name=extra.name or told_of.name, mobile=told_of.mobile, work_phone=told_of.work_phone
            )
            by_extension[extra.extension] = by_user[extra.user_id] = named
        self._by_user, self._by_extension = by_user, by_extension
        self._by_number = self._numbers_of(e for e in by_user.values() if e.active)
        self._employees = tuple(by_user[user] for user in sorted(by_user))

    def _numbers_of(self, employees: Iterable[Employee]) -> dict[str, Employee]:
        """Who has which number. A number of several people (the company's) is nobody's own; a mobile goes first."""
        everybody = list(employees)
        found: dict[str, Employee] = {}
        for numbers in ([(e.work_phone, e) for e in everybody], [(e.mobile, e) for e in everybody]):
            holders: dict[str, set[int]] = {}
            for number, employee in numbers:
                if key := self._spell(number) if number else "":
                    holders.setdefault(key, set()).add(employee.user_id)
                    found[key] = employee
            for key, users in holders.items():
                if len(users) > 1:
                    del found[key]
        return found

    def _log_clash(self, extension: str, winner: Employee, loser: Employee) -> None:
        clash = f"{extension}:{winner.user_id}:{loser.user_id}"
        if clash not in self._logged_clashes:
            self._logged_clashes.add(clash)
            logger.warning(
                "Extension {} belongs to Bitrix24 users {} and {}: calls go to {}; mend it there or in [[employees]]",
                extension,
                winner.user_id,
                loser.user_id,
                winner.user_id,
            )


def _with_phone(employees: Iterable[Employee]) -> list[Employee]:
    return [e for e in employees if e.active and e.extension]
