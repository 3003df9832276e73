"""Recordings over the API."""

from datetime import date

import pytest
from aiohttp.test_utils import TestClient
from http_fakes import World, at, call_of, record_of

from stasis_app.http import RecordingOrder, UnavailableError
from stasis_app.mirror.report import Delivery, RecordingReport


@pytest.fixture
def talking(world: World) -> str:
    call = record_of(call_of("pbx-1.1")[:-1])
    world.book = {call.call_id: call}
    return call.call_id


@pytest.mark.parametrize("order", list(RecordingOrder))
async def test_the_recording_of_a_live_call_obeys(world: World, api: TestClient, talking: str, order: RecordingOrder):
    answer = await api.post(f"/api/v1/calls/{talking}/recording/{order}")

    assert answer.status == 204
    assert world.recorded == [(talking, order)]


async def test_a_call_that_is_over_is_not_found(api: TestClient):
    answer = await api.post("/api/v1/calls/pbx-9.9/recording/pause")

    assert answer.status == 404
    assert "pbx-9.9" in (await answer.json())["detail"]


async def test_a_pause_that_did_not_work_is_said_so(world: World, api: TestClient, talking: str):
    """Whoever is about to be told a card number has to know."""
    world.trouble = UnavailableError("Asterisk did not do it")
    answer = await api.post(f"/api/v1/calls/{talking}/recording/pause")

    assert answer.status == 503


@pytest.mark.parametrize("query", ["missing", "missing=", "missing=true"])
async def test_the_recordings_the_portal_lacks_are_listed(world: World, api: TestClient, query: str):
    world.reports = [
        RecordingReport("pbx-1.1", "pbx-1.1-1", "talk", at(65), 60, True, Delivery.WAITING, "the portal is away")
    ]
    answer = await (await api.get(f"/api/v1/recordings?day=2026-03-10&{query}")).json()

    assert world.days == [(date(2026, 3, 10), True)]
    (listed,) = answer["recordings"]
    assert (listed["name"], listed["state"], listed["why"]) == ("pbx-1.1-1", "waiting", "the portal is away")


async def test_nobody_acts_on_recordings_without_a_token(api: TestClient, talking: str):
    answer = await api.post(f"/api/v1/calls/{talking}/recording/pause", headers={"Authorization": "Bearer wrong"})

    assert answer.status == 401
