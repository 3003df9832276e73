"""Calls that only happen in words: three phones ring, one is answered, they talk, it ends. No Asterisk is needed.

Each happening is told to a client of the portal as facts, and its moment is kept, so that it can be compared with the
moment it took effect at the portal.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from stasis_app.calls import facts as f
from stasis_app.calls.record import CallRecord, after, begin

RINGS_AFTER_S = 0.2
RING_S = (3.0, 9.0)
TALK_S = (5.0, 15.0)

Listener = Callable[[CallRecord, f.Fact], None]


@dataclass(slots=True)
class ToldCall:
    """A call from `number`; `phones` are the extensions that ring, the first one is answered."""

    call_id: str
    number: str
    phones: Sequence[str]
    tell: Listener
    ago: timedelta = timedelta(0)
    rang_at: float = 0.0
    answered_at: float = 0.0
    ended_at: float = 0.0
    _record: CallRecord | None = None

    def starts(self) -> None:
        """It comes in, and the phonebook knows whose number it is."""
        caller = f.Party(f.PartyKind.CUSTOMER, self.number)
        started = f.Started(
            call_id=self.call_id, at=self._now(), direction=f.Direction.INBOUND, caller=caller, line="74957770000"
        )
        self._record = begin(started)
        self.tell(self._record, started)
        self._happens(f.Identified, entity_type="CONTACT", entity_id=1 + int(self.number[-4:]), user_id=101)

    def rings(self) -> None:
        """All its phones ring."""
        self.rang_at = time.time()
        for phone in self.phones:
            self._happens(f.Dialled, **self._leg(phone))
        for phone in self.phones:
            self._happens(f.Ringing, **self._leg(phone))

    def answers(self) -> None:
        """The first phone is answered, the others stop."""
        self.answered_at = time.time()
        first, *others = self.phones
        self._happens(f.Answered, **self._leg(first))
        for phone in others:
            self._happens(f.NotAnswered, **self._leg(phone), why=f.Unanswered.ANSWERED_ELSEWHERE)
        caller = f.Party(f.PartyKind.CUSTOMER, self.number)
        self._happens(f.Joined, leg="caller", party=caller, bridge="talk")
        self._happens(f.Joined, **self._leg(first), bridge="talk")

    def ends(self) -> None:
        """The caller hangs up."""
        self.ended_at = time.time()
        first = self.phones[0]
        if self.answered_at:
            self._happens(f.Left, **self._leg(first), bridge="talk")
            self._happens(f.LegEnded, **self._leg(first), cause=16)
        self._happens(f.Ended, by=f.EndedBy.CUSTOMER, cause=16)

    async def lives(self, chance: random.Random) -> None:
        """All of it, in its own time."""
        self.starts()
        await asyncio.sleep(RINGS_AFTER_S)
        self.rings()
        await asyncio.sleep(chance.uniform(*RING_S))
        self.answers()
        await asyncio.sleep(chance.uniform(*TALK_S))
        self.ends()

    def _happens(self, kind: type[f.Fact], **what: Any) -> None:
        assert self._record is not None
        fact = kind(call_id=self.call_id, at=self._now(), **what)
        self._record = after(self._record, fact)
        self.tell(self._record, fact)

    def _now(self) -> datetime:
        return datetime.now(UTC) - self.ago

    @staticmethod
    def _leg(phone: str) -> dict[str, Any]:
        return {"leg": f"leg-{phone}", "party": f.Party(f.PartyKind.EMPLOYEE, phone)}


@dataclass(slots=True)
class Offer:
    """Calls offered at a steady rate, each ringing three of the company's phones."""

    extensions: Sequence[str]
    tell: Listener
    calls: list[ToldCall] = field(default_factory=list)
    _chance: random.Random = field(default_factory=lambda: random.Random(3))

    async def at(self, rate: float, seconds: float) -> None:
        """Offer calls for so long and wait until they have ended."""
        began = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as living:
            for number in range(max(1, round(rate * seconds))):
                await asyncio.sleep(began + number / rate - asyncio.get_running_loop().time())
                living.create_task(self.one().lives(self._chance))

    def one(self, *, ago: timedelta = timedelta(0)) -> ToldCall:
        """One more call; `ago`: it happened so long before now."""
        number = len(self.calls)
        phones = [self.extensions[(3 * number + i) % len(self.extensions)] for i in range(3)]
        call = ToldCall(f"1773130778.{number}", f"7916555{number % 10_000:04d}", phones, self.tell, ago)
        self.calls.append(call)
        return call
