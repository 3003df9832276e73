"""Bringing the tables of a database to the version this program knows."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from stasis_app.store.errors import StoreError

HEAD = "0004"
"""The newest migration. Kept here so that alembic is loaded only when there is something to do."""


def is_current(connection: Connection) -> bool:
    """Whether the tables are of this program's version."""
    return _version(connection) == HEAD


def upgrade(connection: Connection) -> None:
    """Run the migrations that are missing, in the connection's transaction; whoever calls keeps others out.

    Raises `StoreError` when the database was written by a newer version of this program.
    """
    found = _version(connection)
    if found == HEAD:
        return
    # Loading alembic costs a tenth of a second and some megabytes that a start without migrations should not pay.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise StoreError(
            f"the database is of version {found}, this program knows up to {HEAD}: "
            "install the newer program again, or give [storage] url another database"
        )
    try:
        command.upgrade(config, HEAD)
    except CommandError as error:
        raise StoreError(f"the tables could not be brought to version {HEAD}: {error}") from error


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return str(version) if version is not None else None
