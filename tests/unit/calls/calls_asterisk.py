"""The Asterisk of an exchange in memory: the channels, bridges and recordings it has, and what it tells of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from stasis_app.ari import events as e
from stasis_app.ari.errors import Gone
from stasis_app.ari.world import World

APP = "stasis-app"
BEGIN = datetime(2026, 3, 10, 11, 0, tzinfo=UTC)


class MemoryAsterisk:
    """Keeps what an Asterisk would have; `deliver` is given each event."""

    def __init__(self, deliver: Callable[[e.Event], None]) -> None:
        self.channels: dict[str, e.Channel] = {}
        self.bridges: dict[str, list[str]] = {}
        self.recordings: dict[str, str] = {}  # file -> the channel it is recorded from
        self.snoops: dict[str, str] = {}  # snoop channel -> the channel it listens to
        self.muted: set[str] = set()
        self.music: set[str] = set()  # channels that hear music on hold
        self.silenced: set[tuple[str, str]] = set()  # channels, and which way
        self.spying: dict[str, tuple[str, str]] = {}  # a supervisor's snoop channel -> whom it hears, how
        self.playing: list[tuple[str, str, str]] = []  # playback, media, channel
        self.seconds_recorded = 3  # what Asterisk says of the next recording that ends
        self._watched: set[str] = set()
        self._made: dict[str, str] = {}  # channels we set up, with their arguments
        self._deaf = False
        self._deliver = deliver

    # What it tells

    def tell(self, kind: type[e.Event], **fields: Any) -> None:
        if not self._deaf:
            at = BEGIN + timedelta(seconds=asyncio.get_running_loop().time())
            self._deliver(kind(timestamp=at, application=APP, **fields))

    def lose_events(self) -> None:
        """The link is down: whatever happens from now on, nobody is told."""
        self._deaf = True

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

    def _existing(self, channel: str) -> e.Channel:
        if channel not in self.channels:
            raise Gone("channel", "Channel not found", 404)
        return self.channels[channel]

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
