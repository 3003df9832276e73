"""A real Asterisk and real phones. `scripts/test` sets the programs up; without them these tests fail, not skip."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from e2e_office import PHONES, TONES, Scene, ivan_calls

from lab.exchange import Exchange
from lab.phones import Office

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.e2e)
            # Phones, Asterisk and service share the machine with whatever else it does, and in hundreds of real calls
            # one may come to nothing for it. The summary names what was tried again: that is a thing to look into.
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest_asyncio.fixture(loop_scope="module")
async def office(exchange: Exchange) -> AsyncIterator[Office]:
    """Anna, Boris and Vera at their phones, on the exchange of the module."""
    async with Office(exchange.pbx, exchange.folder, phones=PHONES, tones=TONES) as desks:
        yield desks


@pytest_asyncio.fixture(loop_scope="module")
async def story(exchange: Exchange, office: Office) -> AsyncIterator[Scene]:
    """Ivan called, and Anna's phone rings."""
    async with ivan_calls(exchange, office) as begun:
        await begun.begin()
        yield begun
