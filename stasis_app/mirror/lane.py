"""One call on its way to the portal: its operations one after another, while other calls go their own way.

A lane knows the call's record (as of the last fact) and what the portal has been told; whenever it is free it does
the next thing that is missing. So whatever has lost its point before it could be sent is never sent.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from loguru import logger

from stasis_app.calls.facts import Direction, Ended, Fact, Identified, LegFact
from stasis_app.calls.record import CallRecord
from stasis_app.mirror.agenda import Agenda, Step
from stasis_app.mirror.attempts import Attempts
from stasis_app.mirror.context import Context
from stasis_app.mirror.openings import open_final
from stasis_app.mirror.operations import Kind, Told, failed_body
from stasis_app.mirror.subject import Subject
from stasis_app.mirror.work import Work
from stasis_app.store import OutboxRow

ASK_AGAIN = 2.0
"""Seconds before a storage that could not be read is asked again."""


class Lane:
    """The way of one call.

    `rows`: what the outbox holds of it; None when that has to be looked up. `doubts`: which of the open ones the portal
    may have carried out; None: any.
    """

    __slots__ = ("_agenda", "_loaded", "_subject", "_task", "_waits_for_portal", "_woken", "_work", "call_id")

    def __init__(
        self,
        call_id: str,
        shared: Context,
        rows: Sequence[OutboxRow] | None,
        doubts: frozenset[int] | None = None,
    ) -> None:
        self.call_id = call_id
        self._subject = Subject(call_id, shared)
        self._loaded = rows is not None
        if rows:
            self._subject.entries.load(rows, doubts)
        attempts = Attempts(call_id, shared.gate, self._subject.entries)
        self._agenda = Agenda(self._subject, attempts)
        self._work = Work(self._subject, attempts, self._agenda.too_early)
        self._task: asyncio.Task[None] | None = None
        self._woken: asyncio.Future[None] | None = None  # while it pauses
        self._waits_for_portal = False

    @property
    def told(self) -> Told:
        """What the portal has been told."""
        return self._subject.told

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being done or waited for."""
        return self._task is None or self._task.done()

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be expected for this call (a late recording finds it again in the outbox)."""
        if not self.is_idle or not self._loaded:
            return False
        record = self._subject.record
        if record is None:
            return self.told.is_hopeless or self.told.is_finished
        settled = self.told.is_hopeless or self.told.is_finished or not self._subject.is_mirrored
        return settled and record.ended_at is not None and not record.recording

    @property
    def doubts(self) -> frozenset[int]:
        """The operations the portal may have carried out without our knowing."""
        return self._subject.entries.doubts

    @property
    def may_rest(self) -> bool:
        """Whether it only waits for the portal and nothing more happens to the call: the outbox can wait alone."""
        record = self._subject.record
        is_recorded = record is not None and bool(record.recording)
        return self._waits_for_portal and self.told.finish is not None and not is_recorded

    def on_fact(self, record: CallRecord, fact: Fact) -> None:
        """Take in a fact. Returns at once; what follows from it happens in the lane's own task."""
        self._subject.heard(record)
        if isinstance(fact, Identified | LegFact | Ended) or record.direction is not Direction.INBOUND:
            self._agenda.may_register = True
        if self._loaded:
            open_final(self._subject)
        self.wake()

    def registered_by_portal(self, portal_call_id: str, user_id: int) -> None:
        """The portal has registered this call by itself and shows it to this user."""
        self._subject.entries.registered_elsewhere(portal_call_id, user_id)
        self.wake()

    def comes_to_nothing(self, user_id: int, reason: str) -> None:
        """The call the portal has registered by itself could not even begin."""
        self._subject.entries.open(Kind.FINISH, time.time(), failed_body(user_id, reason))
        self.wake()

    def wake(self) -> None:
        """See what is to be done."""
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)
        if self.is_idle and not (self._loaded and self._agenda.is_quiet):
            self._task = asyncio.create_task(self._run(), name=f"mirror {self.call_id}")

    async def done(self) -> None:
        """Wait until there is nothing to do."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def stop(self, patience: float) -> None:
        """Let the request under way come to its end, `patience` seconds at most; the rest stays in the outbox."""
        task = self._task
        if task is not None:
            await asyncio.wait({task}, timeout=patience)
            task.cancel()
            await asyncio.wait({task})

    async def _run(self) -> None:
        try:
            await self._load()
            while (step := self._agenda.next()) is not None:
                if isinstance(step, float):
                    await self._pause(step)
                elif self._subject.shared.gate.is_open:
                    await self._work.do(step)
                else:
                    await self._in_turn()
        except Exception:
            logger.bind(call=self.call_id).exception(
                "The mirror of this call stopped; it goes on with the next fact or restart"
            )
        finally:
            self._task = None

    async def _in_turn(self) -> None:
        """The portal is away: wait until it is back or for our turn to ask; much may have happened by then."""
        gate = self._subject.shared.gate
        self._waits_for_portal = True
        try:
            await gate.turn()
        finally:
            self._waits_for_portal = False
        step = self._agenda.next()
        if isinstance(step, Step):
            await self._work.do(step)
        else:
            gate.pass_on()

    async def _load(self) -> None:
        """Look up what a former life told the portal; without that word a call could be registered twice."""
        while not self._loaded:
            try:
                rows = await self._subject.shared.outbox.of_call(self.call_id)
            except Exception as error:
                text = "The outbox can't be read ({}), asking again"
                logger.bind(call=self.call_id).warning(text, type(error).__name__)
                await asyncio.sleep(ASK_AGAIN)
            else:
                self._subject.entries.load(rows)
                self._loaded = True

    async def _pause(self, seconds: float) -> None:
        """Until the time is over or something happens to the call."""
        self._woken = asyncio.get_running_loop().create_future()
        await asyncio.wait({self._woken}, timeout=max(0.001, seconds))
        self._woken = None
