"""Tasks (https://apidocs.bitrix24.com/api-reference/tasks/index.html)."""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator, Iterable, Mapping
from enum import IntEnum
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from b24client.budget import Priority
from b24client.caller import Caller
from b24client.errors import BadReply
from b24client.lists import ListMethod, Progress, iterate
from b24client.php import Identifier, Moment, Number, Reply, Text, as_list, read

_LIST = ListMethod("tasks.task.list", rows="tasks", id="id", order={"order": {"ID": "asc"}})
_FIELDS = (
    "ID", "TITLE", "DESCRIPTION", "STATUS", "DEADLINE", "RESPONSIBLE_ID", "CREATED_BY", "CREATED_DATE", "CLOSED_DATE",
    "UF_CRM_TASK",
)  # fmt: skip
_LETTERS = {"LEAD": "L", "DEAL": "D", "CONTACT": "C", "COMPANY": "CO"}


class TaskStatus(IntEnum):
    """Where a task stands."""

    WAITING = 2
    UNDER_WAY = 3
    FOR_CONTROL = 4
    COMPLETED = 5
    DEFERRED = 6


def crm_link(entity_type: str, entity_id: int) -> str:
    """How tasks name an entity of the CRM: C_797 is a contact. Raises ValueError for an unknown type."""
    if entity_type.upper() not in _LETTERS:
        raise ValueError(f"entity type: {entity_type!r} is none of {', '.join(_LETTERS)}")
    return f"{_LETTERS[entity_type.upper()]}_{entity_id}"


def _links(value: Any) -> Any:
    return as_list(value) if value else []


class Task(Reply):
    """A task; `crm_links` are such as C_797."""

    model_config = Reply.model_config | {"alias_generator": to_camel}

    id: int
    title: Text = ""
    description: Text = ""
    status: Number = 0
    deadline: Moment = None
    responsible_id: Identifier = None
    created_by: Identifier = None
    created_date: Moment = None
    closed_date: Moment = None
    crm_links: Annotated[tuple[str, ...], BeforeValidator(_links)] = Field(default=(), alias="ufCrmTask")

    @property
    def completed(self) -> bool:
        """Whether it is done."""
        return self.status == TaskStatus.COMPLETED


class NewTask(BaseModel):
    """Something somebody has to do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(min_length=1)
    responsible_id: int = Field(gt=0)
    description: str = ""
    deadline: AwareDatetime | None = None
    created_by: int | None = None
    crm_links: tuple[str, ...] = ()
    """Such as C_797, see `crm_link`."""

    def to_fields(self) -> dict[str, Any]:
        """The portal's `fields`."""
        fields: dict[str, Any] = {
            "TITLE": self.title,
            "RESPONSIBLE_ID": self.responsible_id,
            "DESCRIPTION": self.description,
            "DEADLINE": self.deadline.isoformat(timespec="seconds") if self.deadline else "",
            "CREATED_BY": self.created_by,
            "UF_CRM_TASK": list(self.crm_links),
        }
        return {key: value for key, value in fields.items() if value not in (None, "", [])}


class Tasks:
    """`tasks.task.*`; scope `task`."""

    def __init__(self, portal: Caller) -> None:
        self._portal = portal

    async def add(self, task: NewTask, *, priority: Priority = Priority.SYNC) -> Task:
        """Set a task."""
        return await self._task("tasks.task.add", {"fields": task.to_fields()}, priority)

    async def get(self, task_id: int) -> Task | None:
        """One task, None when there is none that we may see."""
        params = {"taskId": task_id, "select": list(_FIELDS)}
        result = await self._portal.call("tasks.task.get", params, priority=Priority.SYNC)
        return _read("tasks.task.get", result) if result else None

    async def list(self, filter: Mapping[str, Any] | None = None) -> builtins.list[Task]:  # noqa: A002
        """All tasks that match, of all pages."""
        return [task async for task in self.iterate(filter)]

    async def iterate(
        self,
        filter: Mapping[str, Any] | None = None,  # noqa: A002
        *,
        select: Iterable[str] = _FIELDS,
        progress: Progress | None = None,
    ) -> AsyncIterator[Task]:
        """The tasks by ascending id; `{"UF_CRM_TASK": "C_797"}` are those of a contact."""
        params = {"filter": dict(filter or {}), "select": list(select)}
        async for row in iterate(self._portal, _LIST, params, progress=progress):
            yield read(Task, _LIST.name, row)

    async def update(self, task_id: int, fields: Mapping[str, Any]) -> Task:
        """Change fields of a task, in the portal's names."""
        return await self._task("tasks.task.update", {"taskId": task_id, "fields": dict(fields)})

    async def complete(self, task_id: int) -> Task:
        """It is done."""
        return await self._task("tasks.task.complete", {"taskId": task_id})

    async def _task(self, method: str, params: Mapping[str, Any], priority: Priority = Priority.SYNC) -> Task:
        return _read(method, await self._portal.call(method, params, priority=priority))


def _read(method: str, result: Any) -> Task:
    if not isinstance(result, Mapping):
        raise BadReply(method, "", f"result: expected a task, got {type(result).__name__}")
    return read(Task, method, result.get("task"))
