"""Who gets in."""

import re
from dataclasses import replace

import pytest
from http_fakes import BEARER, TOKEN, World, call_of, dependencies

from stasis_app.http import create_http
from stasis_app.http.routes import ROUTES

GUARDED = [(route.method, re.sub(r"\{\w+\}", "101", route.path)) for route in ROUTES if route.token]


@pytest.fixture
async def api(aiohttp_client):
    return await aiohttp_client(create_http(dependencies(World())))


@pytest.mark.parametrize(("method", "path"), GUARDED)
@pytest.mark.parametrize("header", [None, "Bearer wrong", "Bearer ", "Basic dTpw", f"Basic {TOKEN}", "Bearer пароль"])
async def test_without_a_right_token_nothing_is_told(api, method, path, header):
    headers = {"Authorization": header} if header else {}

    answer = await api.request(method, path, headers=headers)

    assert answer.status == 401
    assert answer.content_type == "application/problem+json"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_an_instance_another_one_has_taken_over_from_takes_no_orders(aiohttp_client):
    """It was frozen, and what was asked of it meanwhile would be done by nobody."""
    world = World()
    ours = True

    async def may_act() -> bool:
        return ours

    api = await aiohttp_client(create_http(replace(dependencies(world), may_act=may_act)), headers=BEARER)
    wish = {"do_not_disturb": True}
    assert (await api.put("/api/v1/extensions/101", json=wish)).status == 200

    ours = False
    refused = await api.put("/api/v1/extensions/102", json=wish)
    assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
    assert "Another instance has taken over" in (await refused.json())["detail"]
    assert (await (await api.get("/api/v1/extensions/102")).json())["do_not_disturb"] is False


async def test_every_configured_token_is_good(aiohttp_client):
    api = await aiohttp_client(create_http(dependencies(World(), tokens=("first-token", "second-token"))))

    for token in ("first-token", "second-token"):
        assert (await api.get("/api/v1/calls", headers={"Authorization": f"bearer {token}"})).status == 200


async def test_health_and_the_document_need_no_token(api):
    for path in ("/healthz", "/readyz", "/api/v1/openapi.json", "/"):
        assert (await api.get(path)).status == 200


async def test_without_tokens_only_this_machine_is_served(aiohttp_client):
    api = await aiohttp_client(create_http(dependencies(World(), tokens=())))

    assert (await api.get("/api/v1/calls")).status == 200
    # A page elsewhere whose name was made to point at this machine.
    assert (await api.get("/api/v1/calls", headers={"Host": "evil.example"})).status == 403


async def test_what_callers_call_themselves_never_becomes_markup(aiohttp_client):
    world = World()
    world.tell(*call_of("1.1", name="</script><script>alert(1)</script>")[:2])
    api = await aiohttp_client(create_http(dependencies(world)), headers=BEARER)

    page = await api.get("/")

    assert "alert(1)" not in await page.text()
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
