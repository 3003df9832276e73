"""Whose number is this: answered from memory, else by the portal, never later than the budget."""

import asyncio

import pytest
from crm_fakes import CALLER, IVANOV, NUMBERS, BrokenStore, Clock, FakePortal

from stasis_app.crm import Client, Lookup, MemoryClientStore, Phonebook, PortalClientFinder, Source, WorkingDay
from stasis_app.crm.patience import Patience

HOUR = 3600.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def portal() -> FakePortal:
    return FakePortal({CALLER.e164: IVANOV})


async def test_the_portal_is_asked_once_and_the_answer_kept(portal: FakePortal, clock: Clock) -> None:
    book = Phonebook(portal, MemoryClientStore(), clock=clock)
    assert await book.lookup(CALLER) == Lookup(IVANOV, Source.PORTAL)
    assert await book.lookup(CALLER) == Lookup(IVANOV, Source.PHONEBOOK)
    assert portal.asked == [CALLER.e164]


async def test_a_stranger_is_believed_for_minutes_a_client_for_hours(portal: FakePortal, clock: Clock) -> None:
    stranger = NUMBERS.read("+79990000000")
    book = Phonebook(portal, MemoryClientStore(), clock=clock)
    await book.lookup(CALLER)
    await book.lookup(stranger)
    clock.now += HOUR
    await book.lookup(CALLER)
    await book.lookup(stranger)
    assert portal.asked == [CALLER.e164, stranger.e164, stranger.e164]
    clock.now += 4 * HOUR
    await book.lookup(CALLER)
    assert portal.asked.count(CALLER.e164) == 2


async def test_a_slow_answer_does_not_hold_the_caller_and_serves_his_next_call(portal: FakePortal) -> None:
    book = Phonebook(portal, MemoryClientStore(), budget=0.01)
    portal.free.clear()
    assert await book.lookup(CALLER) == Lookup(None, Source.TOO_SLOW)
    question = next(t for t in asyncio.all_tasks() if t.get_name().startswith("phonebook-"))
    portal.free.set()
    await question
    assert await book.lookup(CALLER) == Lookup(IVANOV, Source.PHONEBOOK)


async def test_calls_of_one_number_share_one_question(portal: FakePortal) -> None:
    book = Phonebook(portal, MemoryClientStore())
    answers = await asyncio.gather(*(book.lookup(CALLER) for _ in range(5)))
    assert {answer.client for answer in answers} == {IVANOV}
    assert portal.asked == [CALLER.e164]


async def test_a_caller_who_hangs_up_does_not_spoil_the_question_of_others(portal: FakePortal) -> None:
    book = Phonebook(portal, MemoryClientStore())
    portal.free.clear()
    impatient = asyncio.create_task(book.lookup(CALLER))
    patient = asyncio.create_task(book.lookup(CALLER))
    await asyncio.sleep(0)
    impatient.cancel()
    portal.free.set()
    assert (await patient).client == IVANOV


async def test_a_portal_that_is_away_leaves_what_is_known(portal: FakePortal, clock: Clock) -> None:
    book = Phonebook(portal, MemoryClientStore(), clock=clock)
    await book.lookup(CALLER)
    clock.now += 24 * HOUR
    portal.failure = ConnectionError("https://portal/rest/1/secret/ refused")
    assert await book.lookup(CALLER) == Lookup(IVANOV, Source.FAILED)
    assert (await book.lookup(NUMBERS.read("+79990000000"))).source is Source.FAILED
    assert book.portal_troubles.counts == {"ConnectionError": 2}


async def test_a_client_changed_in_the_portal_is_asked_for_again(portal: FakePortal) -> None:
    book = Phonebook(portal, MemoryClientStore())
    await book.lookup(CALLER)
    portal.clients[CALLER.e164] = Client("CONTACT", 651, "Ivanov", user_id=12)
    book.outdate("CONTACT", 651)
    book.outdate("LEAD", 9)
    answer = await book.lookup(CALLER)
    assert (answer.client.user_id if answer.client else None, answer.source) == (12, Source.PORTAL)


@pytest.mark.parametrize("caller_id", ["anonymous", "101", "anna"])
async def test_nobody_is_asked_about_what_is_no_public_number(portal: FakePortal, caller_id: str) -> None:
    book = Phonebook(portal, MemoryClientStore())
    assert await book.lookup(NUMBERS.read(caller_id)) == Lookup(None, Source.NOT_ASKED)
    assert portal.asked == []


async def test_a_working_day_is_not_believed_for_hours(portal: FakePortal, clock: Clock) -> None:
    portal.clients[CALLER.e164] = Client("CONTACT", 651, working_day=WorkingDay.CLOSED)
    book = Phonebook(portal, MemoryClientStore(), clock=clock)
    await book.lookup(CALLER)
    clock.now += HOUR
    old = await book.lookup(CALLER)
    assert old.client == Client("CONTACT", 651)
    fresh = await book.lookup(CALLER, max_age=60)
    assert fresh.client == portal.clients[CALLER.e164]


async def test_the_phonebook_survives_a_restart(portal: FakePortal) -> None:
    store = MemoryClientStore()
    before = Phonebook(portal, store)
    await before.lookup(CALLER)
    await before.aclose()
    after = Phonebook(None, store)
    assert await after.load() == 1
    assert await after.lookup(CALLER) == Lookup(IVANOV, Source.PHONEBOOK)


async def test_a_client_deleted_in_the_crm_is_dropped_from_the_store(portal: FakePortal, clock: Clock) -> None:
    store = MemoryClientStore()
    book = Phonebook(portal, store, clock=clock)
    await book.lookup(CALLER)
    portal.clients.clear()
    clock.now += 24 * HOUR
    await book.lookup(CALLER)
    await book.aclose()
    assert store.rows == {}
    assert book.known(CALLER) is None


async def test_a_broken_store_stops_nobody(portal: FakePortal) -> None:
    book = Phonebook(portal, BrokenStore())  # type: ignore[arg-type]
    assert await book.load() == 0
    assert (await book.lookup(CALLER)).client == IVANOV
    await book.aclose()
    assert book.store_troubles.counts == {"OSError": 2}


async def test_the_index_stays_within_its_size(portal: FakePortal) -> None:
    book = Phonebook(portal, MemoryClientStore(), max_entries=3)
    for last in range(5):
        book.remember(NUMBERS.read(f"+7916000000{last}"), Client("LEAD", last))
    assert len(book) == 3
    assert book.known(NUMBERS.read("+79160000001")) is None
    assert book.known(NUMBERS.read("+79160000004")) == Client("LEAD", 4)


async def test_closing_stops_questions_under_way(portal: FakePortal) -> None:
    book = Phonebook(portal, MemoryClientStore())
    portal.free.clear()
    waiting = asyncio.create_task(book.lookup(CALLER))
    await asyncio.sleep(0)
    await book.aclose()
    assert (await waiting).source is Source.FAILED


class Row:
    """A match as the REST client gives it."""

    entity_type, entity_id, name = "COMPANY", 7, "Romashka"
    assigned_by_id, assigned_by_extension, timeman_status = 12, " 102 ", "NOT_INSTALLED"


async def test_the_first_match_of_the_portal_is_the_client() -> None:
    class Search:
        async def search_crm_entities(self, phone: str, /) -> list[Row]:
            return [Row(), Row()] if phone == CALLER.e164 else []

    finder = PortalClientFinder(Search())
    assert await finder.find(CALLER.e164) == Client("COMPANY", 7, "Romashka", 12, "102", WorkingDay.UNKNOWN)
    assert await finder.find("+79990000000") is None


async def test_when_callers_waited_in_vain_the_next_ones_do_not_wait_and_are_known_all_the_same(
    portal: FakePortal,
) -> None:
    book = Phonebook(portal, MemoryClientStore(), budget=0.01)
    portal.free.clear()
    for last in "123":
        assert (await book.lookup(NUMBERS.read(f"+7999000000{last}"))).source is Source.TOO_SLOW

    waits = book.lookup(CALLER)
    with pytest.raises(StopIteration) as answered:  # it does not even yield to the loop
        waits.send(None)
    assert answered.value.value == Lookup(None, Source.TOO_SLOW)

    beside = asyncio.create_task(book.lookup(CALLER, beside=True))
    await asyncio.sleep(0)
    portal.free.set()
    assert await beside == Lookup(IVANOV, Source.PORTAL)
    assert portal.asked.count(CALLER.e164) == 1


async def test_a_portal_that_answers_quickly_again_is_waited_for_again(portal: FakePortal) -> None:
    book = Phonebook(portal, MemoryClientStore(), budget=0.05)
    portal.free.clear()
    for last in "123":
        await book.lookup(NUMBERS.read(f"+7999000000{last}"))
    portal.free.set()

    assert (await book.lookup(NUMBERS.read("+79990000004"))).source is Source.TOO_SLOW
    await asyncio.wait([task for task in asyncio.all_tasks() if task.get_name().startswith("phonebook-")])
    assert await book.lookup(CALLER) == Lookup(IVANOV, Source.PORTAL)


async def test_questions_to_a_portal_that_hangs_do_not_pile_up(portal: FakePortal, monkeypatch) -> None:
    monkeypatch.setattr("stasis_app.crm.phonebook.MOST_QUESTIONS", 2)
    book = Phonebook(portal, MemoryClientStore(), budget=0.01)
    portal.free.clear()
    for last in "123":
        assert (await book.lookup(NUMBERS.read(f"+7999000000{last}"))).source is Source.TOO_SLOW
    assert len(portal.asked) == 2
    await book.aclose()


def test_one_caller_finds_out_now_and_then_whether_it_is_worth_waiting() -> None:
    now = [0.0]
    patience = Patience(lambda: now[0])
    assert [patience.waited_in_vain() for _ in range(3)] == [False, False, True]
    assert not patience.wait_now()

    now[0] = 30.0
    assert patience.wait_now()
    assert not patience.wait_now()
    assert patience.waited_in_vain() is False
    assert not patience.wait_now()
    assert patience.answered_quickly() is True
    assert patience.wait_now()
