"""One call on its way to the portal: its operations one after another, while other calls go their own way.

A lane knows the call's record (as of the last fact) and what the portal has been told; whenever it is free it does
the next thing that is missing. So whatever has lost its point before it could be sent is never sent.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from loguru import logger

from b24client import AccessDenied, B24Error, LimitExceeded
from stasis_app.calls.facts import Direction, Ended, Fact, Identified, LegFact
from stasis_app.calls.record import CallRecord
from stasis_app.mirror import operations as ops
from stasis_app.mirror.deliveries import Deliveries, NotYet, Verdict
from stasis_app.mirror.gate import Gate
from stasis_app.mirror.operations import Kind, Rules, Told
from stasis_app.mirror.people import People, cards, unknown
from stasis_app.store import DROPPED, OPEN, REFUSED, Outbox, OutboxRow

SETTLE = 0.25
"""Seconds a call may wait for the CRM's word on whose number it is before it is registered without."""
LINGER = 0.2
"""Seconds cards stay when nobody is concerned any more: mostly the end or the next phone follows at once."""
LIVE_RETRY = 2.0
LATE_RETRY = 60.0
"""Longest pause between attempts, for a live call and for one that has ended."""
DENIED_RETRY = 15.0
"""Seconds before a request is repeated that our credentials do not allow: somebody has to mend them first."""
GIVE_UP_AFTER = 7 * 86400.0


@dataclass(frozen=True, slots=True)
class Context:
    """What all lanes share."""

    outbox: Outbox
    deliveries: Deliveries
    gate: Gate
    people: People
    rules: Rules
    spell: Callable[[str], str]
    observe: Callable[[str, float], None]


class Lane:
    """The operations of one call. `rows`: what the outbox holds of it; None when that has to be looked up."""

    def __init__(self, call_id: str, shared: Context, rows: list[OutboxRow] | None) -> None:
        self.call_id = call_id
        self.record: CallRecord | None = None
        self.told = Told.of(rows or [])
        self._loaded = rows is not None
        self._shared = shared
        self._log = logger.bind(call=call_id)
        self._task: asyncio.Task[None] | None = None
        self._woken = asyncio.Event()
        self._written: dict[int, asyncio.Future[bool]] = {}
        # An operation found open may have been sent by a former life of this program.
        self._doubts: set[int] = {row.seq for row in rows or [] if row.state == OPEN}
        # Cards left open by a former life are closed: what is wanted now is worked out anew.
        self._card_rows = _open_card_rows(rows or [])
        self._begun = time.monotonic()
        self._fact_at = self._begun
        self._nobody_since: float | None = None
        self._may_register = False
        self._failures = 0
        self._not_before = 0.0
        self._unknown: set[str] = set()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being done."""
        return self._task is None or self._task.done()

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be expected for this call (a late recording finds it again in the outbox)."""
        if not self.is_idle or not self._loaded:
            return False
        ended = self.told.is_hopeless or self.told.is_finished or (self.record is not None and not self._is_mirrored)
        still_recording = self.record is not None and bool(self.record.recording)
        return ended and not still_recording and (self.record is None or self.record.ended_at is not None)

    def on_fact(self, record: CallRecord, fact: Fact) -> None:
        """Take in a fact. Returns at once; what follows from it happens in the lane's own task."""
        self.record = record
        self._fact_at = time.monotonic()
        if isinstance(fact, Identified | LegFact | Ended) or record.direction is not Direction.INBOUND:
            self._may_register = True
        if self._loaded and self._is_mirrored:
            self._open_final()
        self.wake()

    def wake(self) -> None:
        """See what is to be done."""
        self._woken.set()
        if self.is_idle:
            self._task = asyncio.create_task(self._run(), name=f"mirror {self.call_id}")

    def adopt(self, portal_call_id: str, user_id: int) -> None:
        """The portal has registered this call by itself and shows it to this user."""
        now = time.time()
        answer, body = {"call_id": portal_call_id}, {"by": "portal", "users": [user_id]}
        if self.told.register is not None:
            self._close(self.told.register, DROPPED, "the portal registered the call by itself")
        self._add(OutboxRow(self.call_id, self._next_seq, Kind.REGISTER, now, now, "done", now, 0, body, answer))
        self._add(OutboxRow(self.call_id, self._next_seq, Kind.SHOW, now, now, "done", now, 0, {"users": [user_id]}))
        self.wake()

    async def done(self) -> None:
        """Wait until there is nothing to do."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def stop(self, patience: float) -> None:
        """Let the request under way come to its end, `patience` seconds at most; the rest stays in the outbox."""
        if self._task is None:
            return
        await asyncio.wait({self._task}, timeout=patience)
        self._task.cancel()
        await asyncio.wait({self._task})

    # What comes next

    async def _run(self) -> None:
        try:
            await self._load()
            while True:
                self._woken.clear()
                step = self._next()
                if isinstance(step, float):
                    await self._pause(step)
                    continue
                if step is None:
                    return
                if not self._shared.gate.is_open:
                    await self._shared.gate.turn()
                    step = self._next()  # much may have happened meanwhile
                    if step is None or isinstance(step, float):
                        self._shared.gate.pass_on()
                        continue
                await step()
        except Exception:
            self._log.exception("The mirror of this call stopped; it goes on with the next fact or restart")

    def _next(self) -> Callable[[], Awaitable[None]] | float | None:
        """What to do now, a pause in seconds, or None: nothing until the next fact."""
        if not self._is_mirrored and self.told.register is None:
            return None
        if self._loaded and self._is_mirrored:
            self._open_final()
        told = self.told
        if told.is_hopeless:
            self._close_rest()
            return None
        if told.register is None:
            wait = self._begun + SETTLE - time.monotonic()
            if wait > 0 and not self._may_register:
                return wait
            self._open_register()
        if not told.is_registered:
            return self._when_due(self._register)
        if told.finish is not None and told.finish.state == OPEN:
            self._drop_cards()
            return self._when_due(self._finish)
        if told.is_finished:
            return self._next_delivery()
        return self._next_cards()

    def _next_delivery(self) -> Callable[[], Awaitable[None]] | float | None:
        told = self.told
        if told.record is None or told.record.state != OPEN:
            return None
        if told.finish is not None and told.finish.state == REFUSED:
            self._close(told.record, REFUSED, "the call could not be finished")
            return None
        return self._when_due(self._deliver)

    def _next_cards(self) -> Callable[[], Awaitable[None]] | float | None:
        show, hide, wanted = self._difference()
        if not show and not hide:
            self._drop_cards()
            self._nobody_since = None
            return None
        if wanted:
            self._nobody_since = None
            return self._when_due(self._move_cards)
        now = time.monotonic()
        self._nobody_since = self._nobody_since or now
        wait = self._nobody_since + LINGER - now
        return wait if wait > 0 else self._when_due(self._move_cards)

    def _when_due(self, step: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]] | float:
        wait = self._not_before - time.monotonic()
        return wait if wait > 0 else step

    def _difference(self) -> tuple[frozenset[int], frozenset[int], frozenset[int]]:
        """Who should get the card, who should lose it, who should have it."""
        if self.record is None or self.record.ended_at is not None:
            return frozenset(), frozenset(), frozenset()
        wanted = cards(self.record, self._shared.people)
        for extension in unknown(self.record, self._shared.people):
            if extension not in self._unknown:
                self._unknown.add(extension)
                self._log.warning("Extension {} belongs to nobody in the portal: no card for it", extension)
        return wanted - self.told.shown, (self.told.shown | self.told.maybe) - wanted, wanted

    # Operations are opened

    def _open_register(self) -> None:
        assert self.record is not None
        number = self._shared.spell(self.record.customer_number)
        body = ops.register_body(self.record, number, self._shared.people, self._shared.rules)
        self._open(Kind.REGISTER, self.record.started_at.timestamp(), body)

    def _open_final(self) -> None:
        """Note the end and its recording at once, whatever else is still on its way."""
        record, told = self.record, self.told
        if record is None or record.ended_at is None or told.is_hopeless:
            return
        if told.register is None:
            self._open_register()
        if told.finish is None:
            body = ops.finish_body(record, self._shared.people, self._shared.rules)
            self._open(Kind.FINISH, record.ended_at.timestamp(), body)
        recording = ops.recording_to_deliver(record)
        if recording is not None and recording.name not in told.delivered:
            if told.record is not None and told.record.state == OPEN:
                if told.record.body["name"] == recording.name:
                    return
                self._close(told.record, DROPPED, "a longer recording of the call takes its place")
            self._open(Kind.RECORD, recording.at.timestamp(), ops.record_body(recording))

    def _open(self, kind: Kind, fact_at: float, body: dict[str, object]) -> OutboxRow:
        row = OutboxRow(self.call_id, self._next_seq, kind, fact_at, time.time(), body=body)
        self.told.add(row)
        self._written[row.seq] = self._shared.outbox.submit(row)
        return row

    def _open_cards(self, show: frozenset[int], hide: frozenset[int]) -> tuple[OutboxRow, ...]:
        """The rows for this change; those of the attempt before when it is the same change."""
        now = [(kind, sorted(users)) for kind, users in ((Kind.HIDE, hide), (Kind.SHOW, show)) if users]
        if now != [(row.kind, row.body["users"]) for row in self._card_rows]:
            self._drop_cards()
            fact_at = time.time() - (time.monotonic() - self._fact_at)
            self._card_rows = tuple(self._open(kind, fact_at, {"users": users}) for kind, users in now)
        return self._card_rows

    # Operations are carried out

    async def _register(self) -> None:
        row = self.told.register
        assert row is not None
        show, _, _ = self._difference()
        shows = self._open_cards(show, frozenset()) if show else ()
        await self._on_disk(row, *shows)
        if self._difference()[0] != show:
            return  # somebody else is concerned by now
        self.told.maybe |= show
        doubt = row.seq in self._doubts
        verdict = await self._attempt(row, lambda: self._shared.deliveries.register(row, show, doubt=doubt))
        if verdict is None:
            return
        self._settle(row, verdict)
        if verdict.shown:
            self._settle_cards(Verdict())

    async def _move_cards(self) -> None:
        show, hide, _ = self._difference()
        rows = self._open_cards(show, hide)
        if not rows:
            return
        await self._on_disk(*rows)
        if self._difference()[:2] != (show, hide):
            return  # overtaken while it was written
        self.told.maybe |= show
        call_id = self.told.portal_call_id
        verdict = await self._attempt(rows[0], lambda: self._shared.deliveries.cards(call_id, show, hide))
        if verdict is not None:
            self._settle_cards(verdict)
        else:
            self._card_rows = tuple(replace(row, attempts=row.attempts + 1) for row in rows)
            for row in self._card_rows:
                self._add(row)

    async def _finish(self) -> None:
        row = self.told.finish
        assert row is not None
        await self._on_disk(row)
        doubt, call_id = row.seq in self._doubts, self.told.portal_call_id
        verdict = await self._attempt(row, lambda: self._shared.deliveries.finish(row, call_id, doubt=doubt))
        if verdict is not None:
            self._settle(row, verdict)
            self.told.shown = self.told.maybe = frozenset()

    async def _deliver(self) -> None:
        row = self.told.record
        assert row is not None
        await self._on_disk(row)
        call_id = self.told.portal_call_id
        verdict = await self._attempt(row, lambda: self._shared.deliveries.recording(row, call_id))
        if verdict is not None:
            self._settle(row, verdict)

    async def _attempt(self, row: OutboxRow, send: Callable[[], Awaitable[Verdict]]) -> Verdict | None:
        """Send; None when it has to be tried again later."""
        gate = self._shared.gate
        try:
            verdict = await send()
        except LimitExceeded as error:
            gate.pass_on()
            self._later(row, error, error.retry_after)
            return None
        except NotYet as error:
            gate.pass_on()
            self._later(row, error, LIVE_RETRY)
            return None
        except B24Error as error:
            if self._shared.deliveries.is_outage(error):
                gate.failed(error)
            else:
                gate.succeeded()
            if self._shared.deliveries.may_have_acted(error):
                self._doubts.add(row.seq)
            if isinstance(error, AccessDenied):
                self._log.warning("The portal does not let us ({}): {}", row.kind, error)
            self._later(row, error, DENIED_RETRY if isinstance(error, AccessDenied) else 0.0)
            return None
        except BaseException:
            gate.pass_on()
            raise
        gate.succeeded()
        self._failures = 0
        return verdict

    def _later(self, row: OutboxRow, error: B24Error, least: float = 0.0) -> None:
        """Note a failure and when to try again."""
        self._failures += 1
        longest = LATE_RETRY if self.told.finish is not None else LIVE_RETRY
        pause = min(0.5 * 2 ** min(self._failures - 1, 12), longest) * random.uniform(0.8, 1.2)
        self._not_before = time.monotonic() + max(pause, least)
        self._log.debug("{} not told the portal yet (attempt {}): {}", row.kind, self._failures, error)
        if row.kind in (Kind.SHOW, Kind.HIDE):
            return
        if time.time() - row.opened_at > GIVE_UP_AFTER:
            self._close(row, REFUSED, f"given up after a week: {error}")
        else:
            self._add(replace(row, attempts=row.attempts + 1, reason=str(error)[:500]))

    def _settle(self, row: OutboxRow, verdict: Verdict) -> None:
        """Note how an operation came out. A new body means: the same again, said differently."""
        current = self._current(row)
        attempts = current.attempts + 1
        if verdict.body is not None:
            changed = replace(current, attempts=attempts, reason=verdict.reason, body=verdict.body)
            self.told.add(changed)
            self._written[row.seq] = self._shared.outbox.submit(changed)
            return
        if verdict.state == REFUSED:
            self._log.warning("The portal will not have it ({}): {}", row.kind, verdict.reason)
        changes = {"state": verdict.state, "reason": verdict.reason, "answer": verdict.answer}
        self._add(replace(current, closed_at=time.time(), attempts=attempts, **changes))  # type: ignore[arg-type]
        self._written.pop(row.seq, None)
        self._doubts.discard(row.seq)
        self._shared.observe(row.kind, max(0.0, time.time() - row.fact_at))

    def _settle_cards(self, verdict: Verdict) -> None:
        for row in self._card_rows:
            self._settle(row, verdict)
        self._card_rows = ()

    def _current(self, row: OutboxRow) -> OutboxRow:
        known = {Kind.REGISTER: self.told.register, Kind.FINISH: self.told.finish, Kind.RECORD: self.told.record}
        current = known.get(Kind(row.kind))
        return current if current is not None and current.seq == row.seq else row

    # Small steps

    @property
    def _is_mirrored(self) -> bool:
        internal = self.record is not None and self.record.direction is Direction.INTERNAL
        return self.record is not None and (not internal or self._shared.rules.internal_calls)

    @property
    def _next_seq(self) -> int:
        return self.told.last_seq + 1

    def _add(self, row: OutboxRow) -> None:
        self.told.add(row)
        self._shared.outbox.post(row)

    def _close(self, row: OutboxRow, state: str, reason: str) -> None:
        self._add(replace(row, state=state, closed_at=time.time(), reason=reason))

    def _drop_cards(self) -> None:
        for row in self._card_rows:
            self._close(row, DROPPED, "overtaken by what happened next")
        self._card_rows = ()

    def _close_rest(self) -> None:
        """Without a registered call nothing else makes sense."""
        self._drop_cards()
        for row in (self.told.finish, self.told.record):
            if row is not None and row.state == OPEN:
                self._close(row, REFUSED, "the call could not be registered")

    async def _on_disk(self, *rows: OutboxRow) -> None:
        """Wait until the rows are written; a storage that refuses must not keep the portal from being told."""
        for row in rows:
            written = self._written.pop(row.seq, None)
            if written is None:
                continue
            done, _ = await asyncio.wait({written}, timeout=0.5)
            if done and (error := written.exception()) is not None:
                self._log.error("The outbox could not keep {}: {}", row.kind, type(error).__name__)

    async def _load(self) -> None:
        """Look up what a former life told the portal; without that word a call could be registered twice."""
        while not self._loaded:
            try:
                rows = await self._shared.outbox.of_call(self.call_id)
            except Exception as error:  # whatever is wrong with the storage, ask again
                self._log.warning("The outbox can't be read ({}), asking again", type(error).__name__)
                await asyncio.sleep(LIVE_RETRY)
                continue
            self.told = Told.of(rows)
            self._doubts = {row.seq for row in rows if row.state == OPEN}
            self._card_rows = _open_card_rows(rows)
            self._loaded = True

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(0.001, seconds)):
                await self._woken.wait()
        except TimeoutError:
            return


def _open_card_rows(rows: list[OutboxRow]) -> tuple[OutboxRow, ...]:
    return tuple(row for row in rows if row.state == OPEN and row.kind in (Kind.SHOW, Kind.HIDE))
