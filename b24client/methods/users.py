"""The employees (https://apidocs.bitrix24.com/api-reference/user/index.html)."""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator, Mapping
from typing import Any

from pydantic import Field

from b24client.budget import Priority
from b24client.caller import Caller
from b24client.lists import ListMethod, iterate
from b24client.php import Identifier, Reply, Text, Truth, read

_USER_GET = ListMethod("user.get", filter="FILTER", order={"sort": "ID", "order": "ASC"})
_USER_SEARCH = ListMethod("user.search", filter="FILTER", order={"sort": "ID", "order": "ASC"})


class User(Reply):
    """An employee. Fields the scope hides or nobody filled in are empty."""

    id: int
    active: Truth = True
    first_name: Text = Field(default="", alias="NAME")
    last_name: Text = ""
    second_name: Text = ""
    position: Text = Field(default="", alias="WORK_POSITION")
    email: Text = ""
    extension: Text = Field(default="", alias="UF_PHONE_INNER")
    work_phone: Text = ""
    mobile: Text = Field(default="", alias="PERSONAL_MOBILE")
    personal_phone: Text = ""
    online: Truth = Field(default=False, alias="IS_ONLINE")
    user_type: Text = ""
    departments: builtins.list[Identifier] = Field(default_factory=builtins.list, alias="UF_DEPARTMENT")

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}".strip()


class Users:
    """`user.*`; scope `user_basic` (or `user`)."""

    def __init__(self, portal: Caller) -> None:
        self._portal = portal

    async def list(self, filter: Mapping[str, Any] | None = None) -> builtins.list[User]:  # noqa: A002
        """All users that match, of all pages. All or nothing: raises B24Error rather than give a part of them."""
        return [user async for user in self.iterate(filter)]

    async def iterate(self, filter: Mapping[str, Any] | None = None) -> AsyncIterator[User]:  # noqa: A002
        """The users by ascending id; pages are asked for without counting, which is the quick way for the portal."""
        async for row in iterate(self._portal, _USER_GET, {"FILTER": dict(filter or {})}):
            yield read(User, "user.get", row)

    async def search(self, text: str, filter: Mapping[str, Any] | None = None) -> builtins.list[User]:  # noqa: A002
        """Users whose names, position or department begin with the words of `text`."""
        params = {"FILTER": {**(filter or {}), "FIND": text}}
        return [read(User, "user.search", row) async for row in iterate(self._portal, _USER_SEARCH, params)]

    async def current(self) -> User:
        """The user we act for."""
        from_portal = await self._portal.call("user.current", priority=Priority.SYNC)
        return read(User, "user.current", from_portal)
