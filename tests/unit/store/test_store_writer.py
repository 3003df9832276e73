"""The one writer: grouping, refusals, losses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError

from stasis_app.store import writer as writer_module
from stasis_app.store.writer import Writer

FULL = OperationalError("insert", {}, Exception("database or disk is full"))


class Shelf:
    """A table that remembers the rows put into it."""

    def __init__(self, worth: int = 0) -> None:
        self.worth = worth
        self.rows: list[dict[str, Any]] = []

    def key(self, row: dict[str, Any]) -> object:
        return row.get("id")

    def execute(self, connection: object, rows: list[dict[str, Any]]) -> None:
        if any(row.get("broken") for row in rows):
            raise IntegrityError("insert", {}, Exception("a rule is broken"))
        if any(row.get("surrogate") for row in rows):
            "\ud800".encode()
        self.rows.extend(rows)


class Disk:
    """Runs transactions; `trouble` is raised one by one, and `held` keeps the next transaction waiting."""

    def __init__(self) -> None:
        self.transactions = 0
        self.trouble: list[Exception] = []
        self.held: asyncio.Event | None = None

    async def run(self, action: Any) -> None:
        self.transactions += 1
        if self.held is not None:
            await self.held.wait()
        if self.trouble:
            raise self.trouble.pop(0)
        action(None)

    async def close(self) -> None:
        pass


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    monkeypatch.setattr(writer_module, "FIRST_RETRY", 0.001)
    return Disk()


@pytest.fixture
async def writer(disk: Disk) -> AsyncIterator[Writer]:
    writer = Writer(disk, max_rows=100)
    writer.start()
    yield writer
    await writer.close(patience=0.1)


async def test_what_is_written_is_on_disk_when_the_writer_says_so(writer):
    shelf = Shelf()

    assert await writer.write(shelf, [{"id": 1}]) is True
    assert shelf.rows == [{"id": 1}]


async def test_what_comes_during_a_transaction_goes_into_the_next_one_together(writer, disk):
    shelf, disk.held = Shelf(), asyncio.Event()
    first = writer.submit(shelf, [{"id": 1}])
    await asyncio.sleep(0)
    rest = [writer.submit(shelf, [{"id": number}]) for number in range(2, 30)]
    disk.held.set()
    await asyncio.gather(first, *rest)

    assert disk.transactions == 2
    assert [row["id"] for row in shelf.rows] == list(range(1, 30))


async def test_rows_nobody_waits_for_are_written_all_the_same(writer):
    shelf = Shelf()
    writer.post(shelf, [{"id": 1}])
    await writer.flush()

    assert shelf.rows == [{"id": 1}]


async def test_a_full_disk_lets_everybody_go_on_and_loses_nothing(writer, disk):
    shelf, disk.trouble = Shelf(), [FULL] * 4

    assert await writer.write(shelf, [{"id": 1}]) is False
    assert not writer.healthy
    assert writer.last_error == "database or disk is full"
    assert await writer.write(shelf, [{"id": 2}]) is False
    async with asyncio.timeout(10):
        await writer.recovered()
    assert [row["id"] for row in shelf.rows] == [1, 2]


async def test_a_broken_row_is_refused_alone(writer, disk):
    shelf, disk.held = Shelf(), asyncio.Event()
    before = writer.submit(shelf, [{"id": 0}])
    await asyncio.sleep(0)
    good, bad, last = (writer.submit(shelf, [row]) for row in ({"id": 1}, {"broken": True}, {"id": 3}))
    disk.held.set()

    assert await before and await good and await last
    with pytest.raises(IntegrityError):
        await bad
    assert [row["id"] for row in shelf.rows] == [0, 1, 3]
    assert writer.healthy


async def test_memory_is_bounded_and_what_is_lost_is_counted(writer, disk):
    disk.trouble = [FULL] * 1000
    await writer.write(Shelf(), [{"id": 0}])
    facts, calls = Shelf(), Shelf(worth=2)

    for number in range(80):
        writer.post(calls, [{"id": number}])
        writer.post(facts, [{"id": number}])

    assert (writer.waiting, writer.lost) == (100, 61)
    disk.trouble = []
    async with asyncio.timeout(10):
        await writer.recovered()
    await writer.flush()
    assert [row["id"] for row in calls.rows] == list(range(80))
    assert [row["id"] for row in facts.rows] == list(range(60, 80))


async def test_of_a_row_put_again_and_again_only_its_latest_state_waits(writer, disk):
    disk.trouble = [FULL] * 1000
    shelf = Shelf()
    await writer.write(shelf, [{"id": 0}])

    for attempt in range(1000):
        await writer.write(shelf, [{"id": 1, "attempts": attempt}])

    assert writer.waiting == 2
    disk.trouble = []
    async with asyncio.timeout(10):
        await writer.recovered()
    assert shelf.rows == [{"id": 0}, {"id": 1, "attempts": 999}]


async def test_a_row_put_again_while_it_is_being_written_is_written_again(writer, disk):
    shelf, disk.held = Shelf(), asyncio.Event()
    first = writer.submit(shelf, [{"id": 1, "state": "open"}])
    await asyncio.sleep(0)
    second = writer.submit(shelf, [{"id": 1, "state": "done"}])
    disk.held.set()

    assert await first and await second
    assert [row["state"] for row in shelf.rows] == ["open", "done"]


async def test_a_transaction_that_does_not_come_back_holds_nobody_up(writer, disk, monkeypatch):
    monkeypatch.setattr(writer_module, "HUNG_AFTER", 0.01)
    shelf, disk.held = Shelf(), asyncio.Event()

    assert await writer.write(shelf, [{"id": 1}]) is False
    assert "has not come back" in writer.last_error
    assert await writer.write(shelf, [{"id": 2}]) is False
    disk.held.set()
    async with asyncio.timeout(10):
        await writer.recovered()
    await writer.flush()
    assert [row["id"] for row in shelf.rows] == [1, 2]


async def test_a_mistake_of_our_own_in_a_row_does_not_end_the_writing(writer, disk):
    shelf, disk.held = Shelf(), asyncio.Event()
    first = writer.submit(shelf, [{"id": 0}])
    await asyncio.sleep(0)
    bad, good = writer.submit(shelf, [{"surrogate": True}]), writer.submit(shelf, [{"id": 2}])
    disk.held.set()

    assert await first and await good
    with pytest.raises(UnicodeEncodeError):
        await bad
    assert (writer.rejected, writer.healthy) == (1, True)


async def test_what_is_left_is_written_at_the_end(disk):
    writer, shelf = Writer(disk), Shelf()
    writer.start()
    writer.post(shelf, [{"id": 1}])
    await writer.close()

    assert shelf.rows == [{"id": 1}]
