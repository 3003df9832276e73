"""MariaDB goes away or hangs: the portal is told all the same, and nothing twice later."""

from __future__ import annotations

import asyncio

import pytest

from stasis_app.incidents import STORAGE_REFUSES
from tests.unit.mirror.mirror_story import ANNA

CALLS = [f"1773130778.{number}" for number in range(40)]


@pytest.fixture
def storage(mariadb) -> str:
    return mariadb.fresh()


def make_calls(company) -> None:
    for call_id in CALLS:
        call = company.call(call_id).comes_in().rings(ANNA).answers(ANNA).talks(ANNA)
        call.wait(5).leaves(ANNA).ends()


def all_told_once(company) -> bool:
    return all(company.in_crm(call_id).finish.duration == 5 for call_id in CALLS) and company.findings() == []


@pytest.mark.parametrize("trouble", ["away", "frozen"])
async def test_a_server_in_trouble_keeps_no_call_from_the_portal_and_doubles_none(company, mariadb, trouble):
    with mariadb.away() if trouble == "away" else mariadb.frozen():
        make_calls(company)
        await company.mirror.settled()
        assert all_told_once(company)
        async with asyncio.timeout(5):
            while company.store.healthy:  # noqa: ASYNC110 - it has no event to wait for
                await asyncio.sleep(0.05)
        company.incidents.report(STORAGE_REFUSES, company.store.last_error)

    async with asyncio.timeout(20):
        await company.store.writer.recovered()
    assert await company.outbox() == {"done": 80}
    assert [row["code"] for row in await company.store.incidents.load_all()] == ["storage-refuses"]

    await company.restart()
    await company.mirror.settled()
    assert all_told_once(company)


async def test_a_call_that_went_on_over_a_restart_of_the_service_is_one(company):
    company.call("1773130778.1").comes_in().rings(ANNA).answers(ANNA).talks(ANNA)
    await company.mirror.settled()

    await company.restart()
    story = company.call("1773130778.1")
    story.comes_in().rings(ANNA).answers(ANNA).talks(ANNA).wait(5).leaves(ANNA).ends()
    await company.mirror.settled()

    assert company.in_crm("1773130778.1").finish.duration == 5
    assert company.findings() == []
