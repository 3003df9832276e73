"""One of several instances holds the lease; another takes it over when it is given up, lost or no longer renewed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from lab.mariadb import MariaDb
from stasis_app.settings import StorageSettings
from stasis_app.store import Lease, LeaseHeld, lease, open_lease, open_store

Make = Callable[[], Awaitable[Lease]]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "RENEW_EVERY", 0.05)
    monkeypatch.setattr(lease, "VALID", 0.9)
    monkeypatch.setattr(lease, "WATCH_EVERY", 0.02)
    monkeypatch.setattr(lease, "LOOK", 0.4)


@pytest.fixture
async def make(storage_url: str) -> AsyncIterator[Make]:
    made: list[Lease] = []

    async def make() -> Lease:
        made.append(await open_lease(StorageSettings(url=storage_url)))
        return made[-1]

    yield make
    for one in made:
        await one.close()


@asynccontextmanager
async def held(url: str) -> AsyncIterator[None]:
    """Somebody else reads the database and lets nobody write meanwhile, as a backup does."""
    engine = create_async_engine(url)
    async with engine.connect() as other:
        how = "BEGIN IMMEDIATE" if other.dialect.name == "sqlite" else "LOCK TABLES leases READ"
        await other.exec_driver_sql(how)
        yield
        await other.invalidate()
    await engine.dispose()


async def soon(work: Awaitable[None]) -> None:
    await asyncio.wait_for(work, 5)


async def given_up(*waiting: asyncio.Task[None]) -> None:
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


def dies(one: Lease) -> None:
    """As SIGKILL would have it: nothing is given up."""
    for task in one._tasks:
        task.cancel()


async def test_the_first_who_waits_gets_it_and_the_second_waits(make: Make) -> None:
    first, second = await make(), await make()

    await soon(first.wait())
    waiting = asyncio.create_task(second.wait())
    await asyncio.sleep(lease.VALID * 2)

    assert first.held
    assert not waiting.done()
    await given_up(waiting)


async def test_what_is_given_up_is_taken_at_once(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "VALID", 60)
    first, second = await make(), await make()
    await soon(first.wait())
    waiting = asyncio.create_task(second.wait())

    await first.give_up()

    await soon(waiting)
    assert (first.held, second.held) == (False, True)


async def test_who_dies_is_followed_and_one_of_two_wins(make: Make) -> None:
    first, second, third = await make(), await make(), await make()
    await soon(first.wait())
    waiting = [asyncio.create_task(one.wait()) for one in (second, third)]

    dies(first)

    await asyncio.wait_for(asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED), 5)
    await asyncio.sleep(lease.VALID * 2)
    assert sorted([second.held, third.held]) == [False, True]
    await given_up(*waiting)


async def test_who_is_started_while_another_serves_is_told_so(make: Make) -> None:
    first, second = await make(), await make()
    await first.take()

    with pytest.raises(LeaseHeld, match="--standby"):
        await second.take()

    assert (first.held, second.held) == (True, False)


async def test_who_is_started_after_a_crash_does_not_wait_for_a_process_that_is_gone(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "VALID", 60)
    first, second = await make(), await make()
    first.holder = first.holder.replace(f":{os.getpid()}:", ":4194304:")  # more than Linux gives
    await first.take()
    dies(first)

    await soon(second.take())

    assert second.held
    assert second.took_over


async def test_one_whose_row_another_took_learns_of_it(make: Make) -> None:
    first, second = await make(), await make()
    await first.take()
    while not await second._take(await second._read()):  # noqa: ASYNC110 - the holder may renew between the two
        await asyncio.sleep(0)

    await soon(first.lost())

    assert not await first.still_ours()
    assert await second.still_ours()


async def test_a_process_that_was_frozen_looks_before_it_acts(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = await make(), await make()
    await first.take()
    dies(first)  # while it is frozen nothing of it runs
    await soon(second.wait())
    assert first.held

    assert not await first.still_ours()


async def nobody_takes_it_from(first: Lease, waiting: asyncio.Task[None]) -> None:
    await asyncio.sleep(lease.VALID * 2)
    assert first.held
    assert not waiting.done()
    await given_up(waiting)


async def test_a_locked_database_takes_the_lease_from_nobody(make: Make, storage_url: str) -> None:
    first, second = await make(), await make()
    await first.take()
    waiting = asyncio.create_task(second.wait())
    for seconds in (lease.VALID * 3, lease.VALID * 1.3):
        async with held(storage_url):
            await asyncio.sleep(seconds)
            assert first.held
            assert not waiting.done()

    await nobody_takes_it_from(first, waiting)


async def test_who_waits_does_not_queue_for_a_locked_row(
    make: Make, storage_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else he might be served before the holder when the lock goes."""
    monkeypatch.setattr(lease, "LOOK", 60)
    first, second = await make(), await make()
    await first.take()
    dies(first)
    monkeypatch.setattr(lease, "VALID", 0)

    async with held(storage_url), asyncio.timeout(3):
        assert not await second._try()
        assert not await second._try()
    assert second._refused_at is not None


async def test_a_database_that_refuses_keeps_nobody_from_serving(make: Make, storage_url: str) -> None:
    first, second = await make(), await make()
    async with held(storage_url):
        await soon(first.take())
        assert await first.still_ours()
        waiting = asyncio.create_task(second.wait())
        await asyncio.sleep(lease.VALID / 2)

    await nobody_takes_it_from(first, waiting)


@pytest.mark.parametrize("trouble", ["away", "frozen"])
async def test_a_server_that_is_gone_for_a_while_takes_the_lease_from_nobody(mariadb: MariaDb, trouble: str) -> None:
    settings = StorageSettings(url=mariadb.fresh())
    await (await open_store(settings)).close()
    first, second = await open_lease(settings), await open_lease(settings)
    await first.take()
    waiting = asyncio.create_task(second.wait())
    await asyncio.sleep(lease.VALID)

    with mariadb.away() if trouble == "away" else mariadb.frozen():
        await asyncio.sleep(lease.VALID * 2)
        assert await first.still_ours()

    await nobody_takes_it_from(first, waiting)
    await first.close()
    await second.close()


async def test_of_two_that_start_at_once_on_an_empty_database_one_serves(make: Make) -> None:
    both = await make(), await make()

    outcomes = await asyncio.gather(*(one.take() for one in both), return_exceptions=True)

    assert sorted(one.held for one in both) == [False, True]
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [LeaseHeld]
