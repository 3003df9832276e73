"""The phonebook: whose client is this number?

The answer comes from an index in memory. When the index does not know, the portal is asked, but a caller waits for it
no longer than the time budget; an answer that comes later still fills the index for his next call.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from loguru import logger

from stasis_app.crm.client import Client, ClientFinder, WorkingDay
from stasis_app.crm.numbers import Number
from stasis_app.crm.patience import Patience
from stasis_app.crm.stores import ClientStore
from stasis_app.crm.trouble import Troubles
from stasis_app.store import ClientRow

HOUR = 3600.0
MOST_QUESTIONS = 200
"""Questions to the portal under way; while it hangs, no more are asked."""


class Source(StrEnum):
    """Where an answer comes from."""

    PHONEBOOK = "phonebook"
    PORTAL = "portal"
    TOO_SLOW = "portal too slow"
    FAILED = "portal failed"
    NOT_ASKED = "not asked"  # no number a client could have


@dataclass(frozen=True, slots=True)
class Lookup:
    """What a lookup brought. With TOO_SLOW and FAILED, `client` may still be one known from earlier."""

    client: Client | None
    source: Source


@dataclass(frozen=True, slots=True)
class _Entry:
    client: Client | None
    seen_at: float


class Phonebook:
    """Number to client. All times in seconds; `clock` is Unix time, because entries outlive the process.

    `budget` is how long a caller may wait for the portal, `late_limit` how long an answer is waited for behind the
    scenes. An entry older than `positive_ttl` is checked with the portal, and still serves when the portal does not
    answer; "no such client" is believed for `negative_ttl`.
    """

    def __init__(
        self,
        finder: ClientFinder | None,
        store: ClientStore,
        *,
        budget: float = 1.5,
        late_limit: float = 30.0,
        positive_ttl: float = 4 * HOUR,
        negative_ttl: float = 300.0,
        max_entries: int = 500_000,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._finder = finder
        self._store = store
        self._budget = budget
        self._late_limit = late_limit
        self._positive_ttl = positive_ttl
        self._negative_ttl = negative_ttl
        self._max_entries = max_entries
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._numbers_of: dict[tuple[str, int], set[str]] = {}
        self._patience = Patience()
        self._questions: dict[str, asyncio.Task[Client | None]] = {}
        self._unsaved: dict[str, _Entry] = {}
        self._writer: asyncio.Task[None] | None = None
        self.portal_troubles = Troubles("Asking the portal for a client")
        self.store_troubles = Troubles("Keeping the phonebook")

    def __len__(self) -> int:
        return len(self._entries)

    async def load(self) -> int:
        """Fill the index from the store; returns how many numbers it has. A store that fails leaves it empty."""
        try:
            rows = await self._store.load_all()
        except Exception as error:  # the service starts without a phonebook rather than not at all
            self.store_troubles.note(error)
            return 0
        for row in rows:
            client = Client(row["entity_type"], row["entity_id"], row["name"], row["user_id"], row["extension"])
            self._put(row["number"], _Entry(client, row["seen_at"]))
        return len(self._entries)

    def known(self, number: Number) -> Client | None:
        """The client the index has for this number, however old. Asks nobody."""
        entry = self._entries.get(number.e164) if number.is_public else None
        return entry.client if entry else None

    async def lookup(self, number: Number, *, max_age: float | None = None, beside: bool = False) -> Lookup:
        """Whose number this is, within the time budget. Never raises.

        `max_age` asks for an answer not older than this, where the age of an entry matters (working days). `beside`:
        nobody waits for it, so it may take as long as the portal needs. When callers waited in vain again and again,
        the next ones do not wait at all: the question is asked beside their calls.
        """
        if not number.is_public:
            return Lookup(None, Source.NOT_ASKED)
        entry = self._entries.get(number.e164)
        if entry is not None and self._is_young(entry, max_age):
            return Lookup(self._without_old_news(entry), Source.PHONEBOOK)
        remembered = self._without_old_news(entry) if entry is not None else None
        if self._finder is None:
            return Lookup(remembered, Source.NOT_ASKED)
        question = self._ask(number.e164, self._finder)
        if question is None:
            return Lookup(remembered, Source.TOO_SLOW)
        if beside:
            await asyncio.wait({question})
        elif self._patience.wait_now():
            await asyncio.wait({question}, timeout=self._budget)
            if not question.done() and self._patience.waited_in_vain():
                logger.warning("The portal is too slow to ask whose number it is: callers do not wait for it any more")
        if not question.done():
            return Lookup(remembered, Source.TOO_SLOW)
        if question.cancelled() or question.exception() is not None:
            return Lookup(remembered, Source.FAILED)
        return Lookup(question.result(), Source.PORTAL)

    def remember(self, number: Number, client: Client | None) -> None:
        """Note what is known of a number from elsewhere (a sync, a portal event). None: the CRM has no such client."""
        if number.is_public:
            self._learn(number.e164, client)

    def outdate(self, entity_type: str, entity_id: int) -> None:
        """The client changed in the portal: ask again at his next call. What is known serves while it is away."""
        for key in self._numbers_of.get((entity_type, entity_id), ()):
            self._entries[key] = replace(self._entries[key], seen_at=0.0)

    async def aclose(self) -> None:
        """Stop asking, and write what is not written yet."""
        questions = list(self._questions.values())
        for question in questions:
            question.cancel()
        await asyncio.gather(*questions, return_exceptions=True)
        if self._writer is not None:
            await self._writer

    def _is_young(self, entry: _Entry, max_age: float | None) -> bool:
        ttl = self._positive_ttl if entry.client else self._negative_ttl
        return self._clock() - entry.seen_at < (ttl if max_age is None else min(ttl, max_age))

    def _without_old_news(self, entry: _Entry) -> Client | None:
        """The client, without a working day that may have ended since he was found."""
        if entry.client is None or self._clock() - entry.seen_at < self._negative_ttl:
            return entry.client
        return replace(entry.client, working_day=WorkingDay.UNKNOWN)

    def _ask(self, e164: str, finder: ClientFinder) -> asyncio.Task[Client | None] | None:
        """One question at a time per number: callers with the same number share the answer. None: too many wait."""
        question = self._questions.get(e164)
        if question is None:
            if len(self._questions) >= MOST_QUESTIONS:
                return None
            question = asyncio.create_task(self._question(e164, finder), name=f"phonebook-{len(self._questions)}")
            self._questions[e164] = question
            question.add_done_callback(lambda done: self._answered(e164, done))
        return question

    async def _question(self, e164: str, finder: ClientFinder) -> Client | None:
        asked = time.monotonic()
        async with asyncio.timeout(self._late_limit):
            client = await finder.find(e164)
        if time.monotonic() - asked <= self._budget and self._patience.answered_quickly():
            logger.info("The portal answers quickly again: callers wait for it")
        self._learn(e164, client)
        self.portal_troubles.over()
        return client

    def _answered(self, e164: str, question: asyncio.Task[Client | None]) -> None:
        self._questions.pop(e164, None)
        if not question.cancelled() and (error := question.exception()) is not None:
            self.portal_troubles.note(error)

    def _learn(self, e164: str, client: Client | None) -> None:
        entry = _Entry(client, self._clock())
        self._put(e164, entry)
        self._unsaved[e164] = entry
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write(), name="phonebook-writer")

    def _put(self, e164: str, entry: _Entry) -> None:
        self._drop(e164)  # so that the newest entry is the last: the oldest go first when the index is full
        self._entries[e164] = entry
        if entry.client is not None:
            self._numbers_of.setdefault((entry.client.entity_type, entry.client.entity_id), set()).add(e164)
        while len(self._entries) > self._max_entries:
            self._drop(next(iter(self._entries)))

    def _drop(self, e164: str) -> None:
        entry = self._entries.pop(e164, None)
        if entry is None or entry.client is None:
            return
        owner = (entry.client.entity_type, entry.client.entity_id)
        numbers = self._numbers_of[owner]
        numbers.discard(e164)
        if not numbers:
            del self._numbers_of[owner]

    async def _write(self) -> None:
        """Write until nothing is left. What can't be written stays for the next attempt."""
        while self._unsaved:
            batch, self._unsaved = self._unsaved, {}
            gone = [number for number, entry in batch.items() if entry.client is None]
            rows = [_row(number, entry, entry.client) for number, entry in batch.items() if entry.client]
            try:
                if rows:
                    await self._store.save(rows)
                if gone:
                    await self._store.delete(gone)
            except Exception as error:  # the index works without its store
                self.store_troubles.note(error)
                self._unsaved = {**batch, **self._unsaved}
                return
            self.store_troubles.over()


def _row(number: str, entry: _Entry, client: Client) -> ClientRow:
    return ClientRow(
        number=number,
        entity_type=client.entity_type,
        entity_id=client.entity_id,
        name=client.name,
        user_id=client.user_id,
        extension=client.extension,
        seen_at=entry.seen_at,
    )
