"""Reading whole lists: by ascending id, many pages in one request.

A page has 50 rows. `start=-1` spares the portal the count, and a filter on the last id seen replaces an offset, so a
page costs the same wherever it is. A list of more than a page is counted once; then pages are chained in a batch, each
one's filter naming the last id of the page before it. A row is given exactly once, whatever comes or goes meanwhile;
one that was there all the time is never missing.
(https://apidocs.bitrix24.com/settings/how-to-call-rest-api/list-methods-pecularities.html,
https://apidocs.bitrix24.com/settings/performance/huge-data.html)
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from b24client.batch import Command, CommandResult, reference
from b24client.budget import Priority
from b24client.caller import Caller
from b24client.errors import B24Error, BadReply, LimitExceeded, Temporary, UnknownOutcome
from b24client.php import as_list, as_map
from b24client.retry import retrying

PAGE = 50
"""Rows of a full page."""
CHAIN = 10
"""Most pages in one batch: their working time adds up, and a cloud portal ends a request after 60 s."""
_SECONDS = 60.0
_PATIENCE = 660.0  # a method that has used up its working time is free again within ten minutes

ANY = "*"
Progress = Callable[[int, int | None], None]
"""Told how many rows have been read, and how many there are (None: not known)."""
Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class ListMethod:
    """A list method and its habits.

    `rows`: the key of the rows in the result, "" when the result is the rows, ANY for whichever list is in it; `id`:
    the id's name in a row; `filter`: the name of the filter parameter, `filter_id` the id's name in it and in `select`;
    `order`: the parameters that sort by ascending id. `by_id`: whether it can be read by id at all; if not, pages
    follow each other by offset (a sorting of the caller's own goes before `order`), and rows that come or go meanwhile
    may shift others out of sight.
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
) -> AsyncGenerator[dict[str, Any], None]:
    """The rows of a list method, as the portal sends them. `params` are its other parameters, a filter among them.

    Failures for now and limits are waited for and tried again page by page (see `b24client.retry`). `progress` is told
    after each page; asking for it has the portal count from the first page on.
    Raises B24Error; what was yielded until then is right, but not all.
    """
    reader = _ById(portal, method, params or {}, priority) if method.by_id else None
    pages = reader.pages(counted=progress is not None) if reader else _by_offset(portal, method, params or {}, priority)
    read = 0
    async for rows, total in pages:
        read += len(rows)
        if progress is not None:
            progress(read, max(total, read) if total is not None else None)
        for row in rows:
            yield row


class _ById:
    """Reads one list by ascending id."""

    def __init__(self, portal: Caller, method: ListMethod, params: Mapping[str, Any], priority: Priority) -> None:
        self._portal = portal
        self._method = method
        self._priority = priority
        self._params = {key: value for key, value in params.items() if key.lower() not in (*_names(method), "start")}
        self._params |= _with_id(method, self._params)
        self._wanted = dict(as_map(_given(params, method.filter)))
        if any(key.lower() == "logic" for key in self._wanted):
            self._wanted = {"0": self._wanted}  # our own condition must not become one of its alternatives
        self._last = _number(self._wanted.pop(f">{method.filter_id}", 0))
        self._read = 0
        self._total: int | None = None
        # In a batch parameters are a form, where nothing can be written for null and for empty lists and maps.
        self._chained = _has_form([self._wanted, *self._params.values()])

    async def pages(self, *, counted: bool) -> AsyncIterator[tuple[Rows, int | None]]:
        """The pages, and how many rows there are as far as that is known."""
        while True:
            rows = await self._single(counted=counted)
            self._took(rows)
            yield rows, self._total
            if len(rows) < PAGE:
                return
            counted = self._total is None and self._chained
            while self._chained and (ahead := self._ahead()) > 1:
                chain, whole = await self._chain(min(ahead, CHAIN))
                for rows in chain:
                    self._took(rows)
                    yield rows, self._total
                if chain and len(chain[-1]) < PAGE:
                    return
                if not whole:
                    break

    def _ahead(self) -> int:
        """How many pages are left by the count."""
        return -(-(self._total - self._read) // PAGE) if self._total is not None else 0

    def _took(self, rows: Rows) -> None:
        self._read += len(rows)
        if rows:
            self._last = _id(self._method, rows[-1])

    def _page(self, after: int | str, start: int = -1) -> dict[str, Any]:
        condition = {**self._wanted, f">{self._method.filter_id}": after}
        return {**self._params, **self._method.order, self._method.filter: condition, "start": start}

    async def _single(self, *, counted: bool) -> Rows:
        """The next page by itself; `counted`: with the number of rows that are left. Raises B24Error."""
        page = self._page(self._last, start=0 if counted else -1)
        result = await _fetched(self._portal, self._method.name, page, self._priority)
        if counted and result.total is not None:
            self._total = self._read + result.total
        elif counted:
            self._chained = False  # a portal that does not count: who knows how many pages to ask for
        return _ascending(self._method, _rows(self._method, result.value), self._last)

    async def _chain(self, pages: int) -> tuple[list[Rows], bool]:
        """The next pages in one request, up to the first that is not full; and whether all went as it should.

        What is off is left to the single page that follows: it waits and tries again, or raises.
        """
        method = self._method
        inside = (method.rows,) if method.rows else ()
        commands = [Command("p0", method.name, self._page(self._last))]
        for at in range(1, pages):
            last = reference(f"p{at - 1}", *inside, PAGE - 1, method.id)
            commands.append(Command(f"p{at}", method.name, self._page(last)))
        chain: list[Rows] = []
        try:
            results = await self._portal.batch(commands, halt=True, priority=self._priority, timeout=_SECONDS)
            last_id = self._last
            for command in commands:
                rows = _ascending(method, _rows(method, results[command.key].unwrap()), last_id)
                chain.append(rows)
                if len(rows) < PAGE:
                    break
                last_id = _id(method, rows[-1])
        except (Temporary, LimitExceeded, UnknownOutcome):
            return chain, False
        except B24Error:
            self._chained = False
            return chain, False
        return chain, True


async def _by_offset(
    portal: Caller, method: ListMethod, params: Mapping[str, Any], priority: Priority
) -> AsyncIterator[tuple[Rows, int | None]]:
    """The pages one after another by where they start."""
    given = {**method.order, **{key: value for key, value in params.items() if key.lower() != "start"}}
    start: int | None = 0
    while start is not None:
        result = await _fetched(portal, method.name, {**given, "start": start}, priority)
        yield _rows(method, result.value), result.total
        start = result.next if result.next is not None and result.next > start else None


async def _fetched(portal: Caller, method: str, page: Mapping[str, Any], priority: Priority) -> CommandResult:
    """A page, tried again while that makes sense. Raises B24Error."""
    async for attempt in retrying(longest=_PATIENCE):
        with attempt:
            result = (await portal.batch([Command("page", method, page)], priority=priority))["page"]
            result.unwrap()
    return result


def _names(method: ListMethod) -> tuple[str, ...]:
    return (method.filter.lower(), *(name.lower() for name in method.order))


def _given(params: Mapping[str, Any], name: str) -> Any:
    return next((value for key, value in params.items() if key.lower() == name.lower()), None)


def _with_id(method: ListMethod, params: Mapping[str, Any]) -> dict[str, Any]:
    """`select` with the id in it: without it there is no next page."""
    for key, value in params.items():
        if key.lower() == "select" and isinstance(value, list | tuple) and value:
            asked = {str(name).upper() for name in value}
            return {} if asked & {"*", method.filter_id.upper()} else {key: [*value, method.filter_id]}
    return {}


def _rows(method: ListMethod, result: Any) -> Rows:
    try:
        if method.rows == ANY:
            result = _only_list(result)
        elif method.rows and not isinstance(result, list):  # an empty map is a list to PHP
            result = result[method.rows]
        rows = as_list(result)
    except (KeyError, TypeError):
        raise BadReply(method.name, "", f"result: no list of {method.rows or 'rows'}") from None
    if not all(isinstance(row, dict) for row in rows):
        raise BadReply(method.name, "", "result: a row is not a map")
    return rows


def _only_list(result: Any) -> Any:
    """The rows of a method nothing is known of: the result, or the one list in it, or the result as the only row."""
    if not isinstance(result, Mapping):
        return result
    inside = [value for value in result.values() if isinstance(value, list)]
    return inside[0] if len(inside) == 1 and len(result) == 1 else [result]


def _has_form(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(inside not in (None, [], {}, ()) and _has_form(inside) for inside in value.values())
    if isinstance(value, list | tuple):
        return all(_has_form(inside) for inside in value)
    return value is not None


def _ascending(method: ListMethod, rows: Rows, last: int) -> Rows:
    """The rows, if each id is above the one before it. Raises BadReply."""
    for row in rows:
        number = _id(method, row)
        if number <= last:
            raise BadReply(method.name, "", f"result: rows are not in order of {method.id}, as was asked for")
        last = number
    return rows


def _id(method: ListMethod, row: Mapping[str, Any]) -> int:
    try:
        return int(row[method.id])
    except (KeyError, TypeError, ValueError):
        raise BadReply(method.name, "", f"result: a row without {method.id}") from None


def _number(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0
