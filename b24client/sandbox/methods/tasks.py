"""`tasks.task.*` (https://apidocs.bitrix24.com/api-reference/tasks/index.html)."""

from __future__ import annotations

from typing import Any

from b24client.sandbox.methods.filtering import matches
from b24client.sandbox.methods.listing import items, missing, ordered, selected
from b24client.sandbox.methods.registry import Context, method
from b24client.sandbox.methods.statistic import cut
from b24client.sandbox.tasks import COMPLETED, STATUSES
from b24client.sandbox.wire import Page, RestError, core_error, php_int

_WRITABLE = {
    "TITLE", "DESCRIPTION", "DEADLINE", "RESPONSIBLE_ID", "CREATED_BY", "PRIORITY", "STATUS", "PARENT_ID", "GROUP_ID",
    "START_DATE_PLAN", "END_DATE_PLAN", "ALLOW_CHANGE_DEADLINE", "TASK_CONTROL", "XML_ID", "MARK",
}  # fmt: skip
_LISTS = ("AUDITORS", "ACCOMPLICES", "UF_CRM_TASK")
_PEOPLE = ("RESPONSIBLE_ID", "CREATED_BY")
_CUSTOM = ("UF_CRM_TASK",)


@method("tasks.task.add", "task")
async def add(context: Context) -> Any:
    """A new task."""
    given = _fields(context)
    if not str(given.get("TITLE", "")).strip():
        raise core_error("Task title not specified<br>")
    if not given.get("RESPONSIBLE_ID"):
        raise core_error("Assignee not specified<br>")
    _check(context, given)
    return {"task": _told(context, context.sandbox.tasks.add(_written(given), context.visitor.user_id))}


@method("tasks.task.get", "task")
async def get(context: Context) -> Any:
    """One task, an empty result for one there is not; fields of one's own kind only if they are asked for."""
    number = _number(context)
    chosen = context.params.get("select")
    if chosen is not None and not items(chosen):
        text = "Invalid value {} to match with parameter {select}. Should be value of type array. (internal error)"
        raise RestError(400, "100", text)
    row = context.sandbox.tasks.all.get(number)
    return {"task": _told(context, row, items(chosen))} if row is not None else []


@method("tasks.task.list", "task")
async def list_tasks(context: Context) -> Page:
    """Tasks that match, the newest in front."""
    params = context.params
    wanted = {_real(key.upper()): value for key, value in params.map("filter").items()}
    rows = [row for row in context.sandbox.tasks.all.values() if matches(row, wanted)]
    order = {_real(key.upper()): value for key, value in params.map("order").items()} or {"ID": "desc"}
    page = cut(ordered(rows, order), params.number("start"))
    tasks = [_told(context, row, items(params.get("select"))) for row in page.rows]
    return Page(tasks, page.total, page.next, key="tasks")


@method("tasks.task.update", "task")
async def update(context: Context) -> Any:
    """Change a task."""
    row, given = _task(context), _fields(context)
    if "TITLE" in given and not str(given["TITLE"]).strip():
        raise core_error("Task title not specified<br>")
    if str(given.get("PARENT_ID", "")) == row["ID"]:
        raise core_error("Cannot bind the node to itself<br>")
    _check(context, given)
    context.sandbox.tasks.change(row, _written(given), context.visitor.user_id)
    return {"task": _told(context, row)}


@method("tasks.task.complete", "task")
async def complete(context: Context) -> Any:
    """A task is done."""
    row = _task(context)
    context.sandbox.tasks.change(row, {"STATUS": COMPLETED}, context.visitor.user_id)
    return {"task": _told(context, row)}


def _real(key: str) -> str:
    """REAL_STATUS is the status itself."""
    return key.replace("REAL_STATUS", "STATUS")


def _fields(context: Context) -> dict[str, Any]:
    fields = context.params.map("fields")
    if not fields:
        raise missing("fields")
    return {key.upper(): value for key, value in fields.items()}


def _written(given: dict[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {key: str(value) for key, value in given.items() if key in _WRITABLE and value is not None}
    for name in _PEOPLE:
        if name in fields:
            fields[name] = str(php_int(fields[name], 0))
    for name in _LISTS:
        if name in given:
            fields[name] = [str(item) for item in items(given[name]) if item]
    return fields


def _check(context: Context, given: dict[str, Any]) -> None:
    responsible = given.get("RESPONSIBLE_ID")
    if responsible is not None and context.sandbox.people.user(php_int(responsible, 0)) is None:
        raise core_error('User specified in the "Assignee" field not found<br>')
    if "STATUS" in given and str(given["STATUS"]) not in STATUSES:
        raise core_error("Invalid status<br>")
    parent = php_int(given.get("PARENT_ID"), 0)
    if parent and parent not in context.sandbox.tasks.all:
        raise core_error('Task specified in the "Parent Task" field not found<br>')


def _number(context: Context) -> int:
    given = context.params.get("taskId")
    if given is None:
        text = "CTaskItem All parameters in the constructor must have real class type (internal error)"
        raise RestError(400, "100", text)
    if php_int(given, 0) <= 0:
        raise RestError(400, "0", "wrong task id")
    return php_int(given, 0)


def _task(context: Context) -> dict[str, Any]:
    row = context.sandbox.tasks.all.get(_number(context))
    if row is None:
        raise RestError(400, "0", "Action on the task is not allowed (internal error)")
    return row


def _told(context: Context, row: dict[str, Any], chosen: list[Any] | None = None) -> dict[str, Any]:
    """A task as this group tells it: camel case, with the people written out."""
    told = {_camel(key): value for key, value in selected(row, chosen or [], _CUSTOM).items()}
    told["id"] = row["ID"]
    if told.get("ufCrmTask") == []:
        told["ufCrmTask"] = False
    told |= {"favorite": "N", "group": [], "descriptionInBbcode": "Y"}
    for key, field in (("creator", "CREATED_BY"), ("responsible", "RESPONSIBLE_ID")):
        user = context.sandbox.people.user(int(row[field]))
        told[key] = {
            "id": row[field],
            "name": f"{user.name} {user.last_name}".strip() if user else "",
            "link": f"/company/personal/user/{row[field]}/",
            "icon": "/bitrix/images/tasks/default_avatar.png",
            "workPosition": user.position if user else "",
        }
    return told


def _camel(key: str) -> str:
    first, *others = key.lower().split("_")
    return first + "".join(word.capitalize() for word in others)
