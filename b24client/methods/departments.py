"""The company's structure (https://apidocs.bitrix24.com/api-reference/departments/index.html)."""

from __future__ import annotations

import builtins
from typing import Any

from pydantic import Field

from b24client.caller import Caller
from b24client.lists import ListMethod, iterate
from b24client.php import Identifier, Number, Reply, Text, read

_LIST = ListMethod("department.get", order={"sort": "ID", "order": "ASC"}, by_id=False)


class Department(Reply):
    """A department; `parent` is the one above it, `head` the user who leads it."""

    id: int
    name: Text = ""
    sort: Number = 500
    parent: Identifier = None
    head: Identifier = Field(default=None, alias="UF_HEAD")


class Departments:
    """`department.*`; scope `department`."""

    def __init__(self, portal: Caller) -> None:
        self._portal = portal

    async def list(
        self,
        *,
        id: int | None = None,  # noqa: A002
        parent: int | None = None,
        head: int | None = None,
    ) -> builtins.list[Department]:
        """All departments, or those that match, by ascending id. Raises B24Error rather than give a part of them."""
        wanted: dict[str, Any] = {"ID": id, "PARENT": parent, "UF_HEAD": head}
        params = {key: value for key, value in wanted.items() if value is not None}
        return [read(Department, _LIST.name, row) async for row in iterate(self._portal, _LIST, params)]
