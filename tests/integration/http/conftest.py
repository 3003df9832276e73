"""The API over a world of its own, asked by somebody with a token."""

import pytest
from aiohttp.test_utils import TestClient
from http_fakes import BEARER, World, dependencies

from stasis_app.http import create_http


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def api(world: World, aiohttp_client) -> TestClient:
    return await aiohttp_client(create_http(dependencies(world)), headers=BEARER)
