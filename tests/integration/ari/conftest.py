"""A server that speaks ARI, a link to it, and what the log says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator

import pytest
import pytest_asyncio
from ari_helpers import Connect, Log, Told, soon
from ari_server import APP, PASSWORD, USERNAME, AriServer
from loguru import logger
from pydantic import SecretStr
from tenacity import RetryCallState, wait_none
from tenacity.wait import wait_base

from stasis_app.ari import AriLink
from stasis_app.settings import AsteriskSettings


@pytest.fixture
async def log() -> AsyncIterator[Log]:
    kept = Log()
    sink = logger.add(lambda message: kept.write(str(message)), format="{level} {message}", level="INFO")
    yield kept
    logger.remove(sink)


@pytest_asyncio.fixture(loop_scope="function")
async def server() -> AsyncIterator[AriServer]:
    async with AriServer() as running:
        yield running


@pytest.fixture
def told() -> Told:
    return Told()


@pytest_asyncio.fixture(loop_scope="function")
async def make_link(server: AriServer, told: Told) -> AsyncIterator[Connect]:
    """Makes links to the server; they are stopped at the end."""
    links: list[AriLink] = []

    def make(known: Callable[[], Iterable[str]] = tuple, **changes: object) -> AriLink:
        settings = AsteriskSettings(
            **{"url": server.url, "username": USERNAME, "password": SecretStr(PASSWORD), "app": APP} | changes
        )
        links.append(AriLink(settings, told, told, known=known))
        return links[-1]

    yield make
    for link in links:
        await link.stop()


@pytest_asyncio.fixture(loop_scope="function")
async def link(make_link: Connect, told: Told) -> AriLink:
    """A link that is up; what it told of the world is already taken."""
    made = make_link()
    await made.start()
    await soon(made.connected())
    await told.next()
    return made


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The attempts after which the link waited. The waits themselves are left out."""
    attempts: list[int] = []

    class NoWait(wait_base):
        def __call__(self, retry_state: RetryCallState) -> float:
            attempts.append(retry_state.attempt_number)
            return 0.0

    monkeypatch.setattr("stasis_app.ari.link.wait_exponential", lambda **ladder: NoWait())
    monkeypatch.setattr("stasis_app.ari.link.wait_random", lambda least, most: wait_none())
    yield attempts
