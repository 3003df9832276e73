"""Reading whole lists: every row once, in order, in few requests, whatever happens to the rows meanwhile."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b24client import AccessDenied, B24Error, BadReply, Command, CommandResult, LimitExceeded, Priority
from b24client.forms import decode_form, encode_form
from b24client.habits import list_method
from b24client.lists import CHAIN, PAGE, iterate

CONTACTS = list_method("crm.contact.list")
ITEMS = list_method("crm.item.list")
LIMIT = LimitExceeded("crm.contact.list", "QUERY_LIMIT_EXCEEDED", "Too many requests", 503, retry_after=0.0)


class Shelf:
    """A portal that holds nothing but rows. `before` is called before each page is read and may change the rows."""

    def __init__(self, ids: set[int], before: Callable[[Shelf], None] = lambda shelf: None) -> None:
        self.ids = set(ids)
        self.before = before
        self.requests: list[str] = []
        self.pages = 0
        self.failures: dict[str, list[B24Error]] = {}
        self.tells_total = True
        self.pages_seen: list[dict[str, Any]] = []

    async def page(self, *args: Any, **options: Any) -> Any:
        raise AssertionError("what is read here is read by commands, whose results tell counts")

    call = page

    async def batch(
        self,
        commands: Sequence[Command],
        *,
        halt: bool = False,
        priority: Priority = Priority.CARD,
        timeout: float | None = None,
    ) -> dict[str, CommandResult]:
        if len(commands) == 1 and not halt:
            (command,) = commands
            is_counted = command.params["start"] == 0
            self._enter("counted" if is_counted else "page")
            result, total = self._read(command.method, command.params)
            return {command.key: CommandResult(result, None, None, total if is_counted and self.tells_total else None)}
        self._enter("batch")
        assert halt
        assert len(commands) <= CHAIN
        results: dict[str, CommandResult] = {}
        for command in commands:
            if self.failures.get("command"):
                results[command.key] = CommandResult(error=self.failures["command"].pop(0))
                break
            values = {key: result.value for key, result in results.items()}
            form = decode_form(encode_form(command.params))
            results[command.key] = CommandResult(self._read(command.method, _resolved(form, values))[0])
        return results

    async def upload(self, *args: Any, **options: Any) -> Any:
        raise AssertionError("no list is uploaded")

    def _enter(self, kind: str) -> None:
        self.requests.append(kind)
        if self.failures.get(kind):
            raise self.failures[kind].pop(0)

    def _read(self, method: str, params: Mapping[str, Any]) -> tuple[Any, int]:
        self.before(self)
        self.pages += 1
        self.pages_seen.append(dict(params))
        name = "id" if method == "crm.item.list" else "ID"
        (after,) = (value for key, value in params["filter"].items() if key == f">{name}")
        found = sorted(number for number in self.ids if number > int(after or 0))
        rows = [{name: number if name == "id" else str(number)} for number in found[:PAGE]]
        return ({"items": rows} if name == "id" else rows), len(found)


def _resolved(value: Any, results: Mapping[str, Any]) -> Any:
    if isinstance(value, Mapping):
        return {key: _resolved(item, results) for key, item in value.items()}
    if not isinstance(value, str) or not value.startswith("$result"):
        return value
    found: Any = results
    for part in re.findall(r"\[([^\]]+)\]", value):
        try:
            found = found[int(part) if isinstance(found, list) else part]
        except (KeyError, IndexError):
            return ""
    return found


async def _ids(shelf: Shelf, method: Any = CONTACTS, **options: Any) -> list[int]:
    return [int(row[method.id]) async for row in iterate(shelf, method, **options)]


@given(st.sets(st.integers(1, 5000), max_size=1300), st.booleans())
def test_every_row_once_in_order(ids: set[int], told: bool) -> None:
    shelf = Shelf(ids)
    progress = (lambda read, total: None) if told else None
    assert asyncio.run(_ids(shelf, progress=progress)) == sorted(ids)
    pages = len(ids) // PAGE + 1
    assert len(shelf.requests) <= 3 + -(-pages // CHAIN)
    assert shelf.pages <= pages + 1


@given(st.sets(st.integers(1, 900), max_size=700), st.data())
def test_rows_that_come_and_go_meanwhile_disturb_no_other(ids: set[int], data: st.DataObject) -> None:
    gone: set[int] = set()
    added: set[int] = set()

    def change(shelf: Shelf) -> None:
        for number in data.draw(st.sets(st.integers(1, 1000), max_size=60)):
            if number in shelf.ids:
                shelf.ids.discard(number)
                gone.add(number)
            else:
                shelf.ids.add(number)
                added.add(number)

    read = asyncio.run(_ids(Shelf(ids, change)))
    assert read == sorted(set(read))
    assert set(read) >= ids - gone
    assert set(read) <= ids | added


async def test_a_short_list_is_one_request_and_not_counted() -> None:
    shelf = Shelf(set(range(1, PAGE)))
    assert len(await _ids(shelf)) == PAGE - 1
    assert shelf.requests == ["page"]
    assert shelf.pages_seen[0]["start"] == -1


async def test_a_long_list_is_counted_once_and_chained() -> None:
    shelf = Shelf(set(range(1, 1251)))
    assert await _ids(shelf) == list(range(1, 1251))
    assert shelf.requests == ["page", "counted", "batch", "batch", "batch", "page"]
    assert shelf.pages == 26  # the last one makes sure that nothing came meanwhile


async def test_the_universal_methods_are_chained_through_their_rows() -> None:
    shelf = Shelf(set(range(1, 400)))
    assert len(await _ids(shelf, ITEMS, params={"entityTypeId": 2})) == 399
    assert shelf.requests == ["page", "counted", "batch"]
    assert shelf.pages == 8


async def test_who_shows_progress_knows_the_total_from_the_first_page() -> None:
    told: list[tuple[int, int | None]] = []
    await _ids(Shelf(set(range(1, 131))), progress=lambda read, total: told.append((read, total)))
    assert told == [(50, 130), (100, 130), (130, 130)]


async def test_progress_without_a_total_is_still_told() -> None:
    told: list[tuple[int, int | None]] = []
    shelf = Shelf(set(range(1, 161)))
    shelf.tells_total = False
    await _ids(shelf, progress=lambda read, total: told.append((read, total)))
    assert told == [(50, None), (100, None), (150, None), (160, None)]
    assert shelf.requests == ["counted", "page", "page", "page"]


async def test_rows_that_vanish_make_a_short_page_the_last_one_taken_from_a_chain() -> None:
    def shrink(shelf: Shelf) -> None:
        if shelf.pages == 4:
            shelf.ids -= set(range(210, 1000))

    shelf = Shelf(set(range(1, 1001)), shrink)
    assert await _ids(shelf) == [*range(1, 210), 1000]


@pytest.mark.parametrize("where", ["page", "counted", "batch", "command"])
async def test_a_limit_is_waited_for_and_the_page_asked_for_again(where: str) -> None:
    shelf = Shelf(set(range(1, 451)))
    shelf.failures[where] = [LIMIT, LIMIT]
    assert await _ids(shelf) == list(range(1, 451))
    assert not shelf.failures[where]


@pytest.mark.parametrize("where", ["batch", "command"])
async def test_a_portal_that_takes_no_batch_is_read_page_by_page(where: str) -> None:
    shelf = Shelf(set(range(1, 301)))
    shelf.failures[where] = [AccessDenied("batch", "ACCESS_DENIED", "no batch here", 403)]
    assert await _ids(shelf) == list(range(1, 301))
    assert shelf.requests.count("page") >= 5


async def test_a_refusal_ends_the_list_after_what_was_right() -> None:
    shelf = Shelf(set(range(1, 301)))
    denied = AccessDenied("crm.contact.list", "insufficient_scope", "no", 403)
    rows = iterate(shelf, CONTACTS)
    read = [await anext(rows) for _ in range(PAGE)]
    shelf.failures = {kind: [denied] for kind in ("page", "counted", "batch")}
    with pytest.raises(AccessDenied):
        await anext(rows)
    assert len(read) == PAGE


async def test_a_filter_of_ones_own_is_kept_and_goes_on_from_its_id() -> None:
    shelf = Shelf(set(range(1, 301)))
    assert await _ids(shelf, params={"filter": {">ID": 120, "ASSIGNED_BY_ID": 1}}) == list(range(121, 301))
    assert all(page["filter"]["ASSIGNED_BY_ID"] in (1, "1") for page in shelf.pages_seen)


async def test_alternatives_of_a_filter_do_not_become_alternatives_to_the_id() -> None:
    shelf = Shelf(set(range(1, 60)))
    await _ids(shelf, ITEMS, params={"entityTypeId": 2, "filter": {"logic": "OR", "0": {"title": "x"}}})
    assert shelf.pages_seen[0]["filter"] == {"0": {"logic": "OR", "0": {"title": "x"}}, ">id": 0}


async def test_what_a_form_cannot_say_is_not_asked_for_in_a_batch() -> None:
    shelf = Shelf(set(range(1, 301)))
    assert len(await _ids(shelf, params={"filter": {"COMPANY_ID": None}})) == 300
    assert set(shelf.requests) == {"page"}


@pytest.mark.parametrize(
    ("select", "asked"),
    [(["PHONE"], ["PHONE", "ID"]), (["ID", "PHONE"], ["ID", "PHONE"]), (["*"], ["*"]), ([], [])],
)
async def test_the_id_is_always_selected(select: list[str], asked: list[str]) -> None:
    shelf = Shelf({1})
    await _ids(shelf, params={"select": select})
    assert shelf.pages_seen[0]["select"] == asked


class Careless(Shelf):
    """A portal that gives its rows in an order of its own."""

    def _read(self, method: str, params: Mapping[str, Any]) -> tuple[Any, int]:
        self.pages += 1
        return [{"ID": str(number)} for number in self.ids], len(self.ids)


async def test_rows_out_of_order_are_an_error_and_not_taken_for_the_end() -> None:
    with pytest.raises(BadReply, match="not in order of ID"):
        await _ids(Careless(set(range(1, 51))))


class Odd(Shelf):
    """A portal that answers something else."""

    def __init__(self, answer: Any) -> None:
        super().__init__(set())
        self.answer = answer

    def _read(self, method: str, params: Mapping[str, Any]) -> tuple[Any, int]:
        return self.answer, 0


@pytest.mark.parametrize("answer", ["x", 5, None, {"rows": []}, {"items": 5}, {"items": ["x"]}, {"items": [{}]}])
async def test_what_is_no_list_is_an_error_and_not_an_empty_one(answer: Any) -> None:
    with pytest.raises(BadReply, match=r"crm\.item\.list"):
        await _ids(Odd(answer), ITEMS)


async def test_phps_empty_map_is_an_empty_list() -> None:
    assert await _ids(Odd([]), ITEMS) == []


class Offsets(Shelf):
    """A portal whose lists are read by offset only."""

    def __init__(self, rows: int, key: str = "") -> None:
        super().__init__(set())
        self.rows = [{"ID": number} for number in range(rows)]
        self.key = key
        self.starts: list[Any] = []

    async def batch(self, commands: Sequence[Command], **options: Any) -> dict[str, CommandResult]:
        (command,) = commands
        start = command.params["start"]
        self.starts.append(start)
        end = start + PAGE
        rows = self.rows[start:end]
        following = end if end < len(self.rows) else None
        return {command.key: CommandResult({self.key: rows} if self.key else rows, None, following, len(self.rows))}


@pytest.mark.parametrize("key", ["", "things"])
async def test_a_method_nothing_is_known_of_is_read_by_offset(key: str) -> None:
    portal = Offsets(120, key)
    told: list[tuple[int, int | None]] = []
    listed = iterate(portal, list_method("some.thing.list"), progress=lambda read, total: told.append((read, total)))
    assert [row["ID"] async for row in listed] == list(range(120))
    assert portal.starts == [0, 50, 100]
    assert told == [(50, 120), (100, 120), (120, 120)]
