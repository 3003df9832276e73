"""The journal: every fact kept, read back as it was."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from stasis_app.calls.facts import Direction, EndedBy, Party, PartyKind, WentOutside
from stasis_app.calls.journal import Journal
from stasis_app.settings import StorageSettings
from stasis_app.store import OutboxRow, open_store
from tests.unit.mirror.mirror_story import ANNA, BEGAN, BORIS, CLIENT, Story


@dataclass(frozen=True)
class Query:
    limit: int = 50
    before: tuple[datetime, str] | None = None
    since: datetime | None = None
    until: datetime | None = None
    number: str = ""
    extension: str = ""
    direction: Direction | None = None
    answered: bool | None = None


@pytest.fixture
async def journal(storage_url: str) -> AsyncIterator[Journal]:
    store = await open_store(StorageSettings(url=storage_url))
    journal = Journal(store.journal)
    yield journal
    await journal.close()
    await store.close()


async def test_a_call_comes_back_with_every_fact(journal):
    told = []

    def listen(record, fact):
        told.append(fact)
        journal.add(record, fact)

    call = Story(listen).comes_in().known_as(7, 11).rings(ANNA).answers(ANNA).talks(ANNA).wait(9).leaves(ANNA)
    call.is_recorded().ends()

    assert await journal.get(call.call_id) == call.record
    assert await journal.facts(call.call_id) == told


async def test_a_call_that_went_outside_is_found_under_the_number_there(journal):
    call = Story(journal.add).is_internal(ANNA, BORIS).rings(BORIS).answers(BORIS).talks(BORIS).wait(9)
    await journal.settled()
    by = Party(PartyKind.EMPLOYEE, BORIS)
    call.tell(WentOutside(call_id=call.call_id, at=call.now, number=CLIENT, by=by)).rings(CLIENT).ends()

    assert await journal.past(Query(number=CLIENT, direction=Direction.OUTBOUND)) == [call.record]


async def test_a_call_nobody_knows_is_none(journal):
    assert await journal.get("1.1") is None
    assert await journal.facts("1.1") == []


async def test_past_calls_are_paged_newest_first(journal):
    for number in range(5):
        Story(journal.add, f"1773130778.{number}").wait(60 * number).comes_in().ends()
    first = await journal.past(Query(limit=2))
    second = await journal.past(Query(limit=2, before=(first[-1].started_at, first[-1].call_id)))

    assert [call.call_id[-1] for call in (*first, *second)] == ["4", "3", "2", "1"]


async def test_past_calls_are_found_by_number_person_and_outcome(journal):
    Story(journal.add, "answered").comes_in().rings(ANNA).answers(ANNA).talks(ANNA).wait(5).leaves(ANNA).ends()
    Story(journal.add, "missed").wait(60).comes_in("+74951112233").rings(BORIS).ends()
    Story(journal.add, "dialled").wait(120).is_dialled_by(BORIS).ends(EndedBy.EMPLOYEE)
    Story(journal.add, "live").comes_in()

    async def found(**query: object) -> set[str]:
        return {call.call_id for call in await journal.past(Query(**query))}

    assert await found() == {"answered", "missed", "dialled"}
    assert await found(number=CLIENT[-7:]) == {"answered", "dialled"}
    assert await found(extension=BORIS) == {"missed", "dialled"}
    assert await found(direction=Direction.OUTBOUND) == {"dialled"}
    assert await found(answered=True) == {"answered"}
    assert await found(since=BEGAN + timedelta(seconds=30), until=BEGAN + timedelta(seconds=90)) == {"missed"}


async def test_a_call_that_has_just_begun_is_on_disk_with_what_the_portal_is_told_first(storage_url):
    store = await open_store(StorageSettings(url=storage_url))
    begun = Story(Journal(store.journal).add).comes_in().rings(ANNA)

    await store.outbox.put(OutboxRow(begun.call_id, 1, "register", 0.0, 0.0))

    after_a_kill = Journal(store.journal)
    (found,) = await after_a_kill.unfinished()
    assert found.call_id == begun.call_id
    await store.close()


async def test_calls_without_an_end_are_those_to_take_up_after_a_restart(journal):
    Story(journal.add, "over").comes_in().ends()
    live = Story(journal.add, "live").comes_in().rings(ANNA).answers(ANNA).talks(ANNA)

    assert await journal.unfinished() == [live.record]
