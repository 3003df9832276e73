"""`crm.contact|company|lead|deal.*`: the older methods, the only ones that filter and list phones and e-mails.

https://apidocs.bitrix24.com/api-reference/crm/contacts/index.html and its neighbours
"""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Generic, TypeVar

from b24client.budget import Priority
from b24client.caller import Caller
from b24client.errors import BadReply
from b24client.habits import list_method
from b24client.lists import Progress, iterate
from b24client.methods.crm_models import CrmField
from b24client.php import Reply, as_map, read

Entity = TypeVar("Entity", bound=Reply)
_ALL = ("*", "UF_*")


class Entities(Generic[Entity]):
    """Contacts, companies, leads or deals; field names are the portal's (`ASSIGNED_BY_ID`). All raise B24Error."""

    def __init__(self, portal: Caller, name: str, model: type[Entity]) -> None:
        self._portal = portal
        self._name = name
        self._model = model
        multifields = "PHONE" in {str(info.alias) for info in model.model_fields.values()}
        self._everything = (*_ALL, "PHONE", "EMAIL") if multifields else _ALL

    async def iterate(
        self,
        filter: Mapping[str, Any] | None = None,  # noqa: A002
        select: Sequence[str] = (),
        *,
        priority: Priority = Priority.SYNC,
        progress: Progress | None = None,
    ) -> AsyncIterator[Entity]:
        """Those that match, by ascending id, as they come; `select` names the fields wanted, all if it is empty.

        `{"PHONE": "+7..."}` finds a number only as it is written in the portal.
        """
        method = list_method(f"crm.{self._name}.list")
        params = {"filter": dict(filter or {}), "select": list(select or self._everything)}
        async for row in iterate(self._portal, method, params, priority=priority, progress=progress):
            yield read(self._model, method.name, row)

    async def list(
        self,
        filter: Mapping[str, Any] | None = None,  # noqa: A002
        select: Sequence[str] = (),
        *,
        priority: Priority = Priority.SYNC,
    ) -> builtins.list[Entity]:
        """All that match: all or nothing."""
        return [entity async for entity in self.iterate(filter, select, priority=priority)]

    async def get(self, id: int, *, priority: Priority = Priority.SYNC, timeout: float | None = None) -> Entity:  # noqa: A002
        """One with everything. Refused when there is none."""
        method = f"crm.{self._name}.get"
        return read(self._model, method, await self._call(method, {"id": id}, priority, timeout))

    async def add(self, fields: Mapping[str, Any], *, priority: Priority = Priority.SYNC) -> int:
        """A new one; its id. Numbers and addresses: `{"PHONE": [{"VALUE": "+7...", "VALUE_TYPE": "WORK"}]}`."""
        method = f"crm.{self._name}.add"
        made = await self._call(method, {"fields": dict(fields)}, priority, None)
        if not isinstance(made, int | str) or not str(made).isdigit():
            raise BadReply(method, "", f"result: expected an id, got {type(made).__name__}")
        return int(made)

    async def update(self, id: int, fields: Mapping[str, Any], *, priority: Priority = Priority.SYNC) -> None:  # noqa: A002
        """Change fields; a number or address is changed or (left empty) removed by its ID, else added."""
        await self._call(f"crm.{self._name}.update", {"id": id, "fields": dict(fields)}, priority, None)

    async def delete(self, id: int, *, priority: Priority = Priority.SYNC) -> None:  # noqa: A002
        """Remove one."""
        await self._call(f"crm.{self._name}.delete", {"id": id}, priority, None)

    async def fields(self) -> dict[str, CrmField]:
        """What fields there are, custom ones among them."""
        method = f"crm.{self._name}.fields"
        return read_fields(method, await self._call(method, {}, Priority.SYNC, None))

    async def _call(self, method: str, params: Mapping[str, Any], priority: Priority, timeout: float | None) -> Any:
        return await self._portal.call(method, params, priority=priority, timeout=timeout)


def read_fields(method: str, result: Any) -> dict[str, CrmField]:
    """Descriptions of fields by name. Raises BadReply."""
    try:
        return {name: read(CrmField, method, told) for name, told in as_map(result).items()}
    except TypeError as error:
        raise BadReply(method, "", str(error)) from None
