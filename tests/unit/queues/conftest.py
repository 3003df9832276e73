"""Queues are tested on the clock that jumps, as calls are."""

import asyncio
from collections.abc import Callable

from tests.unit.calls.conftest import pytest_asyncio_loop_factories as _factories


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return _factories()
