"""Tables are made and brought up to date by migrations, on whichever database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import create_async_engine

from stasis_app.settings import StorageSettings
from stasis_app.store import StoreError, open_store, schema
from stasis_app.store.tables import metadata

MIGRATIONS = Path(schema.__file__).parent / "migrations"
On = Callable[[Callable[[Connection], Any]], Any]


@pytest.fixture
async def on(storage_url: str) -> AsyncIterator[On]:
    """Runs a function on the database behind the service's back."""
    engine = create_async_engine(storage_url)

    async def run(action: Callable[[Connection], Any]) -> Any:
        async with engine.begin() as connection:
            return await connection.run_sync(action)

    yield run
    await engine.dispose()


async def opened(url: str) -> None:
    """The service is started and stopped."""
    await (await open_store(StorageSettings(url=url), patient=True)).close()


def goes_to(revision: str) -> Callable[[Connection], None]:
    def go(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.downgrade(config, revision)

    return go


def tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


async def test_the_migrations_make_the_tables_the_program_knows(storage_url, on):
    await opened(storage_url)

    differences = await on(lambda connection: compare_metadata(MigrationContext.configure(connection), metadata))
    assert differences == []
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == schema.HEAD


@pytest.mark.parametrize("revision", ["0003", "0002", "0001", "base"])
async def test_every_migration_can_be_taken_back_and_made_again(storage_url, on, revision):
    await opened(storage_url)
    everything = await on(tables)

    await on(goes_to(revision))
    assert await on(tables) < everything
    await opened(storage_url)

    assert await on(tables) == everything


async def test_a_database_of_a_newer_version_is_not_touched(storage_url, on):
    await opened(storage_url)
    await on(lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = '9999'")))

    with pytest.raises(StoreError, match="9999"):
        await opened(storage_url)


async def test_a_migration_that_was_broken_off_is_begun_again(storage_url, on):
    await opened(storage_url)
    everything = await on(tables)
    await on(goes_to("0001"))
    await on(lambda connection: connection.execute(text("DROP TABLE meta")))  # the last that 0001 makes
    await on(lambda connection: connection.execute(text("DELETE FROM alembic_version")))

    await opened(storage_url)

    assert await on(tables) == everything


async def test_instances_that_start_at_once_make_the_tables_once(storage_url, on, monkeypatch):
    monkeypatch.setattr("stasis_app.store.store.LOOK_AGAIN", 0.05)

    await asyncio.gather(*(opened(storage_url) for _ in range(3)))

    assert await on(lambda connection: connection.execute(text("SELECT version_num FROM alembic_version")).all()) == [
        (schema.HEAD,)
    ]
