"""The page of the employees' desktops, in a real browser: cards pop up and close while it is being looked at."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from b24_browser import CHROMIUM, Page, browsed
from b24_office import Office

from b24client import FinishCall, Portal, RegisterCall

DESKS_WITH_CARDS = """
    [...document.querySelectorAll(".desk")].filter(desk => desk.querySelector(".card:not(.closing)"))
        .map(desk => desk.querySelector(".name").textContent).sort()
"""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine; scripts/test installs it")


@pytest.fixture
async def page(office: Office, http: aiohttp.ClientSession, tmp_path: Path) -> AsyncIterator[Page]:
    async with browsed(f"{office.url}/sandbox/", http, tmp_path) as opened:
        await opened.until('document.querySelectorAll(".desk").length > 3', True)
        yield opened


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
