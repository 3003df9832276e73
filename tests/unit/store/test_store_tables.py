"""What is kept comes back: after a restart, after an older version, after a bad address."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from b24client import OAuthTokens
from stasis_app.settings import StorageSettings
from stasis_app.store import DONE, CallFilter, OutboxRow, Store, StoreError, open_store


@pytest.fixture
async def store(storage_url: str) -> AsyncIterator[Store]:
    store = await reopened(storage_url)
    yield store
    await store.close()


async def reopened(url: str) -> Store:
    return await open_store(StorageSettings(url=url))


def call(call_id: str, started_at: float, **more: object) -> dict:
    row = {"direction": "inbound", "ended_at": started_at + 9, "customer": "+79161234567", "client": "", "line": ""}
    row |= {"extensions": ",101,102,", "answered": True, "talk_seconds": 5.0, "ended_by": None, "cause": 16}
    return {**row, "call_id": call_id, "started_at": started_at, "record": "{}", **more}


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense", "not a database URL"),
        ("sqlite+aiosqlite:///:memory:", "needs a file"),
        ("sqlite+aiosqlite:////nowhere/at/all/stasis.sqlite", "create its directory"),
        ("postgresql+asyncpg://localhost/x", "not supported"),
    ],
)
async def test_an_unusable_address_is_refused_with_a_remedy(url, says):
    with pytest.raises(StoreError, match=says):
        await open_store(StorageSettings(url=url))


async def test_others_can_not_read_the_database(tmp_path):
    file = tmp_path / "stasis.sqlite"
    await (await reopened(f"sqlite+aiosqlite:///{file}")).close()

    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_an_operation_is_there_after_a_restart(store, storage_url):
    row = OutboxRow("1.1", 1, "register", 10.0, 11.0, body={"users": [7]})
    await store.outbox.put(row)
    again = await reopened(storage_url)

    assert await again.outbox.of_call("1.1") == [row]
    await again.close()


async def test_unfinished_are_calls_with_something_open_and_calls_going_on(store):
    done = {"state": DONE, "closed_at": 12.0}
    waiting = OutboxRow("waiting", 1, "register", 10.0, 11.0)
    live = OutboxRow("live", 1, "register", 10.0, 11.0, **done)
    over = OutboxRow("over", 1, "register", 10.0, 11.0, **done)
    await store.outbox.put(waiting, live, over, replace(over, seq=2, kind="finish"))

    assert await store.outbox.unfinished(since=0) == ["live", "waiting"]
    assert await store.outbox.unfinished(since=20) == ["waiting"]
    assert (await store.outbox.summary()).counts == {"open": 1, "done": 3}
    assert (await store.outbox.summary()).oldest_open_at == 11.0


async def test_calls_are_found_by_what_people_ask_for(store):
    store.journal.post(
        [
            call("a", 100.0),
            call("b", 200.0, customer="+74951112233", extensions=",103,", answered=False),
            call("c", 300.0, ended_at=None, direction="outbound"),
        ],
        [],
    )
    await store.journal.settle()

    async def found(**wanted: object) -> list[str]:
        return [row["call_id"] for row in await store.journal.calls(CallFilter(**wanted))]

    assert await found() == ["c", "b", "a"]
    assert await found(live=True) == ["c"]
    assert await found(customer="1234567", live=False) == ["a"]
    assert await found(extension="10") == []
    assert await found(extension="103") == ["b"]
    assert await found(answered=False) == ["b"]
    assert await found(since=150, until=250) == ["b"]
    assert await found(limit=1, before=(300.0, "c")) == ["b"]
    assert await found(customer="%") == []


async def test_old_calls_are_forgotten_with_all_that_belongs_to_them(store):
    fact = {"call_id": "a", "seq": 1, "at": 100.0, "kind": "Ringing", "data": "{}"}
    store.journal.post([call("a", 100.0)], [fact])
    await store.outbox.put(OutboxRow("a", 1, "finish", 109.0, 109.0, state=DONE))
    await store.purge(keep_days=1)

    assert await store.journal.call("a") is None
    assert await store.journal.facts("a") == []
    assert await store.outbox.of_call("a") == []


async def test_phonebook_and_directory_come_back(store):
    client = {"number": "+7916", "entity_type": "CONTACT", "entity_id": 7, "name": "О'Нил", "user_id": None}
    client |= {"extension": "", "seen_at": 5.0}
    await store.clients.save([client, {**client, "number": "+7917"}])
    await store.clients.save([{**client, "name": "Анна"}])
    await store.clients.delete(["+7917", "+7000"])
    await store.employees.save_all([{"user_id": 1, "name": "A", "extension": "101", "active": True}] * 1)
    await store.employees.save_all([{"user_id": 2, "name": "B", "extension": "102", "active": False}])

    assert await store.clients.load_all() == [{**client, "name": "Анна"}]
    assert await store.employees.load_all() == [{"user_id": 2, "name": "B", "extension": "102", "active": False}]


async def test_every_letter_and_every_moment_come_back(store):
    name, moment = "Ёлка 🎄 漢字 'quoted' back\\slash 100% \x00", 1773130778.1234567
    fact = {"call_id": "1.1", "seq": 2**40, "at": moment, "kind": "Ringing", "data": f'{{"name": "{name}"}}'}
    store.journal.post([call("1.1", moment, client=name, ended_at=1 / 3)], [fact])
    await store.journal.settle()

    assert await store.journal.facts("1.1") == [fact]
    assert await store.journal.call("1.1") == call("1.1", moment, client=name, ended_at=1 / 3)


async def test_keys_that_differ_in_case_alone_are_two(store):
    await store.meta.set("cursor", 1)
    await store.meta.set("Cursor", 2)

    assert (await store.meta.get("cursor"), await store.meta.get("Cursor")) == (1, 2)


async def test_what_is_longer_than_its_column_is_cut_and_the_record_is_whole(store):
    record = '{"names": "' + "Ж" * 100_000 + '"}'
    store.journal.post([call("1.1", 100.0, client="🎄" * 300, extensions=",101" * 20_000, record=record)], [])
    await store.journal.settle()

    (kept,) = await store.journal.calls(CallFilter())
    assert (kept["client"], kept["record"]) == ("🎄" * 255, record)
    assert len(kept["extensions"]) == 16_000
    assert store.writer.rejected == 0


async def test_thousands_of_rows_go_in_at_once(store):
    rows = [OutboxRow(f"{number}.1", 1, "register", 10.0, 11.0, body={"t": "Ж" * 500}) for number in range(4000)]

    assert await store.writer.flush()
    store.outbox.post(*rows)
    assert await store.outbox.settle()
    assert (await store.outbox.summary()).counts == {"open": 4000}


async def test_the_portals_tokens_come_back(store):
    tokens = OAuthTokens(access_token="a", refresh_token="r", expires_at=datetime(2026, 1, 1, tzinfo=UTC))

    assert await store.tokens.load() is None
    await store.tokens.save(tokens)
    assert await store.tokens.load() == tokens
    await store.tokens.clear()
    assert await store.tokens.load() is None


async def test_small_things_come_back(store):
    assert await store.meta.set("cursor", {"id": 5})
    assert await store.meta.get("cursor") == {"id": 5}
    assert await store.meta.get("nothing") is None


async def test_a_locked_database_delays_nobody_and_is_written_when_it_is_free(tmp_path):
    store = await reopened(f"sqlite+aiosqlite:///{tmp_path / 'stasis.sqlite'}")
    other = sqlite3.connect(tmp_path / "stasis.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    row = OutboxRow("1.1", 1, "register", 10.0, 11.0)

    assert await store.outbox.put(row) is False
    assert not store.healthy
    assert "locked" in store.last_error
    other.execute("ROLLBACK")
    other.close()
    async with asyncio.timeout(10):
        await store.writer.recovered()
    assert await store.outbox.of_call("1.1") == [row]
    await store.close()
