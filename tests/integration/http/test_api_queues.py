"""A program looks at queues and moves agents over the API."""

from dataclasses import replace

import pytest
from http_fakes import BEARER, World, dependencies

from stasis_app.http import create_http
from stasis_app.queue_adapters import QueueFigures
from stasis_app.queues import Place, Queues, QueueSettings, Strategy

AGENTS = "/api/v1/queues/sales/agents"


@pytest.fixture
def queues() -> Queues:
    queues = Queues(clock=lambda: 1_772_000_000.0)
    queues.queue("sales", QueueSettings(agents=("101", "102"), strategy=Strategy.LINEAR))
    return queues


@pytest.fixture
async def api(queues, aiohttp_client):
    return await aiohttp_client(create_http(replace(dependencies(World()), queues=queues)), headers=BEARER)


def waits(queues: Queues, call_id: str, since: float, **more: object) -> Place:
    place = Place(call_id, since, number="+79161234567", **more)
    queues.get("sales").enter(place)
    return place


async def test_a_queue_says_who_waits_and_who_is_rung(queues, api):
    waits(queues, "2.0", 1_771_999_990.0)
    waits(queues, "call-back-1.0", 1_771_999_980.0, call_back=True)

    (queue,) = (await (await api.get("/api/v1/queues")).json())["queues"]

    assert queue["strategy"] == "linear"
    assert [(place["call_id"], place["call_back"], place["ringing"]) for place in queue["waiting"]] == [
        ("1.0", True, ["102"]),
        ("2.0", False, ["101"]),
    ]
    assert queue["waiting"][1]["since"] == "2026-02-25T06:13:10Z"
    assert [agent["state"] for agent in queue["agents"]] == ["free", "free"]
    assert await (await api.get("/api/v1/queues/sales")).json() == queue


async def test_an_agent_signs_out_and_in_again(queues, api):
    assert (await api.delete(f"{AGENTS}/101")).status == 204
    assert (await (await api.get(f"{AGENTS}/101")).json())["state"] == "out"

    answer = await api.put(f"{AGENTS}/101", json={})

    assert (await answer.json())["state"] == "free"


async def test_an_agent_pauses_with_a_reason_and_goes_on(queues, api):
    paused = await (await api.put(f"{AGENTS}/101", json={"paused": True, "reason": "lunch"})).json()
    back = await (await api.put(f"{AGENTS}/101", json={"paused": False})).json()

    assert (paused["state"], paused["reason"]) == ("paused", "lunch")
    assert (back["state"], back["reason"]) == ("free", "")


async def test_an_extension_the_plan_does_not_list_is_added(queues, api):
    await api.put(f"{AGENTS}/105", json={})

    assert queues.get("sales").members == ["101", "102", "105"]


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("GET", "/api/v1/queues/nobody", 404, "no queue 'nobody'"),
        ("GET", f"{AGENTS}/999", 404, "'999' does not serve"),
        ("DELETE", f"{AGENTS}/999", 404, "'999' does not serve"),
        ("PUT", f"{AGENTS}/sales", 404, "1 to 11 digits"),
        ("PUT", "/api/v1/queues/nobody/agents/101", 404, "no queue 'nobody'"),
    ],
)
async def test_what_is_not_there_is_said(api, method, path, status, said):
    answer = await api.request(method, path, json={} if method == "PUT" else None)

    assert answer.status == status
    assert said in (await answer.json())["detail"]


async def test_wrong_fields_are_named(api):
    answer = await api.put(f"{AGENTS}/101", json={"paused": "perhaps", "color": "red"})

    assert answer.status == 422
    assert {error["field"] for error in (await answer.json())["errors"]} == {"body.paused", "body.color"}


async def test_the_figures_count_who_waits_and_who_serves(queues):
    waits(queues, "2.0", 1_771_999_990.0)
    queues.pause("102", paused=True)

    figures = {
        (sample.name, *sample.labels.values()): sample.value
        for family in QueueFigures(queues).collect()
        for sample in family.samples
    }

    assert figures["stasis_queue_waiting", "sales"] == 1
    assert figures["stasis_queue_longest_wait_seconds", "sales"] == 10
    assert figures["stasis_queue_agents", "sales", "paused"] == 1
