"""A telephone exchange in memory: it does what is asked as Asterisk would, and tells the tracker what happened.

Tests say what people do (`customer_calls`, `rings`, `answers`, `hangs_up`, `presses`) and what goes wrong (`refuse`,
`hold`, `lose_events`); `asked` is everything that was asked of it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from stasis_app.ari import events as e
from stasis_app.ari.errors import AriError, Gone, error_for
from stasis_app.ari.world import World
from stasis_app.calls import facts as f
from stasis_app.calls.call import Call, CallOptions
from stasis_app.calls.facts import RecordingMode
from stasis_app.calls.policy import RecordingPolicy
from stasis_app.calls.record import CallRecord
from stasis_app.calls.tracker import Tracker
from stasis_app.calls.verbs import CallHandle, Target

APP = "stasis-app"
CUSTOMER = "79161234567"
BEGIN = datetime(2026, 3, 10, 11, 0, tzinfo=UTC)


async def keep_waiting(call: CallHandle) -> None:
    """A flow that does nothing until the call ends."""
    assert isinstance(call, Call)
    await call.until(lambda: None)


class Exchange:
    """Implements `Control`, and keeps the channels, bridges and recordings an Asterisk would have."""

    def __init__(
        self, *, record: bool = False, policy: RecordingPolicy | None = None, options: CallOptions | None = None
    ) -> None:
        self.flow: Callable[[Call], Awaitable[None]] = keep_waiting
        self.asked: list[tuple[str, ...]] = []
        self.channels: dict[str, e.Channel] = {}
        self.bridges: dict[str, list[str]] = {}
        self.recordings: dict[str, str] = {}  # file -> the channel it is recorded from
        self.snoops: dict[str, str] = {}  # snoop channel -> the channel it listens to
        self.muted: set[str] = set()
        self.former: Exchange | None = None  # the same before a restart
        self.music: set[str] = set()  # channels that hear music on hold
        self.silenced: set[tuple[str, str]] = set()  # channels, and which way
        self.spying: dict[str, tuple[str, str]] = {}  # a supervisor's snoop channel -> whom it hears, how
        self.playing: list[tuple[str, str, str]] = []  # playback, media, channel
        self.facts: list[f.Fact] = []
        self.records: dict[str, CallRecord] = {}
        self.seconds_recorded = 3  # what Asterisk says of the next recording that ends
        self.variables: dict[str, dict[str, str]] = {}  # those given with the channel
        self._watched: set[str] = set()
        self._made: dict[str, str] = {}  # channels we set up, with their arguments
        self._rules: list[tuple[str, str, AriError]] = []
        self._gates: dict[str, asyncio.Event] = {}
        self._deaf = False
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

    def requests(self, *operations: str) -> list[tuple[str, ...]]:
        return [request for request in self.asked if request[0] in operations]

    def count(self) -> Counter[str]:
        return Counter(request[0] for request in self.asked)

    def leg(self, number: str) -> str:
        """The newest channel towards this number."""
        return [request[1] for request in self.requests("originate", "create") if f"/{number}" in request[2]][-1]

    def phones_ringing_or_up(self) -> set[str]:
        return {channel.name.partition("/")[2].split("-")[0] for channel in self.channels.values()}

    # What goes wrong

    def refuse(self, operation: str, error: type[AriError] | int, about: str = "") -> None:
        """The next such request fails: with an error of this type, or as a reply of this status would."""
        failure = error_for(operation, error, "refused") if isinstance(error, int) else error(operation, "refused")
        self._rules.append((operation, about, failure))

    def hold(self, operation: str) -> None:
        """Such requests wait, undone, until `let`."""
        self._gates[operation] = asyncio.Event()

    async def let(self, operation: str) -> None:
        self._gates.pop(operation).set()
        await self.settled()

    def forget_hold(self, operation: str) -> None:
        """Requests from now on don't wait; those that wait already wait for ever."""
        del self._gates[operation]

    def lose_events(self) -> None:
        """The link is down: whatever happens from now on, nobody is told."""
        self._deaf = True

    async def link_is_back(self, ended: Mapping[str, datetime] | None = None) -> None:
        """`ended`: when channels ended meanwhile, as far as the dialplan has noted it."""
        self._deaf = False
        self.tracker.on_world(replace(self.world(), ended=ended or {}))
        await self.settled()

    def world(self) -> World:
        bridges = tuple(
            e.Bridge(
                id=name,
                bridge_type="holding" if name.startswith("holding-") else "mixing",
                channels=tuple(members),
            )
            for name, members in self.bridges.items()
        )
        return World(tuple(self.channels.values()), bridges)

    async def settled(self) -> None:
        """Everything that can happen without time passing has happened."""
        await asyncio.sleep(0.001)

    async def passes(self, seconds: float) -> None:
        """Time passes; on the clock of these tests that takes none."""
        await asyncio.sleep(seconds)

    # What people do

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

    # What Asterisk tells

    def tell(self, kind: type[e.Event], **fields: Any) -> None:
        if not self._deaf:
            at = BEGIN + timedelta(seconds=asyncio.get_running_loop().time())
            self.tracker.on_event(kind(timestamp=at, application=APP, **fields))

    def _state(self, channel: str, state: str) -> e.Channel:
        self.channels[channel] = self.channels[channel].model_copy(update={"state": state})
        return self.channels[channel]

    def _enter(self, channel: str) -> e.Channel:
        made = self._made.get(channel, "")
        args = made if made.startswith("aside") else "leg"
        plan = e.Dialplan(app_name="Stasis", app_data=f"{APP},{args}")
        self.channels[channel] = self.channels[channel].model_copy(update={"dialplan": plan})
        return self.channels[channel]

    def _ends(self, channel: str, *, soft: bool = False, cause: int = 16, tech_cause: int | None = None) -> None:
        ended = self.channels.pop(channel)
        for snoop in [snoop for snoop, (whom, _) in self.spying.items() if whom == channel]:
            del self.spying[snoop]
            self._ends(snoop)
        self.spying.pop(channel, None)
        self.music.discard(channel)
        self.tell(e.ChannelHangupRequest, channel=ended, soft=soft, cause=32 if soft else cause, tech_cause=tech_cause)
        self._leaves_bridge(ended)
        self._recording_ends(*(file for file, source in self.recordings.items() if source == channel))
        in_stasis = ended.dialplan.app_name == "Stasis"
        if in_stasis:
            self.tell(e.StasisEnd, channel=ended)
        for snoop in [snoop for snoop, source in self.snoops.items() if source == channel]:
            self._snoop_ends(snoop)
        if channel in self.snoops:
            del self.snoops[channel]
            return
        # A channel that came from the dialplan is no longer watched once it has left the application.
        ours = channel in self._made or ",leg" in ended.dialplan.app_data
        if not in_stasis or ours or channel in self._watched:
            self.tell(e.ChannelDestroyed, channel=ended, cause=cause, tech_cause=tech_cause)

    def _snoop_ends(self, snoop: str) -> None:
        ended = self.channels.pop(snoop)
        del self.snoops[snoop]
        self._recording_ends(*(file for file, source in self.recordings.items() if source == snoop))
        self.tell(e.StasisEnd, channel=ended)

    def _recording_ends(self, *files: str) -> None:
        for file in files:
            target = f"channel:{self.recordings.pop(file)}"
            self.muted.discard(file)
            self.tell(
                e.RecordingFinished,
                recording=e.Recording(name=file, format="wav", target_uri=target, duration=self.seconds_recorded),
            )

    def _leaves_bridge(self, channel: e.Channel) -> None:
        for name, members in self.bridges.items():
            if channel.id in members:
                members.remove(channel.id)
                self.tell(e.ChannelLeftBridge, channel=channel, bridge=e.Bridge(id=name))

    def _prompt_over(self, playback: str, media: str, channel: str, state: str) -> None:
        ended = e.Playback(id=playback, media_uri=media, target_uri=f"channel:{channel}", state=state)
        self.tell(e.PlaybackFinished, playback=ended)

    # What is asked of it

    async def _ask(self, *request: str) -> None:
        self.asked.append(request)
        if gate := self._gates.get(request[0]):
            await gate.wait()
        await asyncio.sleep(0)
        for rule in self._rules:
            operation, about, failure = rule
            if operation == request[0] and any(about in part for part in request[1:]):
                self._rules.remove(rule)
                raise failure

    def _existing(self, channel: str) -> e.Channel:
        if channel not in self.channels:
            raise Gone("channel", "Channel not found", 404)
        return self.channels[channel]

    async def answer(self, channel: str) -> None:
        await self._ask("answer", channel)
        if self._existing(channel).state != "Up":
            self.tell(e.ChannelStateChange, channel=self._state(channel, "Up"))
        await _after_the_events()

    async def ring(self, channel: str) -> None:
        await self._ask("ring", channel)
        self._existing(channel)

    async def stop_ringing(self, channel: str) -> None:
        await self._ask("stop_ringing", channel)
        self._existing(channel)

    async def start_music(self, channel: str) -> None:
        await self._ask("start_music", channel)
        self._existing(channel)
        self.music.add(channel)

    async def stop_music(self, channel: str) -> None:
        await self._ask("stop_music", channel)
        self._existing(channel)
        self.music.discard(channel)

    async def play(self, channel: str, media: str, playback: str) -> None:
        await self._ask("play", channel, media)
        self._existing(channel)
        self.playing.append((playback, media, channel))

    async def stop_playing(self, playback: str) -> None:
        await self._ask("stop_playing", playback)
        for one in [one for one in self.playing if one[0] == playback]:
            self.playing.remove(one)
            self._prompt_over(*one, "done")

    async def originate(self, channel: str, endpoint: str, **options: Any) -> None:
        await self._ask("originate", channel, endpoint, str(options.get("callerId", "")))
        self._made[channel] = str(options["appArgs"])
        self.variables[channel] = dict(options.get("variables", {}))
        self.channels[channel] = e.Channel(id=channel, name=f"{endpoint}-00000001", state="Down")
        self.tell(e.Dial, peer=self.channels[channel])

    async def create(self, channel: str, endpoint: str, **options: Any) -> None:
        await self._ask("create", channel, endpoint)
        self._made[channel] = str(options["appArgs"])
        self.channels[channel] = e.Channel(id=channel, name=f"{endpoint}-00000001", state="Down")
        self.tell(e.StasisStart, channel=self._enter(channel), args=("leg",))

    async def dial(self, channel: str, *, caller: str, seconds: int) -> None:
        await self._ask("dial", channel, caller)
        self.tell(e.Dial, peer=self._existing(channel))

    async def show_caller(self, channel: str, caller_id: str) -> None:
        await self._ask("show_caller", channel, caller_id)
        self._existing(channel)

    async def make_bridge(self, bridge: str) -> None:
        await self._ask("make_bridge", bridge)
        self.bridges.setdefault(bridge, [])

    async def add_to_bridge(self, bridge: str, *channels: str) -> None:
        await self._ask("add_to_bridge", bridge, *channels)
        if bridge not in self.bridges:
            raise Gone("bridge", "Bridge not found", 404)
        if missing := [channel for channel in channels if channel not in self.channels]:
            raise Gone("bridge", f"Channel not found: {missing}", 400)
        for channel in channels:
            if channel in self.bridges[bridge]:
                continue
            self._leaves_bridge(self.channels[channel])
            self.bridges[bridge].append(channel)
            self.tell(e.ChannelEnteredBridge, channel=self.channels[channel], bridge=e.Bridge(id=bridge))
        await _after_the_events()

    async def put_on_hold(self, bridge: str, channel: str, music: str) -> None:
        await self._ask("put_on_hold", bridge, channel, music)
        held = self._existing(channel)
        self._leaves_bridge(held)
        self.bridges.setdefault(bridge, []).append(channel)
        self.tell(e.ChannelEnteredBridge, channel=held, bridge=e.Bridge(id=bridge, bridge_type="holding"))
        await _after_the_events()

    async def remove_from_bridge(self, bridge: str, channel: str) -> None:
        await self._ask("remove_from_bridge", bridge, channel)
        self._leaves_bridge(self._existing(channel))
        await _after_the_events()

    async def mute(self, channel: str, direction: str) -> None:
        await self._ask("mute", channel, direction)
        self._existing(channel)
        self.silenced.add((channel, direction))

    async def unmute(self, channel: str, direction: str) -> None:
        await self._ask("unmute", channel, direction)
        self.silenced.discard((channel, direction))

    async def send_dtmf(self, channel: str, digits: str) -> None:
        await self._ask("send_dtmf", channel, digits)
        self._existing(channel)

    async def destroy_bridge(self, bridge: str) -> None:
        await self._ask("destroy_bridge", bridge)
        self.bridges.pop(bridge, None)

    async def play_in_bridge(self, bridge: str, media: str, playback: str) -> None:
        await self._ask("play_in_bridge", bridge, media)

    async def snoop(self, channel: str, snoop: str, *, spy: str = "both", whisper: str = "none", args: str) -> None:
        await self._ask("snoop", channel, snoop, spy)
        self._existing(channel)
        if args.startswith("aside"):
            self._made[snoop] = args
            self.spying[snoop] = (channel, whisper)
        else:
            self.snoops[snoop] = channel
        plan = e.Dialplan(app_name="Stasis", app_data=f"{APP},{args}")
        self.channels[snoop] = e.Channel(id=snoop, name=f"Snoop/{channel}-00000000", state="Up", dialplan=plan)
        self.tell(e.StasisStart, channel=self.channels[snoop], args=tuple(args.split(",")))

    async def record(self, channel: str, name: str, audio_format: str, **options: Any) -> None:
        await self._ask("record", channel, name)
        self._existing(channel)
        self.recordings[name] = channel
        self.tell(e.RecordingStarted, recording=e.Recording(name=name, format="wav", target_uri=f"channel:{channel}"))

    async def mute_recording(self, name: str) -> None:
        await self._ask("mute_recording", name)
        if name not in self.recordings:
            raise Gone("recording", "Recording not found", 404)
        self.muted.add(name)

    async def unmute_recording(self, name: str) -> None:
        await self._ask("unmute_recording", name)
        self.muted.discard(name)

    async def is_recording(self, name: str) -> bool:
        await self._ask("is_recording", name)
        return name in self.recordings

    async def stop_recording(self, name: str) -> None:
        await self._ask("stop_recording", name)
        if name in self.recordings:
            self._recording_ends(name)

    async def hang_up(self, channel: str, cause: int) -> bool:
        await self._ask("hang_up", channel, str(cause))
        if channel not in self.channels:
            return False
        self._ends(channel, soft=True, cause=cause)
        return True

    async def watch(self, channel: str) -> None:
        await self._ask("watch", channel)
        self._existing(channel)
        self._watched.add(channel)

    async def take_transfers(self, channel: str) -> None:
        await self._ask("take_transfers", channel)
        self._existing(channel)

    async def tell_transferrer(self, channel: str, progress: str) -> None:
        await self._ask("tell_transferrer", channel, progress)
        source = e.ReferredBy(source_channel=self._existing(channel))
        self.tell(e.ChannelTransfer, referred_by=source, refer_to=e.ReferTo(), state=progress)

    async def proceed(self, channel: str, context: str, exten: str, priority: int) -> None:
        await self._ask("proceed", channel, context, exten, str(priority))
        gone = self._existing(channel)
        self._leaves_bridge(gone)
        self.channels[channel] = gone.model_copy(update={"dialplan": e.Dialplan(app_name="Playback")})
        self.tell(e.StasisEnd, channel=gone)


async def _after_the_events() -> None:
    """The reply to these requests comes when their events have come (seen on Asterisk 22.10)."""
    for _ in range(3):
        await asyncio.sleep(0)


async def rings_101(call: Call) -> None:
    """The shortest of flows: the phone of 101 rings, and who is at it talks with the customer."""
    if (await call.ring([Target.extension("101")], seconds=20)).answered_by:
        await call.talk()


async def restarted(before: Exchange, meanwhile: Callable[[], Awaitable[None]] | None = None) -> Exchange:
    """The same exchange with a new service, which knows what the journal knows; `meanwhile` it was away."""
    before.lose_events()
    if meanwhile:
        await meanwhile()
    after = Exchange(record=True)
    after.flow = before.flow
    after.channels, after.bridges, after.recordings = before.channels, before.bridges, before.recordings
    after.snoops = before.snoops
    after.tracker.restore(before.records.values())
    await after.link_is_back()
    return after
