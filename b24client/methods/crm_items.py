"""`crm.item.*`: the universal methods, for entities of every kind; smart processes have no others.

https://apidocs.bitrix24.com/api-reference/crm/universal/index.html
"""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from b24client.budget import Priority
from b24client.caller import Caller
from b24client.errors import BadReply
from b24client.habits import list_method
from b24client.lists import Progress, iterate
from b24client.methods.crm_entities import read_fields
from b24client.methods.crm_models import CrmField, CrmItem
from b24client.php import as_list, read

_LIST = list_method("crm.item.list")


class Items:
    """Entities of one kind; field names are the portal's (`assignedById`). All raise B24Error."""

    def __init__(self, portal: Caller, entity_type_id: int) -> None:
        self._portal = portal
        self.entity_type_id = entity_type_id

    async def iterate(
        self,
        filter: Mapping[str, Any] | None = None,  # noqa: A002
        select: Sequence[str] = (),
        *,
        priority: Priority = Priority.SYNC,
        progress: Progress | None = None,
    ) -> AsyncIterator[CrmItem]:
        """Those that match, by ascending id, as they come.

        `select` names the fields wanted; `["*"]` is all with phones and e-mails, nothing named is all without them.
        A filter may be nested: `{"0": {"logic": "OR", "0": {"stageId": "NEW"}, "1": {"!contactId": 0}}}`.
        """
        params = self._params(filter=dict(filter or {}), select=list(select))
        async for row in iterate(self._portal, _LIST, params, priority=priority, progress=progress):
            yield self._read(_LIST.name, row)

    async def list(
        self,
        filter: Mapping[str, Any] | None = None,  # noqa: A002
        select: Sequence[str] = (),
        *,
        priority: Priority = Priority.SYNC,
    ) -> builtins.list[CrmItem]:
        """All that match: all or nothing."""
        return [item async for item in self.iterate(filter, select, priority=priority)]

    async def latest(
        self,
        filter: Mapping[str, Any] | None = None,  # noqa: A002
        *,
        priority: Priority = Priority.LOOKUP,
        timeout: float | None = None,
    ) -> CrmItem | None:
        """The youngest that matches, None without one: `items(2).latest({"contactId": 797, "closed": "N"})`."""
        params = self._params(filter=dict(filter or {}), order={"id": "DESC"}, start=-1)
        result, _ = await self._portal.page(_LIST.name, params, priority=priority, timeout=timeout)
        try:
            rows = as_list(self._inside(_LIST.name, result, "items"))
        except TypeError as error:
            raise BadReply(_LIST.name, "", str(error)) from None
        return self._read(_LIST.name, rows[0]) if rows else None

    async def get(self, id: int, *, priority: Priority = Priority.SYNC, timeout: float | None = None) -> CrmItem:  # noqa: A002
        """One with everything. Refused when there is none."""
        return await self._one("crm.item.get", self._params(id=id), priority, timeout)

    async def add(self, fields: Mapping[str, Any], *, priority: Priority = Priority.SYNC) -> CrmItem:
        """A new one. Numbers and addresses: `{"fm": [{"typeId": "PHONE", "valueType": "WORK", "value": "+7..."}]}`."""
        return await self._one("crm.item.add", self._params(fields=dict(fields)), priority, None)

    async def update(self, id: int, fields: Mapping[str, Any], *, priority: Priority = Priority.SYNC) -> CrmItem:  # noqa: A002
        """Change fields; it comes back as it is now."""
        return await self._one("crm.item.update", self._params(id=id, fields=dict(fields)), priority, None)

    async def delete(self, id: int, *, priority: Priority = Priority.SYNC) -> None:  # noqa: A002
        """Remove one."""
        await self._portal.call("crm.item.delete", self._params(id=id), priority=priority)

    async def fields(self) -> dict[str, CrmField]:
        """What fields there are, custom ones among them."""
        result = await self._portal.call("crm.item.fields", self._params(), priority=Priority.SYNC)
        return read_fields("crm.item.fields", self._inside("crm.item.fields", result, "fields"))

    async def _one(self, method: str, params: Mapping[str, Any], priority: Priority, timeout: float | None) -> CrmItem:
        result = await self._portal.call(method, params, priority=priority, timeout=timeout)
        return self._read(method, self._inside(method, result, "item"))

    def _read(self, method: str, row: Any) -> CrmItem:
        if isinstance(row, dict):
            row = {"entityTypeId": self.entity_type_id, **row}  # a list tells it only when it is selected
        return read(CrmItem, method, row)

    def _params(self, **params: Any) -> dict[str, Any]:
        return {"entityTypeId": self.entity_type_id, **params}

    @staticmethod
    def _inside(method: str, result: Any, key: str) -> Any:
        if not isinstance(result, Mapping) or key not in result:
            raise BadReply(method, "", f"result: no {key}")
        return result[key]
