"""The application in the portal's pages, in a real browser: frames, their POST, BX24, the buttons of the call card."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from b24_browser import CHROMIUM, Page, browsed
from b24_office import Office

from b24client import FinishCall, PlacementRequest, Portal, RegisterCall

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine; scripts/test installs it")

PAGE = """<!doctype html><title>Our page</title><body style="font: 14px sans-serif">
<h1 style="font-size: 1rem">%(who)s</h1><p id="text">of the telephone system</p>
<script src="%(portal)s/sandbox/api.js"></script>
<script>
  const tell = (told) => fetch("/told/%(who)s", {method: "POST", body: JSON.stringify(told)});
  const watch = (name) => BX24.placement.bindEvent(name, (...args) => tell({event: name, args}));
  async function obey() {
    for (;;) {
      const order = await (await fetch("/orders/%(who)s")).json();
      new Function("done", order.script)((...result) => tell({order: order.number, result}));
    }
  }
  BX24.install(() => tell({event: "install", args: []}));
  BX24.init(() => { tell({event: "init", args: [BX24.placement.info()]}); obey(); });
</script>"""


class Application:
    """Our application's server: its pages, what they were posted, what they tell and are told to do."""

    def __init__(self, portal: str) -> None:
        self.portal = portal
        self.url = ""
        self.posted: dict[str, list[PlacementRequest]] = {}
        self.errors: list[bytes] = []
        self._told: dict[str, list[dict[str, Any]]] = {}
        self._news = asyncio.Event()
        self._orders: dict[str, asyncio.Queue[dict[str, Any]]] = {}
        self._number = 0

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/page/{who}", self._page),
            web.post("/told/{who}", self._hear),
            web.get("/orders/{who}", self._order),
            web.post("/error", self._error),
        ]

    async def _page(self, request: web.Request) -> web.Response:
        who = request.match_info["who"]
        posted = PlacementRequest.from_form(await request.read(), request.query_string)
        self.posted.setdefault(who, []).append(posted)
        return web.Response(text=PAGE % {"who": who, "portal": self.portal}, content_type="text/html")

    async def _hear(self, request: web.Request) -> web.Response:
        self._told.setdefault(request.match_info["who"], []).append(await request.json())
        self._news.set()
        return web.Response()

    async def _order(self, request: web.Request) -> web.Response:
        return web.json_response(await self._queue(request.match_info["who"]).get())

    async def _error(self, request: web.Request) -> web.Response:
        self.errors.append(await request.read())
        return web.Response()

    def _queue(self, who: str) -> asyncio.Queue[dict[str, Any]]:
        return self._orders.setdefault(who, asyncio.Queue())

    async def _until(self, who: str, key: str, value: Any) -> dict[str, Any]:
        async with asyncio.timeout(15):
            while True:
                told = self._told.setdefault(who, [])
                for index, item in enumerate(told):
                    if item.get(key) == value:
                        return told.pop(index)
                self._news.clear()
                await self._news.wait()

    async def event(self, who: str, name: str) -> list[Any]:
        """What came along with the next event of a page."""
        args: list[Any] = (await self._until(who, "event", name))["args"]
        return args

    async def run(self, who: str, script: str) -> Any:
        """Have a page run a script; what it hands to `done`."""
        self._number += 1
        self._queue(who).put_nowait({"number": self._number, "script": script})
        result = (await self._until(who, "order", self._number))["result"]
        return result[0] if result else None

    async def watch(self, who: str, *events: str) -> None:
        await self.run(who, "".join(f"watch({orjson.dumps(name).decode()});" for name in events) + "done()")


@pytest.fixture
async def portal(office: Office) -> Portal:
    return await office.installed()


@pytest.fixture
async def app(office: Office) -> AsyncIterator[Application]:
    application = Application(office.url)
    served = web.Application()
    served.add_routes(application.routes())
    async with TestServer(served) as server:
        application.url = str(server.make_url("/")).rstrip("/")
        yield application


@pytest.fixture
async def desk(office: Office, http: aiohttp.ClientSession, tmp_path: Path) -> AsyncIterator[Any]:
    """Opens the desktops in a browser, once everything is bound."""
    async with AsyncExitStack() as stack:

        async def opened() -> Page:
            page = await stack.enter_async_context(browsed(f"{office.url}/sandbox/", http, tmp_path))
            await page.until('document.querySelectorAll(".desk").length > 3', True)
            return page

        yield opened


async def with_worker(portal: Portal, app: Application) -> None:
    await portal.placements.bind(
        "PAGE_BACKGROUND_WORKER", f"{app.url}/page/worker", user_id=11, options={"errorHandlerUrl": f"{app.url}/error"}
    )


async def ring(portal: Portal, number: str = "+79161234567", user_id: int = 11) -> str:
    call = RegisterCall(
        user_id=user_id, phone_number=number, type=2, show=True, external_call_id=number, line_number="7495"
    )
    return (await portal.telephony.register(call)).call_id


def button(name: str) -> str:
    return f"document.querySelector('.card:not(.closing) [data-act={name}]')"


async def press(page: Page, name: str) -> None:
    await page.until(f"Boolean({button(name)})", True)
    await page.value(f"{button(name)}.click()")


async def look(page: Page, name: str) -> None:
    """Keep a picture where somebody wants to look at it."""
    if folder := os.environ.get("B24_PICTURES"):
        await asyncio.sleep(0.5)
        await page.picture(Path(folder) / f"{name}.png")


async def test_the_background_worker_lives_behind_the_card(
    office: Office, portal: Portal, app: Application, desk: Any
) -> None:
    await with_worker(portal, app)
    await portal.placements.bind("CALL_CARD", f"{app.url}/page/tab", title="Our tab")
    page = await desk()
    (info,) = await app.event("worker", "init")
    assert info["placement"] == "PAGE_BACKGROUND_WORKER"
    assert info["options"]["ID"] == "PAGE_BACKGROUND_WORKER"
    (posted,) = app.posted["worker"]
    assert posted.verified(office.sandbox.access.application_token, office.sandbox.access.member_id)
    assert posted.tokens is not None
    assert (posted.https, posted.language, f"http://{posted.domain}") == (False, "en", office.url)

    names = (await app.run("worker", "BX24.placement.getInterface(done)"))["event"]
    assert len(names) == 17
    await app.watch("worker", *names)
    undefined = [{"result": "error", "errorCode": "Call card is undefined"}]
    assert await app.run("worker", "BX24.placement.call('CallCardSetMute', {muted: true}, done)") == undefined
    assert len(await app.run("worker", "BX24.placement.call('CallCardGetListUiStates', {}, done)")) == 12

    call_id = await ring(portal)
    (card,) = await app.event("worker", "BackgroundCallCard::initialized")
    assert card["CALL_ID"] == call_id
    assert (card["CRM_ENTITY_TYPE"], card["CRM_ENTITY_ID"], card["CALL_LIST_MODE"]) == ("CONTACT", 501, False)
    assert (card["CALL_DIRECTION"], card["CALL_STATE"]) == ("incoming", "connecting")
    await press(page, "answer")
    assert await app.event("worker", "BackgroundCallCard::answerButtonClick") == []

    assert await app.run("worker", "BX24.placement.call('CallCardSetUiState', {uiState: 'connected'}, done)") == []
    await press(page, "mute")
    assert await app.event("worker", "BackgroundCallCard::muteButtonClick") == [True]
    await press(page, "hold")
    assert await app.event("worker", "BackgroundCallCard::holdButtonClick") == [True]
    await press(page, "transfer")
    await look(page, "transfer")
    await page.value(
        "(() => { const form = document.querySelector('.ask'); form.querySelector('input').value = '102';"
        " form.requestSubmit(); })()"
    )
    (transfer,) = await app.event("worker", "BackgroundCallCard::transferButtonClick")
    assert transfer == {"phoneNumber": "102", "target": 12}
    await press(page, "dialpad")
    await page.value("[...document.querySelectorAll('.choose .act')].find(key => key.textContent === '#').click()")
    assert await app.event("worker", "BackgroundCallCard::dialpadButtonClick") == ["#"]

    for command, wrong in (
        ("'CallCardSetUiState', {uiState: 'flying'}", [{"result": "error", "errorCode": "Invalid ui state"}]),
        ("'CallCardSetHold', {}", {"result": "error", "errorCode": "missing field held"}),
        ("'CallCardSetCardTitle', {}", {"result": "error", "errorCode": "missing field title"}),
    ):
        assert await app.run("worker", f"BX24.placement.call({command}, done)") == wrong
    await app.run("worker", "BX24.placement.call('CallCardSetCardTitle', {title: 'Best client'}, done)")
    await app.run("worker", "BX24.placement.call('CallCardSetStatusText', {statusText: 'talking'}, done)")
    assert await page.value("document.querySelector('.card .client').textContent") == "Best client"
    assert await page.value("document.querySelector('.card .told').textContent") == "talking"
    await look(page, "connected")

    await press(page, "hangup")
    assert await app.event("worker", "BackgroundCallCard::hangupButtonClick") == []
    await portal.telephony.finish(FinishCall(call_id=call_id, user_id=11, duration=5, status_code="200"))
    await page.until("document.querySelectorAll('.card:not(.closing)').length", 0)
    assert await app.run("worker", "BX24.placement.call('CallCardClose', {}, done)") == undefined


async def test_only_the_cards_of_ones_own_calls_have_buttons(portal: Portal, app: Application, desk: Any) -> None:
    await with_worker(portal, app)
    page = await desk()
    await app.event("worker", "init")
    await ring(portal, "+79995550100", user_id=12)  # a desk without a worker
    await page.until("document.querySelectorAll('.card').length", 1)
    assert await page.value("document.querySelector('.card .controls').hidden") is True


async def test_a_tab_of_the_card_knows_its_call(office: Office, portal: Portal, app: Application, desk: Any) -> None:
    await portal.call("telephony.externalLine.add", {"NUMBER": "7495", "NAME": "Main"})
    await portal.placements.bind("CALL_CARD", f"{app.url}/page/tab", title="Our tab")
    page = await desk()
    call_id = await ring(portal)
    await page.until("document.querySelectorAll('.card .tab').length", 2)
    await page.value("document.querySelectorAll('.card .tab')[1].click()")
    await app.event("tab", "init")
    (posted,) = app.posted["tab"]
    assert (posted.placement, posted.call_id) == ("CALL_CARD", call_id)
    assert posted.options == {
        "CALL_ID": call_id, "PHONE_NUMBER": "+79161234567", "LINE_NUMBER": "7495", "LINE_NAME": "Main",
        "CRM_ENTITY_TYPE": "CONTACT", "CRM_ENTITY_ID": "501", "CRM_ACTIVITY_ID": "undefined",
        "CRM_BINDINGS": [{"ENTITY_TYPE": "CONTACT", "ENTITY_ID": "501"}], "CALL_DIRECTION": "incoming",
        "CALL_STATE": "connecting", "CALL_LIST_MODE": "false", "URI": "/",
    }  # fmt: skip
    status = await app.run("tab", "BX24.placement.call('getStatus', done)")
    assert (status["CRM_ENTITY_ID"], status["CALL_LIST_MODE"], status["CALL_STATE"]) == (501, False, "connecting")
    await look(page, "tab")

    events = ["CallCard::CallStateChanged", "CallCard::BeforeClose"]
    await app.watch("tab", *events)
    assert await app.run("tab", "BX24.placement.call('disableAutoClose', {}, done)") == []
    await portal.telephony.finish(FinishCall(call_id=call_id, user_id=11, status_code="304"))
    assert await app.event("tab", "CallCard::CallStateChanged") == ["idle", {"failedCode": "304"}]
    assert await page.value("document.querySelectorAll('.card:not(.closing)').length") == 1  # it stays a while
    await app.run("tab", "BX24.placement.call('enableAutoClose', {}, done); done([])")
    await page.until("document.querySelectorAll('.card:not(.closing)').length", 0)


async def test_an_application_with_a_page_is_installed_there(
    office: Office, portal: Portal, app: Application, desk: Any, http: aiohttp.ClientSession
) -> None:
    async with http.post(f"{office.url}/sandbox/api/install_page", json={"handler": f"{app.url}/page/main"}) as answer:
        assert (await answer.json())["unfinished"] is True
    await portal.placements.bind("CALL_CARD", f"{app.url}/page/tab")
    page = await desk()
    await look(page, "unfinished")
    assert await page.value("document.getElementById('unfinished').hidden") is False
    await page.value("document.getElementById('install').click()")
    await app.event("main", "install")
    assert app.posted["main"][0].placement == "DEFAULT"
    await ring(portal)
    await page.until("document.querySelectorAll('.card').length", 1)
    assert await page.value("document.querySelector('.card .tabs').hidden") is True  # not before the end

    await app.run("main", "done(); BX24.installFinish()")
    await page.until("document.getElementById('unfinished').hidden", True)
    assert office.sandbox.access.installed
    await page.until("document.querySelectorAll('.card .tab').length", 2)
    assert (await portal.app_info()).installed


async def test_a_page_asks_the_portal_in_its_users_name(
    office: Office, portal: Portal, app: Application, desk: Any, http: aiohttp.ClientSession
) -> None:
    async with http.post(f"{office.url}/sandbox/api/install_page", json={"handler": f"{app.url}/page/main?x=1"}):
        office.sandbox.access.finish_installation()
    await portal.placements.bind("REST_APP_URI", f"{app.url}/page/uri", title="By address")
    page = await desk()
    clara = "[...document.querySelectorAll('.desk')].find(desk => desk.textContent.includes('Clara'))"
    await page.value(f"{clara}.querySelector('.apps menu button').click()")
    await app.event("main", "init")
    await look(page, "slider")
    run = app.run
    assert await run("main", "BX24.callMethod('user.current', {}, r => done(r.data().ID))") == "12"
    office.sandbox.access.expire_all()
    assert await run("main", "BX24.callMethod('user.current', {}, r => done(r.data().ID))") == "12"
    users = "BX24.callMethod('user.get', {FILTER: {ID: [11, 12]}}, r => done([r.total(), r.more(), r.error()]))"
    assert await run("main", users) == [2, False, False]
    wrong = "BX24.callMethod('no.such', {}, r => done([String(r.error()), r.error().getError().error]))"
    text, code = await run("main", wrong)
    assert code == "ERROR_METHOD_NOT_FOUND"
    assert "Method not found" in text
    batch = """
        BX24.callBatch({me: ['user.current', {}], it: {method: 'user.get', params: {FILTER: {ID: '$result[me][ID]'}}},
                        bad: ['no.such', {}]}, r => done([r.me.data().ID, r.it.data()[0].ID, r.bad.error().ex.error]))
    """
    assert await run("main", batch) == ["12", "12", "ERROR_METHOD_NOT_FOUND"]
    assert await run("main", "done([BX24.isAdmin(), BX24.getLang(), BX24.getDomain()])") == [
        False, "en", office.url.partition("://")[2]
    ]  # fmt: skip
    auth = await run("main", "BX24.refreshAuth(done)")
    assert office.sandbox.access.token(auth["access_token"]).user_id == 12
    await run("main", "BX24.fitWindow(done)")
    await run("main", "BX24.setTitle('Renamed', done)")
    assert await page.value("document.getElementById('slider-title').textContent") == "Renamed"

    assert await run("main", "BX24.openPath('/etc/passwd', done)") == {
        "result": "error", "errorCode": "PATH_NOT_AVAILABLE"
    }  # fmt: skip
    await run("main", "done(); BX24.openApplication({order: 7})")
    (info,) = await app.event("uri", "init")
    assert info == {"placement": "REST_APP_URI", "options": {"order": "7"}}
    await run("uri", "done(); BX24.closeApplication()")
    await page.until("document.getElementById('slider').hidden", True)


async def test_a_worker_that_loads_too_slowly_too_often_is_thrown_out(
    office: Office, portal: Portal, app: Application, http: aiohttp.ClientSession
) -> None:
    await with_worker(portal, app)
    (place,) = office.sandbox.placements.all
    order = {"placement_id": place.id, "seconds": 6, "times": 10}
    async with http.post(f"{office.url}/sandbox/api/worker_overtime", json=order) as answer:
        assert await answer.json() == {"kept": True}
    async with http.post(f"{office.url}/sandbox/api/worker_overtime", json={**order, "times": 1}) as answer:
        assert await answer.json() == {"kept": False}
    assert await portal.placements.list() == []
    assert b"ERROR_PLACEMENT_LOADING_OVERTIME" in app.errors[0]
    assert b"access_token" not in app.errors[0]
