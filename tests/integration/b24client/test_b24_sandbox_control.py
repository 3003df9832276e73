"""The sandbox's other side: what tests, demonstrations and people see and do there."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from b24_office import Office

from b24client import FinishCall, Portal, Refused, RegisterCall, StatusCode, decode_form
from b24client.sandbox import SandboxConfig, SeedClient


@pytest.fixture
async def portal(office: Office) -> Portal:
    return await office.installed()


@pytest.fixture
async def handler() -> AsyncIterator[tuple[str, list[dict[str, object]]]]:
    """Our own address for events, and what was posted to it."""
    posted: list[dict[str, object]] = []

    async def take(request: web.Request) -> web.Response:
        posted.append(decode_form(await request.text()))
        return web.Response()

    app = web.Application()
    app.router.add_post("/", take)
    async with TestServer(app) as server:
        yield str(server.make_url("/")), posted


async def register(portal: Portal, external: str = "pbx-1") -> str:
    call = RegisterCall.model_validate(
        {"user_id": 11, "phone_number": "+79161234567", "type": 2, "external_call_id": external, "line_number": "7495"}
    )
    return (await portal.telephony.register(call)).call_id


def finish(call_id: str) -> FinishCall:
    return FinishCall(call_id=call_id, user_id=12, duration=7, status_code=StatusCode.SUCCESS)


async def test_the_story_of_a_call(office: Office, portal: Portal, http: aiohttp.ClientSession) -> None:
    call_id = await register(portal)
    await portal.telephony.show(call_id, [11, 12])
    await portal.telephony.hide(call_id, 11)
    await portal.telephony.finish(finish(call_id))
    async with http.get(f"{office.url}/sandbox/api/calls", params={"external_call_id": "pbx-1"}) as answer:
        (call,) = await answer.json()
    assert (call["phone_number"], call["line_number"], call["type"]) == ("+79161234567", "7495", 2)
    assert (call["crm_entity_type"], call["crm_entity_id"]) == ("CONTACT", 501)
    assert [(card["user_id"], card["shown_by"], card["how"]) for card in call["cards"]] == [
        (11, "show", "hide"),
        (12, "show", "finish"),
    ]
    assert (call["finish"]["user_id"], call["finish"]["duration"], call["finish"]["status_code"]) == (12, 7, "200")
    assert [request["method"].rpartition(".")[2] for request in call["requests"]] == [
        "register", "show", "hide", "finish"
    ]  # fmt: skip


async def test_the_audit_finds_what_was_done_wrong(office: Office, portal: Portal, http: aiohttp.ClientSession) -> None:
    first = await register(portal)
    await portal.telephony.finish(finish(first))
    with pytest.raises(Refused):
        await portal.telephony.finish(finish(first))
    await portal.telephony.show(first, 11)
    await register(portal)  # the same EXTERNAL_CALL_ID again, and never finished
    async with http.get(f"{office.url}/sandbox/api/audit") as answer:
        found = {finding["invariant"] for finding in await answer.json()}
    assert found == {"registered twice", "not finished", "finished twice", "card after the end", "rejected request"}


async def test_a_clean_call_leaves_nothing_to_complain_about(office: Office, portal: Portal) -> None:
    await portal.telephony.finish(finish(await register(portal)))
    command = [sys.executable, "-m", "b24client.sandbox.cli", "audit", "--json", "--url", office.url]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    out, _ = await process.communicate()
    assert (process.returncode, orjson.loads(out)) == (0, [])


async def test_requests_are_kept_without_secrets(office: Office, portal: Portal, http: aiohttp.ClientSession) -> None:
    await portal.call("user.get", {"FILTER": {"ID": 11}})
    async with http.get(f"{office.url}/sandbox/api/requests", params={"method": "user.get"}) as answer:
        (entry,) = await answer.json()
    assert (entry["status"], entry["params"]) == (200, {"FILTER": {"ID": 11}})


async def test_an_employee_clicks_a_number(
    office: Office, portal: Portal, http: aiohttp.ClientSession, handler: tuple[str, list[dict[str, object]]]
) -> None:
    address, posted = handler
    assert await portal.events.bind("ONEXTERNALCALLSTART", address)
    assert not await portal.events.bind("OnExternalCallStart", address)
    click = {"user_id": 12, "phone_number": "+74951234500", "line_number": "7495"}
    async with http.post(f"{office.url}/sandbox/api/call_start", json=click) as answer:
        told = await answer.json()
    assert told["deliveries"] == [{"handler": address, "status": 200}]
    event = posted[0]
    assert event["event"] == "ONEXTERNALCALLSTART"
    assert event["data"] == {
        "PHONE_NUMBER": "+74951234500", "PHONE_NUMBER_INTERNATIONAL": "+74951234500", "EXTENSION": "", "USER_ID": "12",
        "CALL_LIST_ID": "0", "LINE_NUMBER": "7495", "IS_MOBILE": "0", "CALL_ID": told["call_id"],
        "CRM_ENTITY_TYPE": "COMPANY", "CRM_ENTITY_ID": "601",
    }  # fmt: skip
    assert "application_token" in event["auth"]  # type: ignore[operator]
    done = await portal.telephony.finish(finish(told["call_id"]))
    assert done.external_call_id == ""
    assert await portal.events.unbind("ONEXTERNALCALLSTART", address) == 1


async def test_removal_comes_without_tokens(
    office: Office, portal: Portal, http: aiohttp.ClientSession, handler: tuple[str, list[dict[str, object]]]
) -> None:
    address, posted = handler
    await portal.events.bind("ONAPPUNINSTALL", address)
    async with http.post(f"{office.url}/sandbox/api/uninstall") as answer:
        assert await answer.json() == {"statuses": [200]}
    auth = posted[0]["auth"]
    assert isinstance(auth, dict)
    assert "application_token" in auth
    assert "access_token" not in auth


async def test_trouble_begins_and_ends(office: Office, http: aiohttp.ClientSession) -> None:
    profile, faults = f"{office.url}/rest/1/sandboxsecret/profile", f"{office.url}/sandbox/api/faults"
    async with http.post(faults, json={"kind": "error", "status": 502, "body": "<h1>no</h1>"}) as answer:
        assert answer.status == 201
    async with http.post(profile) as answer:
        assert (answer.status, await answer.text()) == (502, "<h1>no</h1>")
    async with http.delete(faults):
        pass
    async with http.post(faults, json={"kind": "down", "times": 1, "methods": ["prof*"]}):
        pass
    with pytest.raises(aiohttp.ClientError):
        await http.post(profile)
    async with http.post(profile) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    ("path", "body", "complaint"),
    [
        ("faults", {"kind": "flood"}, "kind"),
        ("faults", {"kind": "delay", "seconds": -1}, "seconds"),
        ("install", {"handler": "ftp://x"}, "handler"),
        ("call_start", {"user_id": 12}, "phone_number"),
        ("call_start", {"user_id": 999, "phone_number": "1"}, "999"),
        ("call_start", [], "dict"),
    ],
)
async def test_wrong_orders_say_what_is_wrong(
    office: Office, http: aiohttp.ClientSession, path: str, body: object, complaint: str
) -> None:
    async with http.post(f"{office.url}/sandbox/api/{path}", json=body) as answer:
        assert answer.status == 400
        assert complaint in await answer.text()


async def test_a_reset_forgets_calls_and_keeps_people(
    office: Office, portal: Portal, http: aiohttp.ClientSession
) -> None:
    await register(portal)
    async with http.post(f"{office.url}/sandbox/api/reset"):
        pass
    async with http.get(f"{office.url}/sandbox/api/calls") as answer:
        assert await answer.json() == []
    assert (await portal.users.list())[0].name == "Anna Director"


async def test_desktops_are_told_of_cards_as_they_open_and_close(
    office: Office, portal: Portal, http: aiohttp.ClientSession
) -> None:
    async with http.get(f"{office.url}/sandbox/live") as stream:

        async def next_of(kind: str) -> object:
            async for line in stream.content:
                if line == f"event: {kind}\n".encode():
                    return orjson.loads((await stream.content.readline()).removeprefix(b"data: "))
            pytest.fail("the stream ended")

        everything = await next_of("all")
        assert [user["id"] for user in everything["users"]] == [1, 11, 12, 13]  # type: ignore[index]
        call_id = await register(portal)
        await next_of("calls")
        await portal.telephony.show(call_id, [11, 12])
        (call,) = await next_of("calls")  # type: ignore[misc]
        assert [card["hidden_at"] for card in call["cards"]] == [None, None]
        await portal.telephony.finish(finish(call_id))
        (call,) = await next_of("calls")  # type: ignore[misc]
        assert call["finish"]["user_id"] == 12
        assert None not in [card["hidden_at"] for card in call["cards"]]


@pytest.mark.parametrize("name", ["", "page/desks.css", "page/desks.js", "page/icon.svg"])
async def test_the_page_needs_nothing_from_elsewhere(office: Office, http: aiohttp.ClientSession, name: str) -> None:
    async with http.get(f"{office.url}/sandbox/{name}") as answer:
        assert answer.status == 200
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        text = (await answer.text()).replace("http://www.w3.org/2000/svg", "")
    assert "http://" not in text
    assert "https://" not in text
    assert "innerHTML" not in text


async def test_no_file_but_the_pages_own_is_served(office: Office, http: aiohttp.ClientSession) -> None:
    for name in ("..%2Fseed.toml", "seed.toml", "%2Fetc%2Fpasswd"):
        async with http.get(f"{office.url}/sandbox/page/{name}") as answer:
            assert answer.status == 404


def test_a_wrong_seed_lists_every_mistake(tmp_path: Path) -> None:
    seed = tmp_path / "seed.toml"
    seed.write_text('country = "Russia"\n[[users]]\nid = 0\nname = "x"\n[limits]\nrates = 3\n')
    with pytest.raises(ValueError, match="country") as wrong:
        SandboxConfig.from_file(seed)
    assert "users.0.id" in str(wrong.value)
    assert "limits.rates" in str(wrong.value)


def test_a_client_of_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="assigned to user 5"):
        SandboxConfig(clients=[SeedClient(id=1, name="x", assigned_by=5)])
