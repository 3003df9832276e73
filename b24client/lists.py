"""Reading whole lists: page by page without counting, by ascending id, which is the quick way for the portal.

A page has 50 rows; `start=-1` spares the portal the count, and a filter on the last id seen replaces an offset, so a
page costs the same wherever it is (https://apidocs.bitrix24.com/settings/how-to-call-rest-api/list-methods-pecularities.html).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from b24client.budget import Priority
from b24client.caller import Caller
from b24client.errors import BadReply
from b24client.php import as_list

PAGE = 50
"""Rows of a full page."""

Progress = Callable[[int, int | None], None]
"""Told how many rows have been read, and how many there are (None: not known)."""


@dataclass(frozen=True, slots=True)
class ListMethod:
    """A list method and its habits.

    `rows`: the key of the rows in the result, "" when the result is the rows; `id`: the id's name in a row;
    `filter`: the name of the filter parameter, `filter_id` the id's name in it; `order`: the parameters that sort by
    ascending id. `by_id`: whether it can be read by id at all; if not, pages follow each other by offset, and rows that
    come or go meanwhile may shift others out of sight.
    """

    name: str
    rows: str = ""
    id: str = "ID"
    filter: str = "filter"
    filter_id: str = "ID"
    order: Mapping[str, Any] = field(default_factory=lambda: {"order": {"ID": "ASC"}})
    by_id: bool = True


async def iterate(
    portal: Caller,
    method: ListMethod,
    params: Mapping[str, Any] | None = None,
    *,
    priority: Priority = Priority.SYNC,
    progress: Progress | None = None,
) -> AsyncIterator[dict[str, Any]]:
    """The rows of a list method, as the portal sends them. `params` are its other parameters, a filter among them.

    Raises B24Error; what was yielded until then is right, but not all.
    """
    if not method.by_id:
        async for row in _by_offset(portal, method, params or {}, priority, progress):
            yield row
        return
    given = dict(params or {})
    wanted = dict(given.pop(method.filter, None) or {})
    last, read = 0, 0
    while True:
        condition = {**wanted, f">{method.filter_id}": last}
        page = {**given, **method.order, method.filter: condition, "start": -1}
        rows = _rows(method, (await portal.page(method.name, page, priority=priority))[0])
        for row in rows:
            yield row
        read += len(rows)
        if progress is not None:
            progress(read, None)
        if len(rows) < PAGE or (newest := _id(method, rows[-1])) <= last:
            return
        last = newest


async def _by_offset(
    portal: Caller, method: ListMethod, params: Mapping[str, Any], priority: Priority, progress: Progress | None
) -> AsyncIterator[dict[str, Any]]:
    start: int | None = 0
    read = 0
    while start is not None:
        page = {**params, **method.order, "start": start}
        result, following = await portal.page(method.name, page, priority=priority)
        rows = _rows(method, result)
        for row in rows:
            yield row
        read += len(rows)
        if progress is not None:
            progress(read, None)
        start = following if following is not None and following > start else None


def _rows(method: ListMethod, result: Any) -> list[dict[str, Any]]:
    try:
        if method.rows and result:
            result = result[method.rows] if isinstance(result, Mapping) else result
        rows = as_list(result)
    except (KeyError, TypeError):
        raise BadReply(method.name, "", f"result: no list of {method.rows or 'rows'}") from None
    if not all(isinstance(row, dict) for row in rows):
        raise BadReply(method.name, "", "result: a row is not a map")
    return rows


def _id(method: ListMethod, row: Mapping[str, Any]) -> int:
    try:
        return int(row[method.id])
    except (KeyError, TypeError, ValueError):
        raise BadReply(method.name, "", f"result: a row without {method.id}") from None
