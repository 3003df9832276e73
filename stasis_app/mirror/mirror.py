"""The mirror: facts in, a true picture of every call in the portal."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import islice

from loguru import logger

from stasis_app.calls.facts import Fact, Started
from stasis_app.calls.record import CallRecord
from stasis_app.incidents import Incidents, Unheard
from stasis_app.mirror.context import Context, Responsible
from stasis_app.mirror.deliveries import Deliveries
from stasis_app.mirror.gate import Gate
from stasis_app.mirror.lane import Lane
from stasis_app.mirror.operations import Rules
from stasis_app.mirror.people import People
from stasis_app.mirror.portal_calls import PortalCalls
from stasis_app.mirror.recordings import Recordings
from stasis_app.mirror.tidying import discard_old
from stasis_app.settings import Bitrix24Settings
from stasis_app.store import Outbox

REMEMBERED = 3 * 86400.0
"""Seconds a registered call may go on and still be taken up after a restart."""
TIDY_EVERY = 5.0
MOST_LANES = 5000
"""Calls kept in memory while the portal is away (some 10 KB each); more of those that are over wait on disk alone."""
READ_AT_ONCE = 200
STOP_PATIENCE = 1.5
"""Seconds the portal has to answer what it was asked last when the service ends: a standby may wait to take over."""

Observer = Callable[[str, float], None]
"""Told the kind of an operation that is settled and the seconds since the fact it follows from."""


@dataclass(frozen=True, slots=True)
class MirrorState:
    """How the mirror does. `waiting`: calls with something the portal has not been told yet."""

    waiting: int
    lanes: int
    portal_down_for: float | None
    last_error: str
    settled: dict[str, int]


class Mirror:
    """Keeps the portal's picture of every call true.

    Args:
        outbox: where operations are kept before they are sent.
        portal: the portal.
        people: the directory of employees.
        recordings: where recordings come from.
        settings: the rules ([bitrix24]).
        spell: how a number is written for the portal ("" for one that is withheld).
        observe: told how long each operation took.
        responsible_of: who answers for a number in the CRM, asked when a call was missed before that was known; None
            when that can't be told now.
        incidents: told what the portal will never take, recordings that can't be delivered, extensions of nobody.
    """

    def __init__(
        self,
        outbox: Outbox,
        portal: PortalCalls,
        people: People,
        recordings: Recordings,
        settings: Bitrix24Settings,
        *,
        spell: Callable[[str], str] = str,
        observe: Observer | None = None,
        responsible_of: Callable[[str], Awaitable[Responsible | None]] | None = None,
        incidents: Incidents | None = None,
    ) -> None:
        self.gate = Gate()
        self._outbox = outbox
        self._recordings = recordings
        self._discarding: asyncio.Task[None] | None = None
        self._observer = observe
        self._settled: Counter[str] = Counter()
        rules = Rules(
            default_user=settings.default_user,
            credit=settings.credit,
            anonymous_number=settings.anonymous_number,
            crm_create=settings.crm_create,
            internal_calls=settings.internal_calls,
            message_todo=settings.message_todo,
            notes=settings.notes_language if settings.notes else None,
        )
        heard = incidents or Unheard()
        deliveries = Deliveries(portal, recordings, people, settings.default_user, heard)
        whose = responsible_of or _nobody
        self._shared = Context(outbox, deliveries, self.gate, people, rules, spell, self._observe, whose, heard)
        self._lanes: dict[str, Lane] = {}
        self._resting: dict[str, frozenset[int] | None] = {}  # calls that wait on disk, with what is in doubt of each
        self._moving: asyncio.Task[None] | None = None
        self._tidying: asyncio.TimerHandle | None = None
        self._stopped = False

    async def start(self) -> None:
        """Take up what a former life left undone. To be awaited before the first fact.

        Raises SQLAlchemyError when the outbox can't be read.
        """
        unfinished = await self._outbox.unfinished(time.time() - REMEMBERED)
        self._resting = {call_id: None for call_id in unfinished if call_id not in self._lanes}
        await self._take_up()
        if unfinished:
            logger.info("The outbox has something left of {} calls", len(unfinished))
        self._tidying = asyncio.get_running_loop().call_later(TIDY_EVERY, self._tidy)
        if self._recordings.keep_days:
            self._discarding = asyncio.create_task(
                discard_old(self._outbox, self._recordings, self._recordings.keep_days), name="old recordings"
            )

    async def stop(self, patience: float = STOP_PATIENCE) -> None:
        """Let requests under way come to an end; everything else waits in the outbox for the next start."""
        self._stopped = True
        if self._tidying is not None:
            self._tidying.cancel()
        for task in (self._discarding, self._moving):
            if task is not None:
                task.cancel()
                await asyncio.wait({task})
        await asyncio.gather(*(lane.stop(patience) for lane in self._lanes.values()))

    def on_fact(self, record: CallRecord, fact: Fact) -> None:
        """Take in a fact; `record` is the call after it. Returns at once."""
        if self._stopped:
            return
        lane = self._lanes.get(fact.call_id)
        if lane is None:
            # A call that has just begun is not in the outbox; of any other it may hold something already.
            rows = () if isinstance(fact, Started) and fact.call_id not in self._resting else None
            self._resting.pop(fact.call_id, None)
            lane = self._lanes[fact.call_id] = Lane(fact.call_id, self._shared, rows)
        lane.on_fact(record, fact)

    def registered_by_portal(self, call_id: str, portal_call_id: str, user_id: int) -> None:
        """The portal began this call itself (click-to-call) and shows it to this user: it is never registered again.

        To be called before the loop runs on after the call's `Started`.
        """
        lane = self._lanes.get(call_id)
        if lane is None:
            lane = self._lanes[call_id] = Lane(call_id, self._shared, [])
        lane.registered_by_portal(portal_call_id, user_id)

    def came_to_nothing(self, call_id: str, portal_call_id: str, user_id: int, reason: str) -> None:
        """A call the portal began by itself could not be made, for this reason: it is told so, whenever it can be.

        `call_id` is ours, of no other call.
        """
        self.registered_by_portal(call_id, portal_call_id, user_id)
        self._lanes[call_id].comes_to_nothing(user_id, reason)

    def call_of(self, portal_call_id: str) -> str:
        """The id of the call that goes on under this CALL_ID in the portal, "" for none."""
        return self._shared.owners.get(portal_call_id, "")

    async def settled(self) -> None:
        """Wait until nothing is being done for any call (not even waited for)."""
        while busy := [lane for lane in self._lanes.values() if not lane.is_idle]:
            await asyncio.gather(*(lane.done() for lane in busy))

    @property
    def state(self) -> MirrorState:
        """How the mirror does."""
        down = self.gate.down_since
        return MirrorState(
            waiting=sum(1 for lane in self._lanes.values() if not lane.is_idle) + len(self._resting),
            lanes=len(self._lanes),
            portal_down_for=time.monotonic() - down if down is not None else None,
            last_error=self.gate.last_error,
            settled=dict(self._settled),
        )

    def _observe(self, kind: str, seconds: float) -> None:
        self._settled[kind] += 1
        if self._observer is not None:
            self._observer(kind, seconds)

    def _tidy(self) -> None:
        if self._moving is None or self._moving.done():
            self._moving = asyncio.create_task(self._tidy_up(), name="mirror tidies up")
        self._tidying = asyncio.get_running_loop().call_later(TIDY_EVERY, self._tidy)

    async def _tidy_up(self) -> None:
        try:
            await self._forget()
            if not self.gate.is_open and len(self._lanes) > MOST_LANES:
                await self._lay_down()
            elif self.gate.is_open and self._resting and len(self._lanes) < MOST_LANES / 2:
                await self._take_up()
        except Exception as error:
            logger.warning("The outbox can't be read ({}), asking again", type(error).__name__)

    async def _forget(self) -> None:
        """Forget calls about which nothing is left to say, once that is on disk: a late recording looks there."""
        over = [lane for lane in self._lanes.values() if lane.is_over]
        if over and await self._outbox.settle():
            for lane in over:
                if lane.is_over:
                    del self._lanes[lane.call_id]

    async def _lay_down(self) -> None:
        """Let calls that are over wait on disk alone, the oldest first: the portal is away, and they are many."""
        if not await self._outbox.settle():
            return  # the disk refuses too: memory is all they have
        surplus = len(self._lanes) - MOST_LANES
        for lane in list(islice((lane for lane in self._lanes.values() if lane.may_rest), surplus)):
            if not lane.may_rest:
                continue  # its turn has come meanwhile
            del self._lanes[lane.call_id]
            self._resting[lane.call_id] = None
            await lane.stop(0)
            if lane.call_id in self._resting:
                self._resting[lane.call_id] = lane.doubts

    async def _take_up(self) -> None:
        """Go on with calls that wait on disk."""
        while self._resting and len(self._lanes) < MOST_LANES:
            chosen = list(islice(self._resting, READ_AT_ONCE))
            rows = await self._outbox.of_calls(chosen)
            for call_id in chosen:
                if call_id not in self._resting:
                    continue  # a fact has taken it up meanwhile
                doubts = self._resting.pop(call_id)
                if call_id in rows:
                    lane = self._lanes[call_id] = Lane(call_id, self._shared, rows[call_id], doubts)
                    lane.wake()


async def _nobody(number: str) -> Responsible | None:
    return None
