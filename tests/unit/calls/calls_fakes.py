"""A telephone exchange in memory: it does what is asked as Asterisk would, and tells the tracker what happened.

Tests say what people do (`customer_calls`, `rings`, `answers`, `hangs_up`, `presses`) and what goes wrong (`refuse`,
`hold`, `lose_events`); `asked` is everything that was asked of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from stasis_app.ari import events as e
from stasis_app.calls import facts as f
from stasis_app.calls.call import Call
from stasis_app.calls.facts import RecordingMode
from stasis_app.calls.options import CallOptions
from stasis_app.calls.policy import RecordingPolicy
from stasis_app.calls.record import CallRecord
from stasis_app.calls.tracker import Tracker
from stasis_app.calls.verbs import CallHandle, Target
from tests.unit.calls.calls_asterisk import APP
from tests.unit.calls.calls_requests import ObedientAsterisk

CUSTOMER = "79161234567"


async def keep_waiting(call: CallHandle) -> None:
    """A flow that does nothing until the call ends."""
    assert isinstance(call, Call)
    await call.until(lambda: None)


class Exchange(ObedientAsterisk):
    """An Asterisk in memory, the tracker of its calls, and the people at its phones."""

    def __init__(
        self, *, record: bool = False, policy: RecordingPolicy | None = None, options: CallOptions | None = None
    ) -> None:
        super().__init__(lambda event: self.tracker.on_event(event))
        self.flow: Callable[[Call], Awaitable[None]] = keep_waiting
        self.former: Exchange | None = None  # kept for as long as this: nothing of it may be cleared away
        self.facts: list[f.Fact] = []
        self.records: dict[str, CallRecord] = {}
        how = policy or RecordingPolicy(RecordingMode.CALL if record else RecordingMode.OFF)
        self.call_options = options or CallOptions(endpoint="PJSIP/{extension}", recording=lambda record: how)
        self.tracker = Tracker(self, self.call_options, self._run, [self._told], APP)

    async def _run(self, call: Call) -> None:
        await self.flow(call)

    def _told(self, record: CallRecord, fact: f.Fact) -> None:
        self.facts.append(fact)
        self.records[record.call_id] = record

    # What a test sees

    @property
    def the_record(self) -> CallRecord:
        """The record of the one call."""
        (record,) = self.records.values()
        return record

    @property
    def call(self) -> Call:
        """The one call under way."""
        (record,) = self.tracker.live()
        found = self.tracker.get(record.call_id)
        assert found is not None
        return found

    def told(self, kind: type[f.Fact]) -> list[Any]:
        return [fact for fact in self.facts if isinstance(fact, kind)]

    def leg(self, number: str) -> str:
        """The newest channel towards this number."""
        return [request[1] for request in self.requests("originate", "create") if f"/{number}" in request[2]][-1]

    def phones_ringing_or_up(self) -> set[str]:
        return {channel.name.partition("/")[2].split("-")[0] for channel in self.channels.values()}

    # What people do, and what passes

    async def link_is_back(self, ended: Mapping[str, datetime] | None = None) -> None:
        """`ended`: when channels ended meanwhile, as far as the dialplan has noted it."""
        self._deaf = False
        self.tracker.on_world(replace(self.world(), ended=ended or {}))
        await self.settled()

    async def passes(self, seconds: float) -> None:
        """Time passes; on the clock of these tests that takes none."""
        await asyncio.sleep(seconds)

    async def arrives(
        self, *args: str, channel: str = "1.0", name: str = "", number: str = CUSTOMER, state: str = "Ring"
    ) -> None:
        """A channel enters the application with these arguments."""
        self.channels[channel] = e.Channel(
            id=channel,
            name=name or f"PJSIP/trunk-{len(self.channels):08x}",
            state=state,
            caller=e.CallerId(number=number),
            dialplan=e.Dialplan(app_name="Stasis", app_data=",".join((APP, *args))),
        )
        self.tell(e.StasisStart, channel=self.channels[channel], args=args)
        await self.settled()

    async def customer_calls(self, channel: str = "1.0") -> None:
        await self.arrives("inbound", "main", "74951230000", channel=channel)

    async def customer_talks(self) -> None:
        """A customer called, and 101 took it."""
        self.flow = rings_101
        await self.customer_calls()
        await self.rings("101")
        await self.answers("101")

    async def rings(self, *numbers: str) -> None:
        for number in numbers:
            leg = self._state(self.leg(number), "Ringing")
            self.tell(e.ChannelStateChange, channel=leg)
            self.tell(e.Dial, peer=leg, dialstatus="RINGING")
        await self.settled()

    async def answers(self, *numbers: str) -> None:
        """All in the same instant."""
        for number in numbers:
            leg = self._state(self.leg(number), "Up")
            self.tell(e.ChannelStateChange, channel=leg)
            self.tell(e.Dial, peer=leg, dialstatus="ANSWER")
            if leg.dialplan.app_name != "Stasis":
                leg = self._enter(leg.id)
                self.tell(e.StasisStart, channel=leg, args=("leg",))
        await self.settled()

    async def hangs_up(self, channel: str, cause: int = 16, tech_cause: int | None = None) -> None:
        self._ends(channel, cause=cause, tech_cause=tech_cause)
        await self.settled()

    async def declines(self, number: str, cause: int = 21, tech_cause: int = 603) -> None:
        await self.hangs_up(self.leg(number), cause, tech_cause)

    async def presses(self, *keys: str, channel: str = "1.0") -> None:
        for key in keys:
            self.tell(e.ChannelDtmfReceived, channel=self.channels[channel], digit=key)
        await self.settled()

    async def prompt_ends(self, state: str = "done") -> None:
        """The oldest prompt under way ends."""
        playback, media, channel = self.playing.pop(0)
        self._prompt_over(playback, media, channel, state)
        await self.settled()


async def rings_101(call: Call) -> None:
    """The shortest of flows: the phone of 101 rings, and who is at it talks with the customer."""
    if (await call.ring([Target.extension("101")], seconds=20)).answered_by:
        await call.talk()


async def restarted(
    before: Exchange, meanwhile: Callable[[], Awaitable[None]] | None = None, *, policy: RecordingPolicy | None = None
) -> Exchange:
    """The same exchange with a new service, which knows what the journal knows; `meanwhile` it was away."""
    before.lose_events()
    if meanwhile:
        await meanwhile()
    after = Exchange(record=True, policy=policy)
    after.flow = before.flow
    after.channels, after.bridges, after.recordings = before.channels, before.bridges, before.recordings
    after.snoops, after.muted = before.snoops, before.muted
    after.former = before
    after.tracker.restore(before.records.values())
    await after.link_is_back()
    return after
