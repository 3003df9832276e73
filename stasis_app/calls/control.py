"""The requests that act on channels and bridges, one method each.

`Control` is the seam between calls and the wire: the real one, `AriControl`, goes through aioari; unit tests use a fake
that remembers what was asked. Operation names are aioari's, that is the server's own API description's.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from loguru import logger

from stasis_app.ari.ends import CONTEXT, HANDLER, notes_ends
from stasis_app.ari.errors import AriError, Gone, LinkDown, ServerFailed
from stasis_app.ari.link import AriLink
from stasis_app.ari.versions import since
from stasis_app.calls.facts import Party

TRANSFERS_TOLD = ("PJSIP_TRANSFER_HANDLING()", "ari-only")
"""Variable and value that have a phone's REFER told as ChannelTransfer."""
# First Asterisk of each line that can do it without harm: 22.3 and 20.13 know it, but may crash of a blind REFER
# (asterisk/asterisk#1467).
_TELLS_TRANSFERS = {20: 17, 22: 7}


class Control(Protocol):
    """What a call can ask of Asterisk. All raise `AriError`; ending what has already ended is no error."""

    async def answer(self, channel: str) -> None: ...

    async def ring(self, channel: str) -> None: ...

    async def stop_ringing(self, channel: str) -> None: ...

    async def start_music(self, channel: str) -> None: ...

    async def stop_music(self, channel: str) -> None: ...

    async def play(self, channel: str, media: str, playback: str) -> None: ...

    async def stop_playing(self, playback: str) -> None: ...

    async def originate(self, channel: str, endpoint: str, **options: Any) -> None: ...

    async def create(self, channel: str, endpoint: str, **options: Any) -> None: ...

    async def dial(self, channel: str, *, caller: str, seconds: int) -> None: ...

    async def show_caller(self, channel: str, caller_id: str) -> None: ...

    async def make_bridge(self, bridge: str) -> None: ...

    async def add_to_bridge(self, bridge: str, *channels: str) -> None: ...

    async def put_on_hold(self, bridge: str, channel: str, music: str) -> None: ...

    async def remove_from_bridge(self, bridge: str, channel: str) -> None: ...

    async def destroy_bridge(self, bridge: str) -> None: ...

    async def mute(self, channel: str, direction: str) -> None: ...

    async def unmute(self, channel: str, direction: str) -> None: ...

    async def send_dtmf(self, channel: str, digits: str) -> None: ...

    async def play_in_bridge(self, bridge: str, media: str, playback: str) -> None: ...

    async def snoop(self, channel: str, snoop: str, *, spy: str = "both", whisper: str = "none", args: str) -> None: ...

    async def record(self, channel: str, name: str, audio_format: str, **options: Any) -> None: ...

    async def mute_recording(self, name: str) -> None: ...

    async def unmute_recording(self, name: str) -> None: ...

    async def is_recording(self, name: str) -> bool: ...

    async def stop_recording(self, name: str) -> None: ...

    async def hang_up(self, channel: str, cause: int) -> bool: ...

    async def watch(self, channel: str) -> None: ...

    async def proceed(self, channel: str, context: str, exten: str, priority: int) -> None: ...

    async def take_transfers(self, channel: str) -> None: ...

    async def tell_transferrer(self, channel: str, progress: str) -> None: ...


_EXISTS = 409  # a channel or bridge with this id is there already


class AriControl:
    """Control through aioari, for one application.

    A request that fails because the link broke is sent once more when the link is back: all of these either may be
    repeated (their ids are ours, so a second one finds the first) or do no harm when they are.

    Args:
        link: the link to Asterisk.
        app: the Stasis application new channels belong to.
        patience: seconds to wait for a broken link.
        told_transfers: have phones' transfers told to us, where the server can.
    """

    def __init__(self, link: AriLink, app: str, *, patience: float = 10.0, told_transfers: bool = True) -> None:
        self._link = link
        self._told_transfers = told_transfers
        self._app = app
        self._notes_ends: tuple[int, bool] = (0, False)  # in which connection that was asked, and the answer
        self._patience = patience

    async def answer(self, channel: str) -> None:
        """Answer a channel; one that is up already stays as it is."""
        await self._do(lambda api: api.channels.answer(channelId=channel))

    async def ring(self, channel: str) -> None:
        """Let the channel's party hear ringing (180, or a tone when it is up)."""
        await self._do(lambda api: api.channels.ring(channelId=channel))

    async def stop_ringing(self, channel: str) -> None:
        """End what `ring` began."""
        await self._do(lambda api: api.channels.ringStop(channelId=channel))

    async def start_music(self, channel: str) -> None:
        """Let the channel's party hear music on hold.

        In a bridge he hears nothing else while the others are muted, otherwise both in turn (seen on 22.10.1).
        """
        await self._do(lambda api: api.channels.startMoh(channelId=channel))

    async def stop_music(self, channel: str) -> None:
        """End what `start_music` began."""
        await self._do(lambda api: api.channels.stopMoh(channelId=channel))

    async def play(self, channel: str, media: str, playback: str) -> None:
        """Play a media URI; `PlaybackFinished` tells of its end."""
        await self._do(lambda api: api.channels.play(channelId=channel, media=media, playbackId=playback))

    async def stop_playing(self, playback: str) -> None:
        """Stop a prompt. Digits and numbers can't be stopped (500, seen on 22.10.1): they are said to their end."""
        try:
            await self._end(lambda api: api.playbacks.stop(playbackId=playback))
        except ServerFailed as error:
            logger.debug("A prompt is heard to its end: {}", error)

    async def originate(self, channel: str, endpoint: str, **options: Any) -> None:
        """Call an endpoint; the channel enters the application when it answers."""
        if self._told_transfers and endpoint.startswith("PJSIP/") and tells_transfers(self._link.version):
            name, value = TRANSFERS_TOLD
            options["variables"] = {name: value, **options.get("variables", {})}
        if await self._ends_noted(options.get("originator", "")):
            options["variables"] = {**HANDLER, **options.get("variables", {})}
        await self._do(
            lambda api: api.channels.originateWithId(channelId=channel, endpoint=endpoint, app=self._app, **options),
            found_is_done=True,
        )

    async def create(self, channel: str, endpoint: str, **options: Any) -> None:
        """Make a channel without calling yet; it enters the application at once."""
        if await self._ends_noted(options.get("originator", "")):
            options["variables"] = HANDLER
        await self._do(
            lambda api: api.channels.create(channelId=channel, endpoint=endpoint, app=self._app, **options),
            found_is_done=True,
        )

    async def dial(self, channel: str, *, caller: str, seconds: int) -> None:
        """Call with a channel made before. With `caller` that channel's caller id is shown, without ("") its own.

        Seen on Asterisk 22.10: `caller` replaces what `show_caller` has set.
        """
        named = {"caller": caller} if caller else {}
        await self._do(lambda api: api.channels.dial(channelId=channel, timeout=seconds, **named))

    async def show_caller(self, channel: str, caller_id: str) -> None:
        """What a channel made by `create` shows to the party it calls: `"name" <number>`.

        Entering a bridge replaces it by whoever is there, so it comes after that and before `dial`.
        """
        await self._do(
            lambda api: api.channels.setChannelVar(channelId=channel, variable="CONNECTEDLINE(all,i)", value=caller_id)
        )

    async def make_bridge(self, bridge: str) -> None:
        """Make a mixing bridge with this id; an existing one (409) is kept: after a restart a call's may be there.

        With `dtmf_events`, since in a plain two-party bridge keys sent by RFC 4733 raise no events (seen on 22.10).
        """
        await self._end(lambda api: api.bridges.createWithId(bridgeId=bridge, type="mixing,dtmf_events"))

    async def add_to_bridge(self, bridge: str, *channels: str) -> None:
        """Bring channels into a bridge: all of them, or none if one is gone."""
        await self._do(lambda api: api.bridges.addChannel(bridgeId=bridge, channel=",".join(channels)))

    async def put_on_hold(self, bridge: str, channel: str, music: str) -> None:
        """Put a channel into a holding bridge of this id, where it hears music of a class ("" for its own).

        The role makes the music begin; a channel that is there already has to leave first (seen on 22.10).
        """
        await self._end(lambda api: api.bridges.createWithId(bridgeId=bridge, type="holding"))
        if music:
            await self._do(
                lambda api: api.channels.setChannelVar(channelId=channel, variable="CHANNEL(musicclass)", value=music)
            )
        await self._do(lambda api: api.bridges.addChannel(bridgeId=bridge, channel=channel, role="holding_participant"))

    async def remove_from_bridge(self, bridge: str, channel: str) -> None:
        """Take a channel out of a bridge; one that is not in it stays where it is."""
        await self._end(lambda api: api.bridges.removeChannel(bridgeId=bridge, channel=channel))

    async def mute(self, channel: str, direction: str) -> None:
        """Silence what a channel's party says (`in`), hears (`out`), or `both`."""
        await self._do(lambda api: api.channels.mute(channelId=channel, direction=direction))

    async def unmute(self, channel: str, direction: str) -> None:
        """End what `mute` began."""
        await self._end(lambda api: api.channels.unmute(channelId=channel, direction=direction))

    async def send_dtmf(self, channel: str, digits: str) -> None:
        """Send keys to a channel's party, as if whoever talks with him had pressed them."""
        await self._do(lambda api: api.channels.sendDTMF(channelId=channel, dtmf=digits))

    async def destroy_bridge(self, bridge: str) -> None:
        """End a bridge; its channels stay."""
        await self._end(lambda api: api.bridges.destroy(bridgeId=bridge))

    async def play_in_bridge(self, bridge: str, media: str, playback: str) -> None:
        """Play a media URI to everybody in a bridge."""
        await self._do(lambda api: api.bridges.playWithId(bridgeId=bridge, media=media, playbackId=playback))

    async def snoop(self, channel: str, snoop: str, *, spy: str = "both", whisper: str = "none", args: str) -> None:
        """Make a channel that hears another: what comes from it (`in`), what it hears (`out`) or `both`.

        What is said into it the other's party hears (`whisper` is `out`), or nobody (`none`).
        """
        await self._do(
            lambda api: api.channels.snoopChannelWithId(
                channelId=channel, snoopId=snoop, spy=spy, whisper=whisper, app=self._app, appArgs=args
            )
        )

    async def record(self, channel: str, name: str, audio_format: str, **options: Any) -> None:
        """Record what comes from a channel; for a snoop channel, what it hears. `options` are ARI's own."""
        await self._do(lambda api: api.channels.record(channelId=channel, name=name, format=audio_format, **options))

    async def mute_recording(self, name: str) -> None:
        """Record silence. Not ARI's pause, which would leave the part out and shift everything after it."""
        await self._do(lambda api: api.recordings.mute(recordingName=name))

    async def unmute_recording(self, name: str) -> None:
        """Record what is heard again."""
        await self._do(lambda api: api.recordings.unmute(recordingName=name))

    async def is_recording(self, name: str) -> bool:
        """Whether a recording goes on."""
        return await self._end(lambda api: api.recordings.getLive(recordingName=name))

    async def stop_recording(self, name: str) -> None:
        """End a recording and keep it; `RecordingFinished` tells when its file is complete."""
        await self._end(lambda api: api.recordings.stop(recordingName=name))

    async def hang_up(self, channel: str, cause: int) -> bool:
        """End a channel with a Q.850 cause; False when there was none any more."""
        return await self._end(lambda api: api.channels.hangup(channelId=channel, reason_code=str(cause)))

    async def watch(self, channel: str) -> None:
        """Be told of a channel's events even after it has left the application; also after the link was lost."""
        self._link.incoming.watched.add(channel)
        await self._do(
            lambda api: api.applications.subscribe(applicationName=self._app, eventSource=f"channel:{channel}")
        )

    async def proceed(self, channel: str, context: str, exten: str, priority: int) -> None:
        """Send a channel back to the dialplan, which goes on where B24_NEXT says, else with its own next step.

        The dialplan makes the jump itself, since only it can clear up after itself first (FreePBX calls us by Gosub).
        """
        if context:
            place = f"{context},{exten},{priority}"
            await self._do(lambda api: api.channels.setChannelVar(channelId=channel, variable="B24_NEXT", value=place))
        await self._do(lambda api: api.channels.continueInDialplan(channelId=channel))

    async def take_transfers(self, channel: str) -> None:
        """Have transfers by this channel's phone (SIP REFER) told to us instead of being carried out by Asterisk.

        Older servers carry them out themselves; those are followed as they come.
        """
        if self._told_transfers and tells_transfers(self._link.version):
            name, value = TRANSFERS_TOLD
            await self._do(lambda api: api.channels.setChannelVar(channelId=channel, variable=name, value=value))

    async def tell_transferrer(self, channel: str, progress: str) -> None:
        """Tell the phone that transferred how it goes (its NOTIFY): channel_progress, channel_answered ..."""
        await self._end(lambda api: api.channels.transfer_progress(channelId=channel, states=progress))

    async def _ends_noted(self, channel: str) -> bool:
        """Whether the dialplan notes when channels end; asked once a connection, through this channel."""
        asked, answer = self._notes_ends
        if asked != self._link.connections and channel:
            answer = False
            with contextlib.suppress(AriError):
                answer = await notes_ends(self._link, channel)
                self._notes_ends = self._link.connections, answer
                if not answer:
                    logger.info("The dialplan has no context {}: it is older than the service", CONTEXT)
        return answer

    async def _do(self, request: Callable[[Any], Awaitable[Any]], *, found_is_done: bool = False) -> None:
        """Send a request to the operations aioari has bound.

        Not through its objects: those turn every reply into one more object, and nothing here looks at replies.
        `found_is_done`: of a request repeated because the link broke, "it exists already" means the first was done.
        """
        try:
            await request(self._link.api.swagger)
        except LinkDown:
            try:
                await asyncio.wait_for(self._link.connected(), self._patience)
            except TimeoutError:
                raise LinkDown("ARI", f"no link to Asterisk for {self._patience:g} s") from None
            try:
                await request(self._link.api.swagger)
            except Gone as error:
                if not (found_is_done and error.status == _EXISTS):
                    raise

    async def _end(self, request: Callable[[Any], Awaitable[Any]]) -> bool:
        """Do what ends something; False when it had ended already."""
        try:
            await self._do(request)
        except Gone:
            return False
        return True


def tells_transfers(version: str) -> bool:
    """Whether an Asterisk of this version can tell a phone's REFER instead of carrying it out."""
    return since(version, _TELLS_TRANSFERS)


def caller_id(party: Party) -> str:
    """A party as ARI's callerId: `"name" <number>`, nothing in it able to break out of its place."""
    name = "".join(c for c in party.name if c.isprintable() and c not in '"<>\\')[:60]
    number = "".join(c for c in party.number if c.isalnum() or c in "+*#.-_")[:40] or "anonymous"
    return f'"{name or number}" <{number}>'
