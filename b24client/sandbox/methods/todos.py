"""`crm.activity.todo.*` (https://apidocs.bitrix24.com/api-reference/crm/timeline/activities/todo/index.html)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from b24client.sandbox.activities import PROVIDER, Activity
from b24client.sandbox.methods.activities import told
from b24client.sandbox.methods.listing import items, missing
from b24client.sandbox.methods.registry import Context, method
from b24client.sandbox.owners import exists
from b24client.sandbox.wire import RestError, php_int

PROVIDER_ID = "CRM_TODO"
_COMPLETED = RestError(400, "CAN_NOT_UPDATE_COMPLETED_TODO", "Can not update completed todo")


@method("crm.activity.todo.add", "crm")
async def add(context: Context) -> Any:
    """A new to-do; without a responsible it is the caller's."""
    owner = _owner(context)
    deadline = _deadline(context, "deadline")
    responsible = context.params.number("responsibleId") or context.visitor.user_id
    fields = {
        "TYPE_ID": PROVIDER,
        "PROVIDER_ID": PROVIDER_ID,
        "PROVIDER_TYPE_ID": "TODO",
        "SUBJECT": context.params.text("title"),
        "DESCRIPTION": context.params.text("description"),
        "RESPONSIBLE_ID": str(responsible),
        "DEADLINE": deadline,
        "END_TIME": deadline,
    }
    activity = context.sandbox.activities.add(fields, [owner], context.visitor.user_id)
    _decorate(context, activity)
    told(context, "ONCRMACTIVITYADD", activity.id)
    return {"id": activity.id}


@method("crm.activity.todo.update", "crm")
async def update(context: Context) -> Any:
    """Change a to-do that is not done."""
    activity, params = _todo(context), context.params
    deadline = _deadline(context, "deadline")
    parent = context.sandbox.activities.get(params.number("parentActivityId"))
    if parent is not None and parent.completed:
        raise RestError(400, "ERROR_PARENT_ACTIVITY_RESTRICT", "Cannot schedule an activity for a closed activity")
    fields = {"DEADLINE": deadline, "END_TIME": deadline}
    for name, field in (("title", "SUBJECT"), ("description", "DESCRIPTION"), ("responsibleId", "RESPONSIBLE_ID")):
        if params.get(name) is not None:
            fields[field] = params.text(name)
    _decorate(context, activity)
    return _changed(context, activity, fields)


@method("crm.activity.todo.updateDeadline", "crm")
async def update_deadline(context: Context) -> Any:
    """Put a to-do off."""
    activity, deadline = _todo(context), _deadline(context, "value")
    return _changed(context, activity, {"DEADLINE": deadline, "END_TIME": deadline})


@method("crm.activity.todo.updateDescription", "crm")
async def update_description(context: Context) -> Any:
    """Another description."""
    activity = _todo(context)
    if context.params.get("value") is None:
        raise missing("value")
    return _changed(context, activity, {"DESCRIPTION": context.params.text("value")})


@method("crm.activity.todo.updateColor", "crm")
async def update_color(context: Context) -> Any:
    """Another colour; none without a number."""
    activity = _todo(context)
    activity.color_id = context.params.text("colorId")
    return _changed(context, activity, {})


@method("crm.activity.todo.updateResponsibleUser", "crm")
async def update_responsible(context: Context) -> Any:
    """Give a to-do to somebody else."""
    closed = "CAN_NOT_UPDATE_RESPONSIBLE_USER_COMPLETED_TODO"
    activity = _todo(context, RestError(400, closed, "Can not update responsible user of completed todo"))
    if context.params.get("responsibleId") is None:
        raise missing("responsibleId")
    responsible = context.params.number("responsibleId")
    if responsible <= 0:
        raise RestError(400, "INVALID_ARG_VALUE", 'Parameter "responsibleId" must be greater than 0')
    return _changed(context, activity, {"RESPONSIBLE_ID": str(responsible)})


def _owner(context: Context) -> tuple[int, int]:
    for name in ("ownerTypeId", "ownerId"):
        if context.params.get(name) is None:
            raise missing(name)
    owner = context.params.number("ownerTypeId"), context.params.number("ownerId")
    if not exists(context.sandbox.people, *owner):
        raise RestError(400, "OWNER_NOT_FOUND", "Owner not found")
    return owner


def _todo(context: Context, completed: RestError = _COMPLETED) -> Activity:
    """The to-do a request is about, of the owner it names and not done yet."""
    if context.params.get("id") is None:
        raise missing("id")
    owner = _owner(context)
    activity = context.sandbox.activities.get(context.params.number("id"))
    if activity is None or activity.row["PROVIDER_ID"] != PROVIDER_ID or owner not in activity.bindings:
        raise RestError(400, "NOT_FOUND", "Not found.")
    if activity.completed:
        raise completed
    return activity


def _deadline(context: Context, name: str) -> str:
    """A moment; one without a zone is the portal's."""
    text = context.params.text(name)
    if not text:
        raise missing(name)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RestError(400, "WRONG_DATETIME_FORMAT", "Wrong datetime format") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat(timespec="seconds")


def _decorate(context: Context, activity: Activity) -> None:
    params = context.params
    if params.get("pingOffsets") is not None:
        offsets = [php_int(item, -1) for item in items(params.get("pingOffsets"))]
        activity.ping_offsets = [offset for offset in offsets if offset >= 0]
    if params.get("colorId") is not None:
        activity.color_id = params.text("colorId")
    if params.get("parentActivityId") is not None:
        activity.parent_id = params.number("parentActivityId")


def _changed(context: Context, activity: Activity, fields: dict[str, str]) -> dict[str, int]:
    activity.change(fields, context.visitor.user_id)
    told(context, "ONCRMACTIVITYUPDATE", activity.id)
    return {"id": activity.id}
