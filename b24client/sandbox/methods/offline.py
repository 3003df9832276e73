"""`event.offline.*`: what happened while nobody listened.

https://apidocs.bitrix24.com/api-reference/events/offline-events.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from b24client.sandbox.methods.filtering import matches
from b24client.sandbox.methods.registry import Context, method
from b24client.sandbox.methods.statistic import cut
from b24client.sandbox.offline import OfflineRow
from b24client.sandbox.wire import Page, argument_error

_MOST = 50


@method("event.offline.get", app_only=True)
async def get(context: Context) -> Any:
    """Hand out waiting rows: for good, or with `clear=0` reserved until they are cleared."""
    params, queue = context.params, context.sandbox.postman.queue
    process_id = params.text("process_id")
    errors = params.number("error") == 1
    rows = queue.waiting(params.text("auth_connector"), errors=errors)
    if process_id:
        rows = queue.taken_by(process_id)
    chosen = _sorted([row for row in rows if matches(row.told(state=False), params.map("filter"))], params.map("order"))
    chosen = chosen[: max(0, min(_MOST, params.number("limit", _MOST)))]
    told = [row.told(state=False) for row in chosen]
    if params.number("clear", 1):
        queue.remove(chosen)
        return {"process_id": None, "events": told}
    return {"process_id": queue.take(chosen, process_id), "events": told}


@method("event.offline.list", app_only=True)
async def list_(context: Context) -> Page:
    """The rows as they are, taken ones among them."""
    params = context.params
    rows = [
        row
        for row in _sorted(context.sandbox.postman.queue.rows, params.map("order") or {"ID": "ASC"})
        if matches(row.told(state=True), params.map("filter"))
    ]
    return cut([row.told(state=True) for row in rows], params.number("start"))


@method("event.offline.clear", app_only=True)
async def clear(context: Context) -> bool:
    """Rows of a process have been dealt with."""
    params, queue = context.params, context.sandbox.postman.queue
    rows = _of_process(context)
    if params.get("id") is not None:
        wanted = set(params.numbers("id"))
        rows = [row for row in rows if row.id in wanted]
    elif params.get("message_id") is not None:
        wanted = set(params.numbers("message_id"))
        rows = [row for row in rows if row.id in wanted]
    queue.remove(rows)
    return True


@method("event.offline.error", app_only=True)
async def error(context: Context) -> bool:
    """Rows of a process could not be dealt with."""
    wanted = set(context.params.numbers("message_id"))
    context.sandbox.postman.queue.failed(row for row in _of_process(context) if row.id in wanted)
    return True


def _of_process(context: Context) -> list[OfflineRow]:
    process_id = context.params.text("process_id")
    if not process_id:
        raise argument_error("process_id")
    return context.sandbox.postman.queue.taken_by(process_id)


_KEYS: dict[str, Callable[[OfflineRow], Any]] = {
    "ID": lambda row: row.id,
    "MESSAGE_ID": lambda row: row.id,
    "TIMESTAMP_X": lambda row: row.at,
    "EVENT_NAME": lambda row: row.event,
    "PROCESS_ID": lambda row: row.process_id,
    "ERROR": lambda row: row.error,
}


def _sorted(rows: list[OfflineRow], order: Mapping[str, Any]) -> list[OfflineRow]:
    """The rows in an order, by time and number without one."""
    rows = sorted(rows, key=lambda row: (row.at, row.id))
    for name, direction in reversed(list(order.items())):
        if key := _KEYS.get(str(name).upper()):
            rows.sort(key=key, reverse=str(direction).upper() == "DESC")
    return rows
