"""The page of the employees' desktops, in a real browser: cards pop up and close while it is being looked at."""

from __future__ import annotations

import asyncio
import itertools
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from b24_office import Office

from b24client import FinishCall, Portal, RegisterCall

CHROMIUM = shutil.which("chromium")
QUIET = [
    f"--{switch}"
    for switch in (
        *("headless", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "disable-background-networking"),
        *("disable-component-update", "disable-sync", "no-first-run", "remote-debugging-port=0"),
    )
]
DESKS_WITH_CARDS = """
    [...document.querySelectorAll(".desk")].filter(desk => desk.querySelector(".card:not(.closing)"))
        .map(desk => desk.querySelector(".name").textContent).sort()
"""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine; scripts/test installs it")


class Page:
    """A page in Chromium, asked over the DevTools protocol (https://chromedevtools.github.io/devtools-protocol/)."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)

    async def value(self, expression: str) -> Any:
        """What an expression is on the page now."""
        number = next(self._ids)
        parameters = {"expression": expression, "returnByValue": True}
        await self._socket.send_json({"id": number, "method": "Runtime.evaluate", "params": parameters})
        while (answer := await self._socket.receive_json()).get("id") != number:
            continue
        return answer["result"]["result"].get("value")

    async def until(self, expression: str, expected: Any) -> None:
        """Wait until an expression has a value; `AssertionError` with the last one when it never has."""
        value = None
        for _ in range(200):
            value = await self.value(expression)
            if value == expected:
                return
            await asyncio.sleep(0.05)
        assert value == expected


@pytest.fixture
async def page(office: Office, http: aiohttp.ClientSession, tmp_path: Path) -> AsyncIterator[Page]:
    assert CHROMIUM is not None
    browser = await asyncio.create_subprocess_exec(
        CHROMIUM, *QUIET, f"--user-data-dir={tmp_path}", stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(30):
            assert browser.stderr is not None
            while not (found := re.search(rb"ws://([\d.]+:\d+)/", await browser.stderr.readline())):
                continue
        devtools = found[1].decode()
        async with http.put(f"http://{devtools}/json/new?{office.url}/sandbox/") as answer:
            target = await answer.json()
        async with http.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
            opened = Page(socket)
            await opened.until('document.querySelectorAll(".desk").length > 3', True)
            yield opened
    finally:
        browser.kill()
        await browser.communicate()


@pytest.fixture
async def portal(office: Office) -> Portal:
    return await office.installed()


async def test_cards_pop_up_and_close_before_the_eyes_of_the_employees(page: Page, portal: Portal) -> None:
    call = RegisterCall(user_id=11, phone_number="+79995550199", type=2, show=False, external_call_id="1.0")
    call_id = (await portal.telephony.register(call)).call_id
    assert await page.value(DESKS_WITH_CARDS) == []

    await portal.telephony.show(call_id, [11, 12])
    await page.until(DESKS_WITH_CARDS, ["Boris Petrov", "Clara Sokolova"])

    await portal.telephony.hide(call_id, [12])
    await page.until(DESKS_WITH_CARDS, ["Boris Petrov"])

    await portal.telephony.finish(FinishCall(call_id=call_id, user_id=11, duration=5, status_code="200"))
    await page.until(DESKS_WITH_CARDS, [])


async def test_a_name_that_is_markup_stays_text(page: Page, portal: Portal, office: Office) -> None:
    number = '+7999555<img src=x onerror="document.title=1">'
    call = RegisterCall(user_id=11, phone_number=number, type=2, show=True, external_call_id="2.0")
    await portal.telephony.register(call)

    await page.until(DESKS_WITH_CARDS, ["Boris Petrov"])

    assert await page.value('document.querySelectorAll(".card img").length') == 0
