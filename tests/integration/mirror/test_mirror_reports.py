"""What became of recordings: nothing that was said is lost without somebody being told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from b24client.sandbox.faults import Fault
from stasis_app.calls import facts as f
from stasis_app.calls.facts import Direction
from stasis_app.calls.journal import Journal
from stasis_app.mirror.report import Delivery, recordings_between
from tests.unit.mirror.mirror_story import ANNA, BEGAN, BORIS, Story

CALL = "1773130778.1"


@pytest.fixture
async def journal(company) -> Journal:
    return Journal(company.store.journal)


@pytest.fixture
def call(company, journal):
    def told(record, fact):
        company.mirror.on_fact(record, fact)
        journal.add(record, fact)

    return Story(told, CALL)


def talk(call: Story) -> Story:
    return call.comes_in().known_as(501, user_id=11).rings(ANNA).answers(ANNA).talks(ANNA).wait(9).leaves(ANNA)


async def report(company, journal) -> dict[str, tuple[Delivery, str]]:
    await company.mirror.settled()
    await company.store.writer.flush()
    since = BEGAN - timedelta(hours=1)
    found = await recordings_between(
        journal, company.store.outbox, since, since + timedelta(days=1), internal_calls=False
    )
    return {one.name: (one.state, one.why) for one in found}


async def test_what_the_portal_has_is_delivered(company, journal, call):
    company.records("first")
    company.records("second", 2)
    talk(call).is_recorded("first").is_recorded("second").ends()

    assert await report(company, journal) == {"first": (Delivery.DELIVERED, ""), "second": (Delivery.DELIVERED, "")}
    assert company.in_crm(CALL).record.filename == "first.wav"
    assert company.in_crm(CALL).record.size == 44 + 2 * 8000 * 3


async def test_the_part_that_was_not_there_is_told(company, journal, call, monkeypatch):
    monkeypatch.setattr("stasis_app.mirror.recordings.MISSING_FOR", 0.05)
    company.records("first")
    talk(call).is_recorded("first").is_recorded("second").ends()
    found = await report(company, journal)

    assert found["first"] == (Delivery.DELIVERED, "")
    assert found["second"][0] is Delivery.REFUSED
    assert "second: there is no file second.wav" in found["second"][1]
    assert company.in_crm(CALL).record is not None


async def test_what_the_portal_refuses_for_good_is_told_with_its_reason(company, journal, call):
    company.trouble(kind="error", status=400, methods=["telephony.externalCall.attachRecord"], code="ERROR_CORE")
    company.records("talk")
    talk(call).is_recorded("talk").ends()

    (state, why) = (await report(company, journal))["talk"]
    assert state is Delivery.REFUSED
    assert why.startswith("record: ")


async def test_what_could_not_be_recorded_is_told(company, journal, call):
    talk(call).tell(f.RecordingFailed(call_id=CALL, at=call.now, name="talk", why="no room on the disk")).ends()

    assert await report(company, journal) == {"talk": (Delivery.FAILED, "no room on the disk")}


async def test_calls_between_extensions_are_kept_and_not_missed(company, journal, call):
    call.is_internal(ANNA, BORIS).rings(BORIS).answers(BORIS).talks(BORIS).wait(5).leaves(BORIS)
    call.is_recorded("talk").ends()

    assert call.record.direction is Direction.INTERNAL
    assert await report(company, journal) == {"talk": (Delivery.KEPT, "")}


async def test_a_message_is_a_missed_call_with_something_to_do_for_the_responsible(company, journal, call):
    company.records("m1", 3)
    call.comes_in().known_as(501, user_id=11).leaves_message("m1").ends()

    assert (await report(company, journal))["m1"][0] is Delivery.DELIVERED
    in_crm = company.in_crm(CALL)
    assert (in_crm.finish.status_code, in_crm.finish.duration) == ("304", 0)
    todos = await company.portal.activities.of(3, 501, PROVIDER_ID="CRM_TODO")
    assert [(todo.subject, todo.responsible_id) for todo in todos] == [("Voice message from +79161234567", 11)]


async def test_a_lost_answer_to_the_reminder_makes_no_second_one(company, journal, call):
    company.sandbox.faults.add(Fault(kind="lose_reply", times=1, methods=["crm.activity.todo.add"]))
    company.records("m1", 3)
    call.comes_in().known_as(501, user_id=11).leaves_message("m1").ends()
    await report(company, journal)

    assert len(await company.portal.activities.of(3, 501, PROVIDER_ID="CRM_TODO")) == 1
