"""`crm.activity.*` but for to-dos (https://apidocs.bitrix24.com/api-reference/crm/timeline/activities/activity-base/).

Refusals come without a code, as live portals send them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from b24client.sandbox import activities as store
from b24client.sandbox.activities import Activity
from b24client.sandbox.methods.filtering import matches
from b24client.sandbox.methods.listing import items, ordered, selected
from b24client.sandbox.methods.registry import Context, method
from b24client.sandbox.methods.statistic import cut
from b24client.sandbox.owners import exists
from b24client.sandbox.wire import Page, RestError, php_int

_TYPES = (store.MEETING, store.CALL, store.EMAIL, store.PROVIDER)
_TALKS = (store.MEETING, store.CALL, store.EMAIL)
_SINGLE = (store.MEETING, store.CALL)
_WRITABLE = {
    "ASSOCIATED_ENTITY_ID", "COMPLETED", "DESCRIPTION", "DESCRIPTION_TYPE", "DIRECTION", "END_TIME", "LOCATION",
    "NOTIFY_TYPE", "ORIGINATOR_ID", "ORIGIN_ID", "PRIORITY", "PROVIDER_DATA", "PROVIDER_GROUP_ID", "PROVIDER_ID",
    "PROVIDER_TYPE_ID", "RESPONSIBLE_ID", "START_TIME", "SUBJECT", "TYPE_ID",
}  # fmt: skip
_APART = ("COMMUNICATIONS", "FILES")
_CONFIGURABLE = "CONFIGURABLE_REST_APP"


@method("crm.activity.add", "crm")
async def add(context: Context) -> int:
    """A new activity; its id."""
    given = _fields(context)
    talks, kind = _communications(given), str(given.get("TYPE_ID", ""))
    _check(given)
    if kind not in _TYPES:
        raise _refused("The field TYPE_ID is not defined or invalid")
    if kind in _TALKS and not talks:
        raise _refused("The field COMMUNICATIONS is not defined or invalid")
    if kind in _SINGLE and len(talks) > 1:
        raise _refused("The only one communication is allowed for activity of specified type")
    if kind == store.PROVIDER and not given.get("PROVIDER_ID"):
        raise _refused("The custom activity without provider is not supported in current context")
    if given.get("PROVIDER_ID") == _CONFIGURABLE:
        raise _refused("Use crm.activity.configurable.add for this activity provider")
    bindings = _bindings(context, given, talks)
    activity = context.sandbox.activities.add(_written(given), bindings, context.visitor.user_id, talks)
    told(context, "ONCRMACTIVITYADD", activity.id)
    return activity.id


@method("crm.activity.get", "crm")
async def get(context: Context) -> Any:
    """One activity."""
    return _activity(context).row


@method("crm.activity.list", "crm")
async def list_activities(context: Context) -> Page:
    """Activities that match, the one that began first in front; communications only if they are asked for."""
    params = context.params
    wanted = {key.upper(): value for key, value in params.map("filter").items()}
    bound = wanted.pop("BINDINGS", None)
    found = [activity for activity in context.sandbox.activities.all.values() if _bound(activity, bound)]
    rows = [{**activity.row, "COMMUNICATIONS": activity.communications, "FILES": []} for activity in found]
    rows = [row for row in rows if matches(row, wanted)]
    order = {key.upper(): value for key, value in params.map("order").items()} or {"START_TIME": "asc"}
    chosen = items(params.get("select"))
    return cut([selected(row, chosen, _APART) for row in ordered(rows, order)], params.number("start"))


@method("crm.activity.update", "crm")
async def update(context: Context) -> bool:
    """Change an activity."""
    activity, given = _activity(context), _fields(context)
    if activity.row["PROVIDER_ID"] == _CONFIGURABLE:
        raise _refused("Use crm.activity.configurable.update for this activity provider")
    _check({"SUBJECT": activity.row["SUBJECT"] or "-", "RESPONSIBLE_ID": activity.row["RESPONSIBLE_ID"], **given})
    activity.change(_written(given), context.visitor.user_id)
    told(context, "ONCRMACTIVITYUPDATE", activity.id)
    return True


@method("crm.activity.delete", "crm")
async def delete(context: Context) -> bool:
    """Remove an activity."""
    activity = _activity(context)
    context.sandbox.activities.remove(activity.id)
    told(context, "ONCRMACTIVITYDELETE", activity.id)
    return True


def told(context: Context, event: str, activity_id: int) -> None:
    """Post an event of an activity."""
    context.sandbox.postman.emit(event, {"FIELDS": {"ID": activity_id}}, context.visitor.user_id, context.base)


def _refused(text: str) -> RestError:
    return RestError(400, "", text)


def _fields(context: Context) -> dict[str, Any]:
    return {key.upper(): value for key, value in context.params.map("fields").items()}


def _written(given: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in given.items() if key in _WRITABLE and value is not None}


def _check(given: Mapping[str, Any]) -> None:
    if not str(given.get("SUBJECT", "")).strip():
        raise _refused("The field SUBJECT is not defined or empty")
    if php_int(given.get("RESPONSIBLE_ID"), 0) <= 0:
        raise _refused("The field RESPONSIBLE_ID is not defined or invalid")


def _activity(context: Context) -> Activity:
    activity = context.sandbox.activities.get(context.params.number("id"))
    if activity is None:
        raise _refused("Activity is not found")
    return activity


def _communications(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    talks = items(given.get("COMMUNICATIONS"))
    return [{key.upper(): value for key, value in talk.items()} for talk in talks if isinstance(talk, dict)]


def _bindings(context: Context, given: Mapping[str, Any], talks: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """The owner and whom the communications are with, those that there are."""
    pairs = [(php_int(given.get("OWNER_TYPE_ID"), 0), php_int(given.get("OWNER_ID"), 0))]
    pairs += [(php_int(talk.get("ENTITY_TYPE_ID"), 0), php_int(talk.get("ENTITY_ID"), 0)) for talk in talks]
    bindings = [pair for pair in dict.fromkeys(pairs) if exists(context.sandbox.people, *pair)]
    if not bindings:
        raise _refused(
            "Could not build binding. Please ensure that owner info and communications are defined correctly"
        )
    return bindings


def _bound(activity: Activity, wanted: Any) -> bool:
    """Whether an activity belongs to one of the entities told by type, id or both."""
    if not wanted:
        return True
    entities = [entity for entity in items(wanted) if isinstance(entity, dict)]
    pairs = [(php_int(e.get("OWNER_TYPE_ID"), 0), php_int(e.get("OWNER_ID"), 0)) for e in entities]
    return any(
        kind in (0, bound[0]) and number in (0, bound[1]) for kind, number in pairs for bound in activity.bindings
    )
