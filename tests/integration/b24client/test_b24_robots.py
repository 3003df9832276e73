"""Robots of an application: offered, run by the portal's automation, answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from b24_office import Office

from b24client import AccessDenied, Portal, Refused, Robot, RobotProperty, RobotRequest

CALL_BACK = Robot(
    code="call_back",
    handler="https://pbx.example.com/robot",
    name={"en": "Call the client", "ru": "Позвонить клиенту"},
    subscribed=True,
    auth_user_id=11,
    properties={
        "number": RobotProperty(name="Number", required=True),
        "line": RobotProperty(name="Line", type="select", options={"main": "Main"}, default="main"),
    },
    return_properties={"outcome": RobotProperty(name="Outcome")},
    document_types=(("crm", "CCrmDocumentDeal"), ("crm", "CCrmDocumentLead")),
)


class Switchboard:
    """Our side: keeps what the portal posts."""

    def __init__(self) -> None:
        self.forms: asyncio.Queue[dict[str, str]] = asyncio.Queue()

    async def take(self, request: web.Request) -> web.Response:
        assert request.content_type == "application/x-www-form-urlencoded"
        self.forms.put_nowait({key: str(value) for key, value in (await request.post()).items()})
        return web.Response(text="ok")

    async def next(self) -> RobotRequest:
        async with asyncio.timeout(10):
            return RobotRequest.from_form(await self.forms.get())


@pytest.fixture
async def portal(office: Office) -> Portal:
    return await office.installed()


@pytest.fixture
async def switchboard() -> Switchboard:
    return Switchboard()


@pytest.fixture
async def robot(switchboard: Switchboard) -> AsyncIterator[Robot]:
    app = web.Application()
    app.router.add_post("/robot", switchboard.take)
    async with TestServer(app) as server:
        yield CALL_BACK.model_copy(update={"handler": str(server.make_url("/robot"))})


async def reach(office: Office, http: aiohttp.ClientSession, **body: Any) -> dict[str, Any]:
    """A document reaches a robot."""
    async with http.post(f"{office.url}/sandbox/api/robot", json={"code": "call_back", **body}) as answer:
        assert answer.status == 200, await answer.text()
        told = await answer.json()
        assert isinstance(told, dict)
        return told


async def runs(office: Office, http: aiohttp.ClientSession) -> list[dict[str, Any]]:
    async with http.get(f"{office.url}/sandbox/api/robots") as answer:
        found = (await answer.json())["runs"]
    assert isinstance(found, list)
    return found


async def test_a_deal_has_its_client_called(
    office: Office, portal: Portal, robot: Robot, switchboard: Switchboard, http: aiohttp.ClientSession
) -> None:
    assert await portal.robots.offer(robot)
    assert await portal.robots.codes() == ["call_back"]
    document = ["crm", "CCrmDocumentDeal", "DEAL_10"]
    sent = await reach(office, http, document=document, properties={"number": "+79161234567"})
    assert sent["status"] == 200

    request = await switchboard.next()
    assert (request.code, request.document_id) == ("call_back", tuple(document))
    assert request.document_type == ("crm", "CCrmDocumentDeal", "DEAL")
    assert request.properties == {"number": "+79161234567", "line": "main"}
    assert (request.use_subscription, request.timeout_duration > 0, request.ts is not None) == (True, True, True)
    assert request.application_token.get_secret_value() == office.sandbox.access.application_token
    assert request.tokens is not None
    assert (request.tokens.user_id, request.member_id) == (11, office.sandbox.access.member_id)
    assert sent["event_token"] not in repr(request)

    await portal.robots.log(request, "ringing")
    await portal.robots.answer(request, {"outcome": "answered"}, log="talked for 40 s")
    (run,) = await runs(office, http)
    assert (run["answered"], run["return_values"], run["log"]) == (
        True, {"outcome": "answered"}, ["ringing", "talked for 40 s"],
    )  # fmt: skip
    with pytest.raises(AccessDenied):
        await portal.robots.answer(request, {"outcome": "again"})


async def test_nobody_waits_for_a_robot_without_a_subscription(
    office: Office, portal: Portal, robot: Robot, switchboard: Switchboard, http: aiohttp.ClientSession
) -> None:
    await portal.robots.offer(robot.model_copy(update={"subscribed": False, "auth_user_id": None}))
    await reach(office, http)
    request = await switchboard.next()
    assert not request.use_subscription
    assert request.tokens is not None
    assert request.tokens.user_id == 1
    with pytest.raises(AccessDenied):
        await portal.robots.answer(request)
    with pytest.raises(Refused, match="Empty log message"):
        await portal.robots.log(request, "")


async def test_a_robot_offered_again_is_brought_up_to_date(office: Office, portal: Portal) -> None:
    assert await portal.robots.offer(CALL_BACK)
    assert not await portal.robots.offer(CALL_BACK.model_copy(update={"name": "Call them", "subscribed": False}))
    (kept,) = office.sandbox.robots.known
    assert (kept.fields["NAME"], kept.subscribed) == ("Call them", False)
    assert await portal.robots.withdraw("call_back")
    assert not await portal.robots.withdraw("call_back")
    assert await portal.robots.codes() == []


async def test_a_handler_that_is_away(office: Office, portal: Portal, http: aiohttp.ClientSession) -> None:
    await portal.robots.offer(CALL_BACK.model_copy(update={"handler": "http://127.0.0.1:9/"}))
    assert (await reach(office, http))["status"] == 0
    async with http.post(f"{office.url}/sandbox/api/robot", json={"code": "nobody"}) as answer:
        assert answer.status == 404
    async with http.post(f"{office.url}/sandbox/api/robot", json={"code": "call_back", "document": []}) as answer:
        assert answer.status == 400


async def test_an_application_that_is_removed_takes_its_robots_along(
    office: Office, portal: Portal, http: aiohttp.ClientSession
) -> None:
    await portal.robots.offer(CALL_BACK)
    async with http.post(f"{office.url}/sandbox/api/uninstall") as answer:
        assert answer.status == 200
    assert office.sandbox.robots.known == []


async def test_robots_are_an_administrators_business_and_an_applications(office: Office) -> None:
    with pytest.raises(AccessDenied, match="Application context required"):
        await (await office.by_webhook()).robots.offer(CALL_BACK)
    people = office.sandbox.people
    people.users[1] = people.users[1].model_copy(update={"admin": False})
    with pytest.raises(AccessDenied, match="Access denied"):
        await (await office.installed()).robots.offer(CALL_BACK)


GOOD = {"CODE": "r", "HANDLER": "https://pbx.example.com/", "NAME": "R"}


@pytest.mark.parametrize(
    ("params", "code", "text"),
    [
        ({}, "ERROR_ACTIVITY_VALIDATION_FAILURE", "Empty data!"),
        ({**GOOD, "CODE": ""}, "ERROR_ACTIVITY_VALIDATION_FAILURE", "Empty activity code!"),
        ({**GOOD, "CODE": "call back"}, "ERROR_ACTIVITY_VALIDATION_FAILURE", "Wrong activity code!"),
        ({**GOOD, "HANDLER": "ftp://x/"}, "ERROR_UNSUPPORTED_PROTOCOL", "Unsupported handler protocol"),
        ({**GOOD, "HANDLER": "here"}, "ERROR_WRONG_HANDLER_URL", "Wrong handler URL"),
        ({**GOOD, "HANDLER": "http://[x"}, "ERROR_WRONG_HANDLER_URL", "Wrong handler URL"),
        ({**GOOD, "NAME": ""}, "ERROR_ACTIVITY_VALIDATION_FAILURE", "Empty activity NAME!"),
        ({**GOOD, "PROPERTIES": "x"}, "ERROR_ACTIVITY_VALIDATION_FAILURE", "Wrong properties array!"),
        ({**GOOD, "PROPERTIES": {"1": {}}}, "ERROR_ACTIVITY_VALIDATION_FAILURE", "Wrong property key 1!"),
        ({**GOOD, "PROPERTIES": {"a": {}}}, "ERROR_ACTIVITY_VALIDATION_FAILURE", "Empty property NAME a!"),
        ({**GOOD, "FILTER": ["x"]}, "ERROR_ACTIVITY_VALIDATION_FAILURE", "Wrong activity FILTER!"),
        ({**GOOD, "DOCUMENT_TYPE": ["crm"]}, "ERROR_ACTIVITY_VALIDATION_FAILURE", "Wrong activity DOCUMENT_TYPE!"),
    ],
)
async def test_robots_that_can_not_be(portal: Portal, params: dict[str, Any], code: str, text: str) -> None:
    for method in ("bizproc.robot.add", "bizproc.activity.add"):
        with pytest.raises(Refused) as refused:
            await portal.call(method, params)
        assert (refused.value.code, refused.value.description) == (code, text)


async def test_robots_and_actions_are_told_apart(portal: Portal) -> None:
    for kind in ("robot", "activity"):
        assert await portal.call(f"bizproc.{kind}.add", GOOD) is True
        with pytest.raises(Refused) as twice:
            await portal.call(f"bizproc.{kind}.add", GOOD)
        assert twice.value.code == "ERROR_ACTIVITY_ALREADY_INSTALLED"
        with pytest.raises(Refused, match="No fields to update"):
            await portal.call(f"bizproc.{kind}.update", {"CODE": "r", "FIELDS": {}})
        assert await portal.call(f"bizproc.{kind}.update", {"CODE": "r", "FIELDS": {"NAME": "Q"}}) is True
    assert await portal.call("bizproc.robot.delete", {"CODE": "r"}) is True
    with pytest.raises(Refused) as gone:
        await portal.call("bizproc.robot.update", {"CODE": "r", "FIELDS": {"NAME": "Q"}})
    assert gone.value.code == "ERROR_ACTIVITY_NOT_FOUND"
    assert await portal.call("bizproc.activity.list") == ["r"]
    assert await portal.call("bizproc.activity.delete", {"CODE": "r"}) is True
