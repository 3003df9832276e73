"""The disk is full, or another program holds the database: the portal is told all the same, and nothing twice later."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from stasis_app.incidents import STORAGE_REFUSES, UNKNOWN_EXTENSION
from stasis_app.ops import IncidentBook
from stasis_app.settings import StorageSettings
from stasis_app.store import StoreError, open_store
from tests.unit.mirror.mirror_story import ANNA

CALLS = [f"1773130778.{number}" for number in range(40)]

HOLD = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def full_disk(size: int = 16 * 1024) -> Iterator[None]:
    """No file of this process may grow beyond `size` bytes: a write fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def held_by_another_process(path) -> Iterator[None]:
    """Another process has begun an exclusive transaction and does not end it."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield
        holder.communicate("")


def make_calls(company) -> None:
    for call_id in CALLS:
        call = company.call(call_id).comes_in().rings(ANNA).answers(ANNA).talks(ANNA)
        call.wait(5).leaves(ANNA).ends()


def all_told_once(company) -> bool:
    return all(company.in_crm(call_id).finish.duration == 5 for call_id in CALLS) and company.findings() == []


async def test_a_full_disk_keeps_no_call_from_the_portal_and_doubles_none(company):
    book = IncidentBook(company.store.incidents)
    with full_disk():
        make_calls(company)
        await company.mirror.settled()
        assert all_told_once(company)
        assert not company.store.healthy
        book.report(STORAGE_REFUSES, company.store.last_error)

    async with asyncio.timeout(20):
        await company.store.writer.recovered()
    assert await company.outbox() == {"done": 80}
    assert company.store.writer.lost == 0
    assert [row["code"] for row in await company.store.incidents.load_all()] == ["storage-refuses"]

    await company.restart()
    await company.mirror.settled()
    assert all_told_once(company)


async def test_a_database_held_by_another_process_keeps_no_call_from_the_portal(company):
    with held_by_another_process(company.folder / "stasis.sqlite"):
        make_calls(company)
        await company.mirror.settled()
        assert all_told_once(company)
        assert "locked" in company.store.last_error

    async with asyncio.timeout(20):
        await company.store.writer.recovered()
    assert await company.outbox() == {"done": 80}


async def test_a_service_that_ends_while_the_disk_is_full_registers_no_call_twice(company):
    with full_disk():
        make_calls(company)
        company.call("1773130999.1").comes_in().rings(ANNA)
        await company.mirror.settled()
        await company.mirror.stop()
        await company.store.close(patience=0.1)

    await company.open()
    story = company.call("1773130999.1")
    story.comes_in().rings(ANNA).answers(ANNA).talks(ANNA).wait(5).leaves(ANNA).ends()
    await company.mirror.settled()

    assert company.in_crm("1773130999.1").finish.duration == 5
    assert all_told_once(company)


async def test_the_start_waits_for_a_database_that_is_held_and_says_so(tmp_path, monkeypatch, caught_storage_log):
    monkeypatch.setattr("stasis_app.store.store.LOOK_AGAIN", 0.01)
    file = tmp_path / "stasis.sqlite"
    settings = StorageSettings(url=f"sqlite+aiosqlite:///{file}")
    with held_by_another_process(file):
        with pytest.raises(StoreError, match="locked"):
            await open_store(settings)
        opening = asyncio.create_task(open_store(settings, patient=True))
        async with asyncio.timeout(10):
            assert "database is locked" in await caught_storage_log.get()

    async with asyncio.timeout(10):
        store = await opening
    assert store.healthy
    await store.close()


async def test_the_start_does_not_wait_for_what_will_never_be(tmp_path):
    with pytest.raises(StoreError, match="can't be opened"):
        await open_store(StorageSettings(url=f"sqlite+aiosqlite:///{tmp_path}/nowhere/stasis.sqlite"), patient=True)


async def test_an_extension_of_nobody_is_an_incident(company):
    call = company.call().comes_in().rings("199")
    await company.mirror.settled()
    call.ends()

    (incident,) = company.incidents.open()
    assert (incident.kind, incident.subject) == (UNKNOWN_EXTENSION, "199")


async def test_what_the_portal_refuses_for_good_is_an_incident(company):
    call = company.call().comes_in().rings(ANNA)
    await company.mirror.settled()
    company.sandbox.calls.calls.clear()
    call.ends()
    await company.mirror.settled()

    (incident,) = company.incidents.open()
    assert incident.kind.code == "portal-refused"
    assert "1773130778.1, finish" in incident.detail
