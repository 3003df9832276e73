"""The CRM's picture of a call, on a portal that is well, slow, away or losing its answers."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace

import pytest

from stasis_app.calls.facts import Unanswered
from stasis_app.mirror import Recordings
from stasis_app.mirror.recordings import Part
from tests.unit.mirror.mirror_story import ANNA, BEGAN, BORIS, VERA


def answered(call, company):
    """Three phones ring, Boris answers, they talk for a minute; it is recorded."""
    company.records("talk")
    call.comes_in().known_as(501, user_id=11).rings(ANNA, BORIS, VERA).wait(4).answers(BORIS).talks(BORIS)
    call.gives_up(ANNA, Unanswered.ANSWERED_ELSEWHERE).gives_up(VERA, Unanswered.ANSWERED_ELSEWHERE)
    return call.wait(61).leaves(BORIS).is_recorded("talk").ends()


async def test_a_call_is_one_call_in_the_crm_true_to_the_second(company):
    call = company.call().comes_in().known_as(501, user_id=11)
    await company.mirror.settled()
    call.rings(ANNA, BORIS, VERA)
    await company.mirror.settled()
    assert company.on_screens() == {11, 12, 13}
    call.wait(4).answers(BORIS).talks(BORIS)
    await company.mirror.settled()
    assert company.on_screens() == {12}
    sound = company.records("talk")
    call.wait(61).leaves(BORIS).is_recorded("talk").ends()
    await company.mirror.settled()

    in_crm = company.in_crm()
    assert (in_crm.type, in_crm.client.id, in_crm.line_number) == (2, 501, "74951230000")
    assert in_crm.call_start_date == BEGAN.timestamp()
    assert (in_crm.finish.user_id, in_crm.finish.duration, in_crm.finish.status_code) == (12, 61, "200")
    assert (in_crm.record.filename, in_crm.record.size) == ("talk.wav", len(sound))
    assert company.findings() == []
    assert set(await company.outbox()) == {"done"}


async def test_a_slow_portal_is_told_the_same(company):
    company.trouble(kind="delay", seconds=0.1)
    answered(company.call(), company)
    await company.mirror.settled()

    assert company.in_crm().finish.user_id == 12
    assert company.in_crm().record is not None
    assert company.findings() == []


async def test_a_portal_that_is_away_is_told_when_it_is_back(company):
    company.trouble(kind="down", for_s=1.5)
    for number in range(10):
        answered(company.call(f"1773130778.{number}"), company)
    await company.mirror.settled()

    for number in range(10):
        in_crm = company.in_crm(f"1773130778.{number}")
        assert (in_crm.finish.duration, in_crm.call_start_date) == (61, BEGAN.timestamp())
    assert company.findings() == []


@pytest.mark.parametrize("method", ["register", "show", "hide", "attachRecord"])
async def test_a_lost_answer_leaves_no_second_call(company, method):
    company.trouble(kind="lose_reply", times=1, methods=[f"telephony.externalCall.{method}"])
    answered(company.call(), company)
    await company.mirror.settled()

    assert company.in_crm().finish.duration == 61
    assert company.in_crm().record is not None
    assert company.findings() == []


async def test_a_finish_whose_answer_is_lost_is_written_once(company):
    company.trouble(kind="lose_reply", times=1, methods=["telephony.externalCall.finish"])
    answered(company.call(), company)
    await company.mirror.settled()

    assert company.sandbox.calls.finished == 1
    assert company.in_crm().record is not None
    assert set(await company.outbox()) == {"done"}


async def test_the_service_dies_in_the_middle_of_a_call(company):
    call = company.call().comes_in().rings(ANNA, BORIS)
    await company.mirror.settled()
    await company.restart()
    call.listener = company.mirror.on_fact
    call.answers(BORIS).talks(BORIS)
    await company.mirror.settled()
    assert company.on_screens() == {12}
    call.wait(30).leaves(BORIS).ends()
    await company.mirror.settled()

    assert (company.in_crm().finish.user_id, company.in_crm().finish.duration) == (12, 30)
    assert company.findings() == []


async def test_the_service_dies_while_a_request_is_out(company):
    company.trouble(kind="hang", seconds=0.3, times=1, methods=["telephony.externalCall.register"])
    answered(company.call(), company)
    await asyncio.sleep(0.05)  # the request is on its way
    await company.restart()
    await company.mirror.settled()

    assert company.in_crm().finish.duration == 61
    assert company.findings() == []


async def test_one_request_that_hangs_holds_up_no_other_call(company):
    company.trouble(kind="hang", seconds=2, times=1, methods=["telephony.externalCall.register"])
    company.call("1773130778.1").comes_in().rings(ANNA)
    await asyncio.sleep(0.05)  # the request is on its way
    company.call("1773130778.2").comes_in().rings(BORIS)
    await company.sees("show")

    assert company.on_screens("1773130778.2") == {12}


async def test_a_dismissed_responsible_does_not_lose_the_call(company):
    company.call().comes_in().known_as(501, user_id=14).ends()
    await company.mirror.settled()

    assert company.in_crm().finish.user_id == 1


async def test_a_portal_strict_about_numbers_still_gets_the_anonymous_caller(company):
    company.sandbox.config.switches.strict_numbers = True
    company.call().comes_in(number="").rings(ANNA).ends()
    await company.mirror.settled()

    assert company.in_crm().finish.status_code == "304"
    assert company.in_crm().created_lead is None


async def test_a_recording_that_is_missing_is_a_visible_end(company, monkeypatch):
    monkeypatch.setattr("stasis_app.mirror.recordings.MISSING_FOR", 0.01)
    call = company.call().comes_in().rings(ANNA).answers(ANNA).talks(ANNA).wait(5).leaves(ANNA)
    call.is_recorded("gone").ends()
    await company.mirror.settled()
    await company.store.writer.flush()

    (refused,) = await company.store.outbox.listing(["refused"])
    assert refused.kind == "record"
    assert "no file gone.wav" in refused.reason
    assert company.in_crm().finish.duration == 5


async def test_a_database_that_is_locked_keeps_no_card_back(company):
    other = sqlite3.connect(company.folder / "stasis.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    company.call().comes_in().rings(ANNA)
    await company.mirror.settled()
    assert company.on_screens() == {11}
    other.execute("ROLLBACK")
    other.close()
    await company.store.writer.recovered()
    await company.store.writer.flush()

    assert [row.kind for row in await company.store.outbox.of_call("1773130778.1")] == ["register", "show"]


async def test_a_delivered_recording_is_deleted_when_its_days_are_over(company, monkeypatch):
    answered(company.call(), company)
    await company.mirror.settled()
    await company.store.writer.flush()
    (delivered,) = [row for row in await company.store.outbox.listing() if row.kind == "record"]
    await company.store.outbox.put(replace(delivered, closed_at=delivered.closed_at - 3 * 86400))
    other = company.folder / "not-delivered.wav"
    other.write_bytes(company.records("talk"))
    deleted: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def discard(self: Recordings, *parts: Part) -> None:
        await really_discard(self, *parts)
        deleted.set_result(parts[0].name)

    really_discard = Recordings.discard
    monkeypatch.setattr(Recordings, "discard", discard)
    await company.restart(keep_days=2)

    assert await deleted == "talk"
    assert not (company.folder / "talk.wav").exists()
    assert other.exists()
