"""Places in the portal's pages: bound once, refused with documented words, opened with the documented form."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from b24_office import Office

from b24client import (
    AccessDenied,
    BadReply,
    MemoryTokenStore,
    OAuthAuth,
    PlacementCode,
    PlacementRequest,
    Portal,
    Refused,
    UnknownOutcome,
)

HANDLER = "https://app.example/frame"
ERRORS = {"errorHandlerUrl": "https://app.example/error"}


@pytest.fixture
async def portal(office: Office) -> Portal:
    return await office.installed()


async def test_a_place_is_filled_once_however_often_one_says_so(portal: Portal) -> None:
    languages = {"de": {"TITLE": "Anruf", "DESCRIPTION": "", "GROUP_NAME": ""}}
    assert await portal.placements.bind(PlacementCode.CALL_CARD, HANDLER, title="Call", languages=languages)
    assert not await portal.placements.bind("CALL_CARD", HANDLER, title="Call")
    (place,) = await portal.placements.list()
    assert (place.placement, place.handler, place.title, place.user_id) == ("CALL_CARD", HANDLER, "Call", None)
    assert (place.options, place.lang_all) == ({}, languages)
    assert await portal.placements.unbind("CALL_CARD", "https://other.example/") is False
    assert await portal.placements.unbind("CALL_CARD") is True
    assert await portal.placements.list() == []


async def test_refusals_under_http_200_are_refusals(office: Office, portal: Portal) -> None:
    bind = portal.placements.bind
    for params, code in (
        ({"placement": "PAGE_BACKGROUND_WORKER", "handler": HANDLER}, "EMPTY_ERROR_HANDLER_URL"),
        ({"placement": "CALL_CARD", "handler": HANDLER, "user_id": 11}, "ERROR_PLACEMENT_USER_MODE"),
        ({"placement": "", "handler": HANDLER}, "ERROR_ARGUMENT"),
    ):
        with pytest.raises(Refused) as refused:
            await bind(**params)
        assert (refused.value.code, refused.value.status) == (code, 200)
    await bind("PAGE_BACKGROUND_WORKER", HANDLER, options=ERRORS)
    await bind("PAGE_BACKGROUND_WORKER", HANDLER, options=ERRORS, user_id=11)
    with pytest.raises(Refused) as refused:
        await bind("PAGE_BACKGROUND_WORKER", "https://app.example/second", options=ERRORS)
    assert (refused.value.code, refused.value.status) == ("ERROR_PLACEMENT_MAX_COUNT", 200)
    assert [place.user_id for place in await portal.placements.list()] == [None, 11]
    assert await portal.placements.unbind("PAGE_BACKGROUND_WORKER", user_id=11)
    assert [place.user_id for place in await portal.placements.list()] == [None]


@pytest.mark.parametrize(
    ("method", "params", "status", "code", "argument"),
    [
        ("placement.bind", {}, 200, "ERROR_ARGUMENT", "PLACEMENT"),
        ("placement.bind", {"PLACEMENT": "CALL_CARD"}, 200, "ERROR_ARGUMENT", "HANDLER"),
        ("placement.bind", {"PLACEMENT": "X", "HANDLER": HANDLER}, 400, "ERROR_PLACEMENT_NOT_FOUND", None),
        ("placement.bind", {"PLACEMENT": "CALL_CARD", "HANDLER": "ftp://x"}, 400, "ERROR_UNSUPPORTED_PROTOCOL", None),
        ("placement.bind", {"PLACEMENT": "CALL_CARD", "HANDLER": "http://"}, 400, "ERROR_WRONG_HANDLER_URL", None),
        ("placement.bind", {"PLACEMENT": "CALL_CARD", "HANDLER": "http://["}, 400, "ERROR_WRONG_HANDLER_URL", None),
        ("placement.unbind", {}, 400, "ERROR_ARGUMENT", "PLACEMENT"),
        ("placement.unbind", {"PLACEMENT": {"a": 1}}, 400, "ERROR_ARGUMENT", "PLACEMENT"),
    ],
)
async def test_refusals_name_the_argument(
    office: Office, http: aiohttp.ClientSession, method: str, params: dict[str, Any], status: int, code: str,
    argument: str | None,
) -> None:  # fmt: skip
    token = office.sandbox.access.grant(1, office.url)["access_token"]
    async with http.post(f"{office.url}/rest/{method}", json={"auth": token, **params}) as answer:
        body = await answer.json()
    assert (answer.status, body["error"], body.get("argument")) == (status, code, argument)


async def test_who_may_not_fill_places(office: Office, http: aiohttp.ClientSession) -> None:
    with pytest.raises(AccessDenied, match="Application context required"):
        await (await office.by_webhook()).placements.list()
    token = office.sandbox.access.grant(12, office.url)["access_token"]
    body = {"auth": token, "PLACEMENT": "CALL_CARD", "HANDLER": HANDLER}
    async with http.post(f"{office.url}/rest/placement.bind", json=body) as answer:
        assert (answer.status, (await answer.json())["error"]) == (403, "ACCESS_DENIED")


async def test_the_portal_counts_each_removal_twice(portal: Portal) -> None:
    await portal.placements.bind("CALL_CARD", HANDLER)
    assert await portal.call("placement.unbind", {"PLACEMENT": "CALL_CARD"}) == {"count": 2}


async def test_a_lost_answer_is_looked_after(office: Office, portal: Portal) -> None:
    office.trouble(kind="lose_reply", times=1, methods=["placement.bind"])
    assert await portal.placements.bind("CALL_CARD", HANDLER)
    office.trouble(kind="reset", times=1, methods=["placement.bind"])
    with pytest.raises(UnknownOutcome):
        await portal.placements.bind("CALL_CARD", "https://app.example/second")


async def test_which_places_there_are(office: Office, portal: Portal) -> None:
    assert {"CALL_CARD", "PAGE_BACKGROUND_WORKER", "CRM_DEAL_DETAIL_TAB"} <= set(await portal.placements.codes())
    assert await portal.placements.codes("telephony") == ["CALL_CARD", "TELEPHONY_ANALYTICS_MENU"]
    office.sandbox.config.app.scope = ["placement"]
    plain = await office.installed()
    assert "CALL_CARD" not in await plain.placements.codes()
    assert "CALL_CARD" in await plain.call("placement.list", {"FULL": True})
    with pytest.raises(Refused):
        await plain.placements.bind("CALL_CARD", HANDLER)


async def test_a_frame_is_opened_with_the_documented_form(
    office: Office, portal: Portal, http: aiohttp.ClientSession
) -> None:
    await portal.placements.bind("CRM_DEAL_DETAIL_TAB", f"{HANDLER}?kind=deal")
    (place,) = office.sandbox.placements.all
    frames = f"{office.url}/sandbox/api/frames"
    async with http.post(frames, json={"user_id": 12, "placement_id": place.id}) as answer:
        opened = await answer.json()
    address, _, query = opened["action"].partition("?")
    assert address == HANDLER
    assert query.startswith("kind=deal&DOMAIN=")
    request = PlacementRequest.from_form(opened["fields"], query)
    assert request.verified(office.sandbox.access.application_token)
    assert request.app_sid == opened["sid"]
    assert request.tokens is not None
    assert office.sandbox.access.token(request.tokens.access_token.get_secret_value()).user_id == 12
    for wrong in ({"user_id": 999}, {"user_id": 12, "placement_id": 77}, {"user_id": 12}):
        async with http.post(frames, json=wrong) as answer:
            assert answer.status == 400
    async with http.post(f"{frames}/00ff/auth") as answer:
        assert answer.status == 404


async def test_a_portal_answers_what_nobody_expects(office: Office) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"result": "nonsense"})

    app = web.Application()
    app.router.add_post("/rest/{method}", answer)
    async with TestServer(app) as server:
        store = MemoryTokenStore(office.tokens().model_copy(update={"client_endpoint": ""}))
        async with Portal(OAuthAuth(str(server.make_url("/")), "c", "s", store), allow_http=True) as portal:
            for ask in (portal.placements.list, portal.placements.codes, lambda: portal.placements.unbind("CALL_CARD")):
                with pytest.raises(BadReply):
                    await ask()
