"""Somebody opens the status page."""

import pytest
from http_fakes import World, dependencies

from stasis_app.http import create_http


@pytest.fixture
async def browser(aiohttp_client):
    return await aiohttp_client(create_http(dependencies(World())))


@pytest.mark.parametrize(
    ("accepts", "title"),
    [
        ("ru-RU,ru;q=0.9,en;q=0.8", "Сейчас на линии"),
        ("en-GB", "Calls right now"),
        ("de,ru;q=0.3,en;q=0.5", "Calls right now"),
        ("fr", "Calls right now"),
        ("", "Calls right now"),
        ("ru;q=nonsense,,;;", "Calls right now"),
    ],
)
async def test_the_page_speaks_the_readers_language(browser, accepts, title):
    page = await (await browser.get("/", headers={"Accept-Language": accepts})).text()

    assert f"<h1>{title}</h1>" in page


async def test_its_files_are_there(browser):
    for path in ("/static/status.css", "/static/status.js"):
        assert (await browser.get(path)).status == 200
