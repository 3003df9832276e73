"""MariaDB in trouble: gone, hanging, locked, read only; and users who may not."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import create_async_engine

from lab.mariadb import MariaDb
from stasis_app.settings import StorageSettings
from stasis_app.store import OutboxRow, Store, StoreError, Writer, open_store
from stasis_app.store import mariadb as mariadb_module
from stasis_app.store.database import open_database
from stasis_app.store.errors import is_passing
from stasis_app.store.outbox import SqlOutbox
from stasis_app.store.tables import outbox

FIRST = OutboxRow("1.1", 1, "register", 10.0, 11.0)
SECOND = OutboxRow("1.1", 2, "finish", 20.0, 21.0)


@pytest.fixture
def url(mariadb: MariaDb) -> str:
    return mariadb.fresh()


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    store = await open_store(StorageSettings(url=url))
    assert await store.outbox.put(FIRST)
    yield store
    await store.close()


async def recovers(store: Store) -> None:
    async with asyncio.timeout(15):
        await store.writer.recovered()
    assert await store.outbox.of_call("1.1") == [FIRST, SECOND]
    assert (store.writer.lost, store.writer.rejected) == (0, 0)


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGKILL])
async def test_while_it_is_away_nobody_waits_and_then_everything_is_written(mariadb, store, by):
    with mariadb.away(by):
        assert await store.outbox.put(SECOND) is False
        assert not store.healthy
        assert store.last_error

    await recovers(store)


async def test_a_restart_between_two_writes_is_not_noticed(mariadb, store):
    with mariadb.away():
        pass

    assert await store.outbox.put(SECOND)
    assert store.healthy


async def test_connections_that_are_cut_between_two_writes_are_not_noticed(mariadb, store):
    mariadb.cut()

    assert await store.outbox.put(SECOND)
    assert await store.outbox.of_call("1.1") == [FIRST, SECOND]
    assert store.healthy


async def test_what_is_written_while_connections_are_cut_again_and_again_is_whole_afterwards(mariadb, store):
    cutting = asyncio.create_task(asyncio.to_thread(mariadb.cut, 2.0))
    rows = [OutboxRow("2.2", seq, "show", 10.0, 11.0) for seq in range(400)]
    while not cutting.done():
        for row in rows:
            store.outbox.post(row)
        await asyncio.sleep(0.02)
    await cutting

    assert await store.outbox.put(SECOND) or not store.healthy
    await recovers(store)
    assert await store.outbox.of_call("2.2") == rows


async def test_while_it_hangs_nobody_waits_and_then_everything_is_written(mariadb, store):
    with mariadb.frozen():
        assert await store.outbox.put(SECOND) is False
        async with asyncio.timeout(5):
            while "not come back" not in store.last_error:  # noqa: ASYNC110 - it has no event to wait for
                await asyncio.sleep(0.1)

    await recovers(store)


async def test_a_server_that_does_not_answer_is_given_up_and_asked_again(mariadb, url):
    database = await open_database(url, patience=0.4)
    writer = Writer(database.executor)
    writer.start()
    kept = SqlOutbox(database, writer)
    await kept.put(FIRST)

    with mariadb.frozen():
        assert await kept.put(SECOND) is False
        with pytest.raises(OperationalError, match="not answered") as caught:
            await kept.of_call("1.1")
        assert is_passing(caught.value)
        await asyncio.sleep(2)

    async with asyncio.timeout(15):
        await writer.recovered()
    assert await kept.of_call("1.1") == [FIRST, SECOND]
    await writer.close()
    await database.close()


async def test_a_row_somebody_holds_is_written_when_it_is_free(store, url):
    engine = create_async_engine(url)
    async with engine.begin() as other:
        await other.execute(text("SELECT * FROM outbox FOR UPDATE"))
        assert await store.outbox.put(SECOND) is False
        async with asyncio.timeout(mariadb_module.LOCK_WAIT + 5):
            while "Lock wait timeout" not in store.last_error:  # noqa: ASYNC110 - it has no event to wait for
                await asyncio.sleep(0.1)
    await engine.dispose()

    await recovers(store)


async def test_who_is_frozen_in_a_transaction_does_not_hold_up_who_follows_him(store, url):
    frozen = await open_database(url)
    began, thawed = asyncio.Event(), asyncio.Event()

    async def writes_and_freezes() -> None:
        async with frozen._engine.begin() as connection:
            await connection.execute(update(outbox).values(attempts=7))
            began.set()
            await thawed.wait()

    freezing = asyncio.create_task(writes_and_freezes())
    await began.wait()
    assert await store.outbox.put(FIRST, SECOND) is False
    while store.healthy:  # noqa: ASYNC110 - it has no event to wait for
        await asyncio.sleep(0.1)

    await recovers(store)
    thawed.set()
    with pytest.raises(OperationalError):
        await freezing
    assert await store.outbox.of_call("1.1") == [FIRST, SECOND]
    await frozen.close()


async def test_a_server_that_is_read_only_for_a_while_gets_everything_afterwards(mariadb, store):
    mariadb.execute("SET GLOBAL read_only = 1")
    try:
        assert await store.outbox.put(SECOND) is False
        assert "read-only" in store.last_error
    finally:
        mariadb.execute("SET GLOBAL read_only = 0")

    await recovers(store)


async def test_a_table_taken_for_a_backup_delays_nobody(store, url):
    engine = create_async_engine(url)
    async with engine.connect() as backup:
        await backup.execute(text("LOCK TABLES outbox READ"))
        assert await store.outbox.put(SECOND) is False
        async with asyncio.timeout(5):
            while store.healthy:  # noqa: ASYNC110 - it has no event to wait for
                await asyncio.sleep(0.1)
        await backup.invalidate()
    await engine.dispose()

    await recovers(store)


async def test_an_unusable_server_is_refused_with_a_remedy(mariadb, url):
    at, name = url.rsplit("/", 1)
    password = at.split(":")[2].split("@")[0]
    mariadb.execute(
        f"CREATE DATABASE other; CREATE USER reader@'%' IDENTIFIED BY 'r'; GRANT SELECT ON {name}.* TO reader@'%'"
    )
    unusable = {
        f"{at}/stasis_nowhere": "CREATE DATABASE",
        f"{at}/other": "GRANT ALL",
        url.replace(password, "wrong-secret"): "check user and password",
        url.replace(f"stasis:{password}", "reader:r"): "GRANT ALL",
    }
    for address, says in unusable.items():
        with pytest.raises(StoreError, match=says) as caught:
            await open_store(StorageSettings(url=address), patient=True)
        assert password not in str(caught.value)
        assert "wrong-secret" not in str(caught.value)


async def test_the_servers_socket_will_do(mariadb, url):
    store = await open_store(StorageSettings(url=f"{re.sub('@.*/', '@localhost/', url)}?unix_socket={mariadb.socket}"))
    await store.meta.set("cursor", 1)
    assert await store.meta.get("cursor") == 1
    await store.close()


async def test_the_start_waits_for_a_server_that_is_away(mariadb, url, monkeypatch):
    monkeypatch.setattr("stasis_app.store.store.LOOK_AGAIN", 0.05)
    with mariadb.away():
        with pytest.raises(StoreError, match="can't be opened"):
            await open_store(StorageSettings(url=url))
        opening = asyncio.create_task(open_store(StorageSettings(url=url), patient=True))
        await asyncio.sleep(0.5)
        assert not opening.done()

    async with asyncio.timeout(10):
        await (await opening).close()
