"""One call on its way to the portal: its operations one after another, while other calls go their own way.

A lane knows the call's record (as of the last fact) and what the portal has been told; whenever it is free it does
the next thing that is missing. So whatever has lost its point before it could be sent is never sent.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from loguru import logger

from stasis_app.calls.facts import Direction, Ended, Fact, Identified, LegFact
from stasis_app.calls.record import CallRecord
from stasis_app.incidents import UNKNOWN_EXTENSION, Incidents
from stasis_app.mirror import operations as ops
from stasis_app.mirror.attempts import Attempts
from stasis_app.mirror.deliveries import Beginning, Deliveries, Doubt, NotYet, Verdict
from stasis_app.mirror.entries import Entries
from stasis_app.mirror.gate import Gate
from stasis_app.mirror.operations import Kind, Rules, Told
from stasis_app.mirror.people import People, cards
from stasis_app.mirror.portal_calls import Change
from stasis_app.store import DROPPED, OPEN, REFUSED, Outbox, OutboxRow

SETTLE = 0.25
"""Seconds a call may wait for the CRM's word on whose number it is before it is registered without."""
FIRST_CARD = 2.0
"""Seconds a registration may wait for its first card when requests are scarce."""
LINGER = 0.2
"""Seconds cards stay when nobody is concerned any more: mostly the end or the next phone follows at once."""
ASK_AGAIN = 2.0
"""Seconds before a storage that could not be read is asked again."""

ASKS, BETWEEN_ASKS = 4, 1.0
"""How often a portal that has much to catch up with is asked whose a missed call was, and the seconds in between."""

Step = Callable[[], Awaitable[None]]

_NOBODY: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Responsible:
    """Who answers for a number in the CRM; `user_id` is None when that is nobody in particular."""

    user_id: int | None


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
    responsible_of: Callable[[str], Awaitable[Responsible | None]]
    incidents: Incidents
    owners: dict[str, str] = field(default_factory=dict)
    """The portal's calls that go on, and which call of ours each is."""


class Lane:
    """The operations of one call.

    `rows`: what the outbox holds of it; None when that has to be looked up. `doubts`: which of the open ones the portal
    may have carried out; None: any.
    """

    def __init__(
        self,
        call_id: str,
        shared: Context,
        rows: Sequence[OutboxRow] | None,
        doubts: frozenset[int] | None = None,
    ) -> None:
        self.call_id = call_id
        self.record: CallRecord | None = None
        self._shared = shared
        self._log = logger.bind(call=call_id)
        self._entries = Entries(call_id, shared.outbox, shared.observe, shared.incidents)
        self._loaded = rows is not None
        self._entries.load(rows or (), doubts)
        self._attempts = Attempts(shared.gate, self._entries, self._log)
        self._task: asyncio.Task[None] | None = None
        self._woken = asyncio.Event()
        self._may_register = False
        self._begun = self._fact_at = time.monotonic()
        self._nobody_since: float | None = None
        self._unknown: set[str] = set()
        self._waits_for_portal = False
        self._along: OutboxRow | None = None  # the end that went out with the registration
        self._asked_whose = False

    @property
    def told(self) -> Told:
        """What the portal has been told."""
        return self._entries.told

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being done or waited for."""
        return self._task is None or self._task.done()

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be expected for this call (a late recording finds it again in the outbox)."""
        if not self.is_idle or not self._loaded:
            return False
        record = self.record
        if record is None:
            return self.told.is_hopeless or self.told.is_finished
        settled = self.told.is_hopeless or self.told.is_finished or not self._is_mirrored
        return settled and record.ended_at is not None and not record.recording

    @property
    def doubts(self) -> frozenset[int]:
        """The operations the portal may have carried out without our knowing."""
        return self._entries.doubts

    @property
    def may_rest(self) -> bool:
        """Whether it only waits for the portal and nothing more happens to the call: the outbox can wait alone."""
        record = self.record
        is_recorded = record is not None and bool(record.recording)
        return self._waits_for_portal and self.told.finish is not None and not is_recorded

    def on_fact(self, record: CallRecord, fact: Fact) -> None:
        """Take in a fact. Returns at once; what follows from it happens in the lane's own task."""
        self.record = record
        self._fact_at = time.monotonic()
        if isinstance(fact, Identified | LegFact | Ended) or record.direction is not Direction.INBOUND:
            self._may_register = True
        self._open_final()
        self.wake()

    def registered_by_portal(self, portal_call_id: str, user_id: int) -> None:
        """The portal has registered this call by itself and shows it to this user."""
        self._entries.registered_elsewhere(portal_call_id, user_id)
        self.wake()

    def wake(self) -> None:
        """See what is to be done."""
        self._woken.set()
        if self.is_idle and not self._is_quiet:
            self._task = asyncio.create_task(self._run(), name=f"mirror {self.call_id}")

    async def done(self) -> None:
        """Wait until there is nothing to do."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def stop(self, patience: float) -> None:
        """Let the request under way come to its end, `patience` seconds at most; the rest stays in the outbox."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=patience)
            self._task.cancel()
            await asyncio.wait({self._task})

    # What comes next

    async def _run(self) -> None:
        try:
            await self._load()
            while (step := self._next()) is not None:
                self._woken.clear()
                if isinstance(step, float):
                    await self._pause(step)
                elif self._shared.gate.is_open:
                    await step()
                else:
                    await self._in_turn()
        except Exception:
            self._log.exception("The mirror of this call stopped; it goes on with the next fact or restart")

    async def _in_turn(self) -> None:
        """The portal is away: wait until it is back or for our turn to ask; much may have happened by then."""
        self._waits_for_portal = True
        try:
            await self._shared.gate.turn()
        finally:
            self._waits_for_portal = False
        step = self._next()
        if step is None or isinstance(step, float):
            self._shared.gate.pass_on()
        else:
            await step()

    def _next(self) -> Step | float | None:
        """What to do now, a pause in seconds, or None: nothing until the next fact."""
        self._open_final()
        told = self.told
        if told.register is None and not self._is_mirrored:
            return None
        if told.is_hopeless:
            self._close_rest("the call could not be registered")
            return None
        if told.register is None:
            wait = self._begun + SETTLE - time.monotonic()
            if wait > 0 and not self._may_register:
                return wait
            self._open_register()
        if not told.is_registered:
            return self._too_early() or self._when_due(self._register)
        if told.finish is None or told.finish.state == OPEN:
            self._shared.owners.setdefault(told.portal_call_id, self.call_id)
            return self._next_cards() if told.finish is None else self._next_end()
        self._disown()
        if told.finish.state == REFUSED:
            self._close_rest("the call could not be finished")
        late = ((told.record, self._deliver), (told.todo, self._remind), (told.note, self._annotate))
        for row, step in late:
            if row is not None and row.state == OPEN:
                return self._entries.at_work_for(Kind(row.kind)) or self._when_due(step)
        return None

    def _next_cards(self) -> Step | float | None:
        show, hide, wanted = self._difference()
        if not show and not hide:
            self._entries.drop_cards()
            self._nobody_since = None
            return None
        if wanted:
            self._nobody_since = None
            return self._when_due(self._move_cards)
        self._nobody_since = self._nobody_since or time.monotonic()
        wait = self._nobody_since + LINGER - time.monotonic()
        return wait if wait > 0 else self._when_due(self._move_cards)

    def _next_end(self) -> Step | float:
        """The end is told when no registration can come after it: that would begin a call nobody ever ends."""
        wait = self._entries.at_work_for(Kind.REGISTER)
        if wait > LINGER and self._difference()[1]:
            return self._when_due(self._move_cards)
        if wait:
            return wait
        self._entries.drop_cards()
        return self._when_due(self._finish)

    def _when_due(self, step: Step) -> Step | float:
        wait = self._attempts.wait
        return wait if wait > 0 else step

    def _difference(self) -> tuple[frozenset[int], frozenset[int], frozenset[int]]:
        """Who should get the card, who should lose it, who should have it."""
        if self.told.finish is not None:
            return _NOBODY, self.told.shown | self.told.maybe, _NOBODY
        if self.record is None or self.record.ended_at is not None:
            return _NOBODY, _NOBODY, _NOBODY
        wanted, strangers = cards(self.record, self._shared.people)
        for extension in strangers:
            if extension not in self._unknown:
                self._unknown.add(extension)
                self._log.warning("Extension {} belongs to nobody in the portal: no card for it", extension)
                if any(True for _ in self._shared.people.employees):  # else nobody at all is known yet
                    self._shared.incidents.report(UNKNOWN_EXTENSION, f"call {self.call_id}", subject=extension)
        return wanted - self.told.shown, (self.told.shown | self.told.maybe) - wanted, wanted

    # Operations are opened

    def _open_register(self) -> None:
        assert self.record is not None
        number = self._shared.spell(self.record.customer_number)
        body = ops.register_body(self.record, number, self._shared.people, self._shared.rules)
        self._entries.open(Kind.REGISTER, self.record.started_at.timestamp(), body)

    def _open_final(self) -> None:
        """Note the end and its recording at once, whatever else is still on its way."""
        record = self.record
        if record is None or record.ended_at is None:
            return
        if not self._loaded or not self._is_mirrored or self.told.is_hopeless:
            return
        if self.told.register is None:
            self._open_register()
        if self.told.finish is None:
            body = ops.finish_body(record, self._shared.people, self._shared.rules)
            self._entries.open(Kind.FINISH, record.ended_at.timestamp(), body)
        self._open_recordings(record)
        if ops.has_message(record) and self.told.todo is None and self._shared.rules.message_todo:
            number = self._shared.spell(record.customer_number)
            body = ops.todo_body(record, number, self._shared.people, self._shared.rules)
            self._entries.open(Kind.TODO, record.ended_at.timestamp(), body)
        self._open_note(record, record.ended_at.timestamp())

    def _open_note(self, record: CallRecord, ended_at: float) -> None:
        language = self._shared.rules.notes
        if language is None or self.told.note is not None:
            return
        body = ops.note_body(record, self._shared.people, language)
        if body is not None:
            self._entries.open(Kind.NOTE, ended_at, body)

    def _open_recordings(self, record: CallRecord) -> None:
        recordings = ops.recordings_to_deliver(record)
        names = frozenset(recorded.name for recorded in recordings)
        if names <= self.told.delivered:
            return
        waiting = self.told.record
        if waiting is not None and waiting.state == OPEN:
            if ops.names_of(waiting) == names:
                return
            self._entries.close(waiting, DROPPED, "more was recorded of the call")
        self._entries.open(Kind.RECORD, recordings[-1].at.timestamp(), ops.record_body(recordings))

    def _close_rest(self, reason: str) -> None:
        self._entries.drop_cards()
        for row in (self.told.finish, self.told.record, self.told.todo, self.told.note):
            if row is not None and row.state == OPEN:
                self._entries.close(row, REFUSED, reason)

    # Operations are carried out

    async def _register(self) -> None:
        await self._find_responsible()
        row, end = self.told.register, self.told.finish
        assert row is not None
        shows = self._entries.open_cards(self._difference()[0], _NOBODY, self._fact_time())
        await self._entries.on_disk(row, *shows, *([end] if end else ()))
        doubt = Doubt(self._entries.is_doubtful(row), end is not None and self._entries.is_doubtful(end))
        live = end is None
        self._along = None
        verdict = await self._attempt(
            lambda: [row, *self._entries.cards, *([self._along] if self._along else ())],
            lambda: self._registered_alone(row, live=live, doubt=doubt),
        )
        if verdict is None or (verdict.state == DROPPED and verdict.body is None):
            return
        self._entries.settle(row, verdict)
        if verdict.shown:
            self._entries.settle_cards(Verdict())
        end = self.told.finish
        if verdict.finish is None or end is None or end.state != OPEN:
            return
        if verdict.finish.state == OPEN:
            self._entries.doubt([end])
            self._entries.missed([end], verdict.finish.reason)
        else:
            self._entries.settle(end, verdict.finish)

    async def _registered_alone(self, row: OutboxRow, *, live: bool, doubt: Doubt) -> Verdict:
        """Register. A portal may take two calls of the same two people for one as long as the first goes on.

        Then the second is registered once the first is written down: one call of the portal's can be finished once.
        """
        verdict = await self._shared.deliveries.register(
            row, self._beginning, live=live, since=self._fact_at, doubt=doubt
        )
        portal_call_id = verdict.answer.get("call_id", "")
        owner = self._shared.owners.setdefault(portal_call_id, self.call_id) if portal_call_id else self.call_id
        if owner != self.call_id:
            raise NotYet("register", "", f"the portal takes it for call {owner}, which still goes on")
        return verdict

    def _disown(self) -> None:
        """The portal's call is written down: whoever gets its id now, got it anew."""
        if self._shared.owners.get(self.told.portal_call_id) == self.call_id:
            del self._shared.owners[self.told.portal_call_id]

    def _too_early(self) -> float:
        """Seconds a registration should wait for its first card: where requests are scarce they travel together.

        Else the card would have to wait for the answer to a request that carries many others. That of a call that is
        over waits until an earlier one can't be carried out any more: both would be written down.
        """
        if self.told.finish is not None:
            return self._entries.at_work_for(Kind.REGISTER)
        if not self._shared.deliveries.is_crowded or self._difference()[0]:
            return 0.0
        return max(0.0, self._begun + FIRST_CARD - time.monotonic())

    def _beginning(self) -> Beginning | None:
        """What travels with the registration, asked for in the moment it goes out; None: it is too early."""
        if self._too_early():
            return None
        end = self.told.finish
        if end is not None and end.state == OPEN and (self._asked_whose or "whose" not in end.body):
            self._entries.drop_cards()
            self._along = end
            return Beginning(finish=end)
        show = self._difference()[0]
        self._entries.open_cards(show, _NOBODY, self._fact_time())
        self.told.maybe |= show
        return Beginning(show)

    async def _move_cards(self) -> None:
        show, hide, _ = self._difference()
        await self._entries.on_disk(*self._entries.open_cards(show, hide, self._fact_time()))
        call_id = self.told.portal_call_id
        verdict = await self._attempt(
            lambda: self._entries.cards,
            lambda: self._shared.deliveries.cards(call_id, Change(show, hide), self._change, since=self._fact_at),
        )
        if verdict is not None and verdict.state != DROPPED:
            self._entries.settle_cards(verdict)

    def _change(self) -> Change | None:
        """The change of cards that is right now; its entries are on their way to the disk before it is sent."""
        show, hide, _ = self._difference()
        is_over = self.told.finish is not None and not self._entries.at_work_for(Kind.REGISTER)
        if is_over or not (show or hide):
            self._entries.drop_cards()
            return None
        self._entries.open_cards(show, hide, self._fact_time())
        self.told.maybe |= show
        return Change(show, hide)

    async def _finish(self) -> None:
        await self._find_responsible()
        row = self.told.finish
        assert row is not None
        await self._entries.on_disk(row)
        doubt, call_id = self._entries.is_doubtful(row), self.told.portal_call_id
        verdict = await self._attempt(
            lambda: [row], lambda: self._shared.deliveries.finish(row, call_id, since=self._fact_at, doubt=doubt)
        )
        if verdict is not None:
            self._entries.settle(row, verdict)

    async def _find_responsible(self) -> None:
        """A missed call ended before the portal could say whose it is: the portal is asked before it is told."""
        row = self.told.finish
        if row is None or "whose" not in row.body:
            return
        for _ in range(ASKS):
            found = await self._shared.responsible_of(row.body["whose"])
            if found is not None:
                self._entries.rewrite(row, ops.belonging_to(row.body, found.user_id))
                break
            await asyncio.sleep(BETWEEN_ASKS)
        self._asked_whose = True

    async def _deliver(self) -> None:
        row = self.told.record
        assert row is not None
        await self._entries.on_disk(row)
        call_id = self.told.portal_call_id
        verdict = await self._attempt(lambda: [row], lambda: self._shared.deliveries.recording(row, call_id))
        if verdict is not None:
            self._entries.settle(row, verdict)

    async def _remind(self) -> None:
        row, registered = self.told.todo, self.told.register
        assert row is not None
        assert registered is not None
        await self._entries.on_disk(row)
        doubt = self._entries.is_doubtful(row)
        verdict = await self._attempt(
            lambda: [row], lambda: self._shared.deliveries.todo(row, registered.answer, doubt=doubt)
        )
        if verdict is not None:
            self._entries.settle(row, verdict)

    async def _annotate(self) -> None:
        row, registered = self.told.note, self.told.register
        assert row is not None
        assert registered is not None
        await self._entries.on_disk(row)
        doubt = self._entries.is_doubtful(row)
        verdict = await self._attempt(
            lambda: [row], lambda: self._shared.deliveries.note(row, registered.answer, doubt=doubt)
        )
        if verdict is not None:
            self._entries.settle(row, verdict)

    async def _attempt(
        self, rows: Callable[[], Sequence[OutboxRow]], send: Callable[[], Awaitable[Verdict]]
    ) -> Verdict | None:
        """Send; None when it has to be tried again later. `rows` are the entries concerned when it comes to nothing."""
        return await self._attempts.make(rows, send, late=self.told.finish is not None)

    # Small steps

    @property
    def _is_mirrored(self) -> bool:
        if self.record is None:
            return False
        return self.record.direction is not Direction.INTERNAL or self._shared.rules.internal_calls

    @property
    def _is_quiet(self) -> bool:
        """Whether the call goes on and everybody concerned has the card: true after most facts."""
        if not self._loaded or not self.told.is_registered or self.told.finish is not None:
            return False
        show, hide, _ = self._difference()
        return not show and not hide and not self._entries.cards

    def _fact_time(self) -> float:
        """When the last fact came, in Unix seconds."""
        return time.time() - (time.monotonic() - self._fact_at)

    async def _load(self) -> None:
        """Look up what a former life told the portal; without that word a call could be registered twice."""
        while not self._loaded:
            try:
                rows = await self._shared.outbox.of_call(self.call_id)
            except Exception as error:
                self._log.warning("The outbox can't be read ({}), asking again", type(error).__name__)
                await asyncio.sleep(ASK_AGAIN)
            else:
                self._entries.load(rows)
                self._loaded = True

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(0.001, seconds)):
                await self._woken.wait()
        except TimeoutError:
            return
