"""A failure that repeats is told once."""

import pytest
from crm_fakes import Clock
from loguru import logger

from stasis_app.crm.trouble import Troubles


@pytest.fixture
def said() -> list[str]:
    return []


def test_each_kind_is_told_once_until_things_work_again(said: list[str]) -> None:
    sink = logger.add(said.append, level="INFO", format="{message}")
    clock = Clock()
    troubles = Troubles("Asking", clock=clock)
    for _ in range(3):
        troubles.note(ConnectionError("https://portal/rest/1/secret/"))
        troubles.over()  # others come through meanwhile: no reason to tell it all the time
    troubles.note("too slow")
    clock.now += 60
    troubles.over()
    troubles.note(ConnectionError())
    logger.remove(sink)
    assert [line.partition(" (")[0].strip() for line in said] == [
        "Asking failed: ConnectionError",
        "Asking failed: too slow",
        "Asking works again",
        "Asking failed: ConnectionError",
    ]
    assert troubles.counts == {"ConnectionError": 4, "too slow": 1}
