"""What may be asked of the Asterisk of an exchange in memory; it does it as the real one would, or fails as told."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from stasis_app.ari import events as e
from stasis_app.ari.errors import AriError, Gone, error_for
from tests.unit.calls.calls_asterisk import APP, MemoryAsterisk


class ObedientAsterisk(MemoryAsterisk):
    """Implements `Control`. `asked` is everything that was asked; `refuse` and `hold` say what goes wrong."""

    def __init__(self, deliver: Callable[[e.Event], None]) -> None:
        super().__init__(deliver)
        self.asked: list[tuple[str, ...]] = []
        self.variables: dict[str, dict[str, str]] = {}  # those given with the channel
        self._rules: list[tuple[str, str, AriError]] = []
        self._gates: dict[str, asyncio.Event] = {}

    def requests(self, *operations: str) -> list[tuple[str, ...]]:
        return [request for request in self.asked if request[0] in operations]

    def count(self) -> Counter[str]:
        return Counter(request[0] for request in self.asked)

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

    async def settled(self) -> None:
        """Everything that can happen without time passing has happened."""
        await asyncio.sleep(0.001)

    # The requests

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
