"""What happened with a client and what is to be done: the activities of the CRM.

https://apidocs.bitrix24.com/api-reference/crm/timeline/activities/index.html
"""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator, Iterable, Mapping
from enum import IntEnum
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from b24client.budget import Priority
from b24client.caller import Caller
from b24client.lists import ListMethod, Progress, iterate
from b24client.php import Identifier, Moment, Number, Reply, Text, Truth, as_list, new_id, read

_LIST = ListMethod("crm.activity.list")
_GET = "crm.activity.get"
_TODO_ADD = "crm.activity.todo.add"
TELEPHONY_PROVIDER = "VOXIMPLANT_CALL"
"""The provider of the activities the telephony writes."""
TODO_PROVIDER = "CRM_TODO"
"""The provider of to-dos."""


class ActivityType(IntEnum):
    """Kinds of activities. PROVIDER: the provider's own, a to-do among them."""

    MEETING = 1
    CALL = 2
    TASK = 3
    EMAIL = 4
    PROVIDER = 6


class Direction(IntEnum):
    """Who called or wrote."""

    NONE = 0
    INCOMING = 1
    OUTGOING = 2


class Communication(Reply):
    """With whom, and by which number or address."""

    type: Text = ""
    value: Text = ""
    entity_id: Identifier = None
    entity_type_id: Identifier = None


def _communications(value: Any) -> Any:
    return as_list(value) if value else []


class Activity(Reply):
    """An activity. `type_id` and `direction` are `ActivityType` and `Direction` as far as those go."""

    id: int
    owner_type_id: Number = 0
    owner_id: Identifier = None
    type_id: Number = 0
    provider_id: Text = ""
    provider_type_id: Text = ""
    subject: Text = ""
    description: Text = ""
    created: Moment = None
    start_time: Moment = None
    end_time: Moment = None
    deadline: Moment = None
    completed: Truth = False
    responsible_id: Identifier = None
    author_id: Identifier = None
    direction: Number = 0
    origin_id: Text = ""
    communications: Annotated[tuple[Communication, ...], BeforeValidator(_communications)] = ()
    """Only where they were asked for."""


class NewActivity(BaseModel):
    """An activity of the old kind: `crm.activity.add`. For something to be done, `NewTodo` is the better one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    owner_type_id: int
    owner_id: int
    type_id: ActivityType = ActivityType.CALL
    subject: str = Field(min_length=1)
    responsible_id: int = Field(gt=0)
    phone: str = ""
    """Number or address of the owner it was by; calls need one."""
    description: str = ""
    direction: Direction = Direction.OUTGOING
    start_time: AwareDatetime | None = None
    end_time: AwareDatetime | None = None
    completed: bool = False
    origin_id: str = ""
    originator_id: str = ""

    def to_fields(self) -> dict[str, Any]:
        """The portal's `fields`."""
        fields: dict[str, Any] = {
            "OWNER_TYPE_ID": self.owner_type_id,
            "OWNER_ID": self.owner_id,
            "TYPE_ID": self.type_id.value,
            "SUBJECT": self.subject,
            "RESPONSIBLE_ID": self.responsible_id,
            "DESCRIPTION": self.description,
            "DIRECTION": self.direction.value,
            "START_TIME": self.start_time.isoformat(timespec="seconds") if self.start_time else "",
            "END_TIME": self.end_time.isoformat(timespec="seconds") if self.end_time else "",
            "COMPLETED": "Y" if self.completed else "N",
            "ORIGIN_ID": self.origin_id,
            "ORIGINATOR_ID": self.originator_id,
        }
        if self.phone:
            entity = {"ENTITY_ID": self.owner_id, "ENTITY_TYPE_ID": self.owner_type_id}
            fields["COMMUNICATIONS"] = [{"VALUE": self.phone, **entity}]
        return {key: value for key, value in fields.items() if value != ""}


class NewTodo(BaseModel):
    """Something to be done with a client: `crm.activity.todo.add`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    owner_type_id: int
    owner_id: int
    deadline: AwareDatetime
    title: str = ""
    description: str = ""
    responsible_id: int | None = None
    """None: the user we act for."""
    ping_offsets: tuple[Annotated[int, Field(ge=0)], ...] = ()
    """Minutes before the deadline at which the responsible is reminded."""
    color_id: Annotated[int, Field(ge=1, le=7)] | None = None
    parent_activity_id: int | None = None

    def to_params(self) -> dict[str, Any]:
        """The parameters as the portal wants them, for a call or a batch command."""
        params: dict[str, Any] = {
            "ownerTypeId": int(self.owner_type_id),
            "ownerId": self.owner_id,
            "deadline": self.deadline.isoformat(timespec="seconds"),
            "title": self.title,
            "description": self.description,
            "responsibleId": self.responsible_id,
            "pingOffsets": list(self.ping_offsets),
            "colorId": self.color_id,
            "parentActivityId": self.parent_activity_id,
        }
        return {key: value for key, value in params.items() if value not in (None, "", [])}


class Activities:
    """`crm.activity.*` and `crm.activity.todo.*`; scope `crm`."""

    def __init__(self, portal: Caller) -> None:
        self._portal = portal

    async def list(
        self,
        filter: Mapping[str, Any] | None = None,  # noqa: A002
        *,
        select: Iterable[str] = (),
    ) -> builtins.list[Activity]:
        """All activities that match, of all pages."""
        return [activity async for activity in self.iterate(filter, select=select)]

    async def iterate(
        self,
        filter: Mapping[str, Any] | None = None,  # noqa: A002
        *,
        select: Iterable[str] = (),
        progress: Progress | None = None,
    ) -> AsyncIterator[Activity]:
        """The activities by ascending id; `select` names more than the usual fields (`*`, `COMMUNICATIONS`)."""
        params: dict[str, Any] = {"filter": dict(filter or {})}
        if chosen := list(select):
            params["select"] = ["ID", *chosen]
        async for row in iterate(self._portal, _LIST, params, progress=progress):
            yield read(Activity, _LIST.name, row)

    async def of(self, owner_type_id: int, owner_id: int, **conditions: Any) -> builtins.list[Activity]:
        """The activities of an entity, those it only takes part in among them; `conditions` on further fields."""
        bound = [{"OWNER_TYPE_ID": int(owner_type_id), "OWNER_ID": owner_id}]
        return await self.list({"BINDINGS": bound, **conditions})

    async def get(self, activity_id: int) -> Activity:
        """One activity; Refused when there is none."""
        return read(Activity, _GET, await self._portal.call(_GET, {"id": activity_id}, priority=Priority.SYNC))

    async def add(self, activity: NewActivity) -> int:
        """Write an activity down; its id."""
        method, params = "crm.activity.add", {"fields": activity.to_fields()}
        return new_id(method, await self._portal.call(method, params, priority=Priority.SYNC))

    async def update(self, activity_id: int, fields: Mapping[str, Any]) -> None:
        """Change fields of an activity, in the portal's names."""
        params = {"id": activity_id, "fields": dict(fields)}
        await self._portal.call("crm.activity.update", params, priority=Priority.SYNC)

    async def complete(self, activity_id: int) -> None:
        """It is done; to-dos too."""
        await self.update(activity_id, {"COMPLETED": "Y"})

    async def delete(self, activity_id: int) -> None:
        """Remove an activity."""
        await self._portal.call("crm.activity.delete", {"id": activity_id}, priority=Priority.SYNC)

    async def add_todo(self, todo: NewTodo, *, priority: Priority = Priority.SYNC) -> int:
        """Something to be done; its id."""
        return new_id(_TODO_ADD, await self._portal.call(_TODO_ADD, todo.to_params(), priority=priority), "id")

    async def update_todo(self, todo_id: int, todo: NewTodo) -> None:
        """Change a to-do; Refused once it is done."""
        params = {"id": todo_id, **todo.to_params()}
        await self._portal.call("crm.activity.todo.update", params, priority=Priority.SYNC)

    async def reassign_todo(self, todo_id: int, owner: tuple[int, int], responsible_id: int) -> None:
        """Give a to-do of `owner` (type and id) to somebody else."""
        params = {"id": todo_id, "ownerTypeId": int(owner[0]), "ownerId": owner[1], "responsibleId": responsible_id}
        await self._portal.call("crm.activity.todo.updateResponsibleUser", params, priority=Priority.SYNC)

    async def postpone_todo(self, todo_id: int, owner: tuple[int, int], deadline: AwareDatetime) -> None:
        """Give a to-do of `owner` (type and id) another deadline."""
        value = deadline.isoformat(timespec="seconds")
        params = {"id": todo_id, "ownerTypeId": int(owner[0]), "ownerId": owner[1], "value": value}
        await self._portal.call("crm.activity.todo.updateDeadline", params, priority=Priority.SYNC)
