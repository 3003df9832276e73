"""The operator's monitoring asks how the service does."""

import asyncio

import pytest
from http_fakes import BEARER, NOON, World, call_of, dependencies

from stasis_app import __version__
from stasis_app.http import Component, HealthSource, OutboxItem, State, create_http, health


@pytest.fixture
def world() -> World:
    world = World()
    world.components["portal"] = Component("portal", State.OK)
    return world


@pytest.fixture
async def api(world, aiohttp_client):
    sources = (world.source("asterisk", essential=True), world.source("portal"))
    return await aiohttp_client(create_http(dependencies(world, *sources)))


async def test_a_living_process_says_so(api):
    assert await (await api.get("/healthz")).json() == {"status": "alive", "version": __version__, "incidents": []}


@pytest.mark.parametrize(
    ("asterisk", "portal", "status", "verdict"),
    [
        (State.OK, State.OK, 200, "ready"),
        (State.OK, State.DOWN, 200, "degraded"),
        (State.DEGRADED, State.OK, 200, "degraded"),
        (State.DOWN, State.OK, 503, "not ready"),
    ],
)
async def test_readiness_follows_the_components(world, api, asterisk, portal, status, verdict):
    world.components["asterisk"] = Component("asterisk", asterisk, "", True)
    world.components["portal"] = Component("portal", portal)

    answer = await api.get("/readyz")

    assert answer.status == status
    assert (await answer.json())["status"] == verdict


async def test_details_are_for_bearers_of_a_token(world, api):
    world.components["portal"] = Component("portal", State.DOWN, "example.bitrix24.ru: no connection")

    strangers = await (await api.get("/readyz")).json()
    ours = await (await api.get("/readyz", headers=BEARER)).json()

    assert [component["detail"] for component in strangers["components"]] == ["", ""]
    assert ours["components"][1]["detail"] == "example.bitrix24.ru: no connection"


async def test_a_component_that_hangs_or_breaks_is_down(world, aiohttp_client, monkeypatch):
    monkeypatch.setattr(health, "PATIENCE", 0.01)

    async def hang() -> Component:
        await asyncio.Event().wait()
        raise AssertionError

    async def break_() -> Component:
        raise RuntimeError("inner")

    sources = (HealthSource("store", hang, essential=True), HealthSource("portal", break_))
    api = await aiohttp_client(create_http(dependencies(world, *sources)), headers=BEARER)

    answer = await api.get("/readyz")

    assert answer.status == 503
    components = (await answer.json())["components"]
    assert [(c["name"], c["state"], c["detail"]) for c in components] == [
        ("store", "down", "no answer within 0.01 s"),
        ("portal", "down", "RuntimeError"),
    ]


async def test_the_figures_count_calls(world, api):
    world.tell(*call_of("1.1"), *call_of("1.2")[:4])
    world.waiting = [OutboxItem("1.1/2", "1.1", "finish", "open", 3, NOON)]

    text = await (await api.get("/metrics", headers=BEARER)).text()

    assert 'stasis_calls_started_total{direction="inbound"} 2.0' in text
    assert 'stasis_calls_ended_total{answered="yes",direction="inbound"} 1.0' in text
    assert "stasis_calls_live 1.0" in text
    assert "stasis_outbox_waiting 1.0" in text
    assert 'stasis_talk_seconds_sum{direction="inbound"} 60.0' in text
    assert 'stasis_component_up{component="portal"} 1.0' in text


async def test_odd_methods_and_paths_make_no_new_figures(api):
    for method in ("PROPFIND", "PURGE", "REPORT"):
        await api.request(method, f"/nowhere/{method}")

    text = await (await api.get("/metrics", headers=BEARER)).text()

    assert 'stasis_http_requests_total{method="other",route="unknown",status="404"} 3.0' in text


async def test_two_services_in_one_process_count_apart(world, aiohttp_client):
    one, two = World(), World()
    first = await aiohttp_client(create_http(dependencies(one)), headers=BEARER)
    second = await aiohttp_client(create_http(dependencies(two)), headers=BEARER)
    one.tell(*call_of("1.1"))

    assert 'stasis_calls_started_total{direction="inbound"} 1.0' in await (await first.get("/metrics")).text()
    assert 'stasis_calls_started_total{direction="inbound"}' not in await (await second.get("/metrics")).text()
