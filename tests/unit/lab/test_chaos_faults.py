"""Which faults can strike a chaos run."""

from __future__ import annotations

from lab.chaos.faults import Storage
from lab.chaos.run import Wish


def weather(storage: Storage) -> set[str]:
    return {fault.name for fault in Wish(storage=storage).weather}


def test_each_storage_has_troubles_of_its_own_and_shares_the_others() -> None:
    on_sqlite, on_mariadb = weather(Storage.SQLITE), weather(Storage.MARIADB)

    assert {"disk full", "database locked"} <= on_sqlite - on_mariadb
    assert {"database killed", "database frozen", "database cut"} <= on_mariadb - on_sqlite
    assert {"link cut", "service killed", "portal", "standby takes over"} <= on_sqlite & on_mariadb
