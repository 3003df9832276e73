"""Databases the tests run on: SQLite, and a real MariaDB server that lives as long as the run."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.mariadb import MariaDb


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDb]:
    """`scripts/test` sets its programs up; without them tests that need it fail, not skip."""
    with MariaDb() as server:
        yield server


@pytest.fixture(params=["sqlite", "mariadb"])
def storage_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The `[storage] url` of an empty database, once of each kind."""
    if request.param == "mariadb":
        server: MariaDb = request.getfixturevalue("mariadb")
        return server.fresh()
    return f"sqlite+aiosqlite:///{tmp_path / 'stasis.sqlite'}"
