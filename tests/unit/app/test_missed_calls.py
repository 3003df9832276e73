"""Whose a call is that ended before the portal could say so."""

import asyncio

import pytest

from stasis_app.app import mirroring
from stasis_app.crm import Client, MemoryClientStore, Numbers, Phonebook, Source
from stasis_app.mirror import Responsible

CALLER = Numbers("RU").read("+79161234567")
BORISS = Client("CONTACT", 7, "Ivanov", 11)


class SlowPortal:
    """Answers when it is let."""

    def __init__(self) -> None:
        self.free = asyncio.Event()

    async def find(self, e164: str) -> Client | None:
        await self.free.wait()
        return BORISS


async def test_the_portal_is_waited_for_though_callers_do_not_wait_any_more():
    portal = SlowPortal()
    book = Phonebook(portal, MemoryClientStore(), budget=0.001)
    for last in "123":
        await book.lookup(Numbers("RU").read(f"+7916000000{last}"))
    assert (await book.lookup(CALLER)).source is Source.TOO_SLOW  # he does not wait at all

    asked = asyncio.create_task(mirroring.whose(book, CALLER))
    await asyncio.sleep(0)
    assert not asked.done()
    portal.free.set()

    assert await asked == Responsible(11)
    await book.aclose()


async def test_a_portal_that_says_nothing_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mirroring, "WHOSE_PATIENCE", 0.01)
    book = Phonebook(SlowPortal(), MemoryClientStore(), budget=0.001)

    assert await mirroring.whose(book, CALLER) is None
    await book.aclose()
