"""A sandbox portal on a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from b24_office import Office, Opens
from b24_peers import OAUTH, PORTAL, Authority, Running, ThreadedPortal, lead

from b24client.sandbox import SAMPLE_SEED, SANDBOX, SandboxConfig, create_sandbox


@pytest.fixture
async def open_office() -> AsyncIterator[Opens]:
    """Opens sandboxes: `await open_office(change)`, where `change` edits the sample configuration."""
    async with AsyncExitStack() as stack:

        async def open_one(change: Callable[[SandboxConfig], None] | None = None) -> Office:
            config = SandboxConfig.from_file(SAMPLE_SEED)
            config.limits.enabled = False
            config.events.delay_min = config.events.delay_max = 0.0
            if change is not None:
                change(config)
            server = TestServer(create_sandbox(config))
            await server.start_server()
            stack.push_async_callback(server.close)
            return Office(server.app[SANDBOX], str(server.make_url("/")).rstrip("/"), stack)

        yield open_one


@pytest.fixture
async def office(open_office: Opens) -> Office:
    """The sample portal, without request limits."""
    return await open_office()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A plain HTTP client."""
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority nobody knows."""
    return Authority.found(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def https_portal(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadedPortal]:
    """The sample portal as https://example.bitrix24.com with its OAuth server where Bitrix24's is."""
    config = SandboxConfig.from_file(SAMPLE_SEED)
    config.limits.enabled = False
    config.public_url = f"https://{PORTAL}"
    with Running(config, authority.context()) as portal:
        lead(monkeypatch, {PORTAL: portal.port, OAUTH: portal.port})
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.ca_file))
        yield portal
