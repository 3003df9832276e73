"""The operator reads what is wrong."""

import pytest
from http_fakes import BEARER, World, dependencies

from stasis_app.http import create_http
from stasis_app.incidents import PORTAL_AWAY, UNKNOWN_EXTENSION, Incident


class Told:
    def __init__(self, *incidents: Incident) -> None:
        self.listing = lambda: incidents


@pytest.fixture
async def api(aiohttp_client):
    needed = dependencies(World())
    away = Incident(PORTAL_AWAY, "", "no connection", 2, 1000.0, 2000.0)
    nobody = Incident(UNKNOWN_EXTENSION, "105", "call 1.1", 1, 900.0, 900.0, 950.0)
    object.__setattr__(needed, "incidents", Told(away, nobody))
    return await aiohttp_client(create_http(needed), headers=BEARER)


async def test_open_ones_with_what_they_mean_and_what_mends_them(api):
    (incident,) = (await (await api.get("/api/v1/incidents")).json())["incidents"]

    assert incident["code"] == "portal-away"
    assert incident["count"] == 2
    assert incident["last_at"] == "1970-01-01T00:33:20Z"
    assert incident["closed_at"] is None
    assert incident["meaning"] and incident["remedy"]


async def test_all_of_them(api):
    found = (await (await api.get("/api/v1/incidents?state=all")).json())["incidents"]

    assert [(one["code"], one["subject"]) for one in found] == [("portal-away", ""), ("unknown-extension", "105")]


async def test_the_sign_of_life_and_the_figures_tell_of_them(api):
    assert (await (await api.get("/healthz")).json())["incidents"] == ["portal-away"]

    figures = await (await api.get("/metrics")).text()
    assert 'stasis_incidents_open{code="portal-away",severity="warning"} 1.0' in figures
    assert 'stasis_incidents_open{code="unknown-extension",severity="warning"} 0.0' in figures
