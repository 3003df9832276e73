"""The recording of a call: when it begins and ends, and what is left out.

Listened to is the customer's channel, by a snoop channel (`POST /channels/{id}/snoop`): it hears what comes from him
and what he hears, through every hold, transfer and conference, whatever bridge he is in. The snoop channel has the
name of the file it records, lives on when this service is away, and ends with the channel it listens to.

Everything follows from facts: whenever one has changed who talks, what is recorded is compared with what should be.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from stasis_app.ari import events as e
from stasis_app.ari.errors import AriError, Gone
from stasis_app.calls import facts as f
from stasis_app.calls import intents as i
from stasis_app.calls.causes import NORMAL
from stasis_app.calls.entry import snoop_args
from stasis_app.calls.facts import Direction, PartyKind, RecordingKind, RecordingMode
from stasis_app.calls.pausing import end_in_time
from stasis_app.calls.policy import ConsentWhen, RecordingPolicy
from stasis_app.calls.prompts import media_uri
from stasis_app.calls.routing import files_of_recording, recording_of_file
from stasis_app.calls.state import Tape
from stasis_app.calls.steps import try_to

if TYPE_CHECKING:
    from stasis_app.calls.call import Call

_ARRIVES = 2.0
"""Seconds a snoop channel may take to come into the application."""
_ENDS = 3.0
"""Seconds a recording may take to end by itself once its channel is gone, or once it is stopped."""
FORMAT = "wav"
_NONE: frozenset[str] = frozenset()

_MATTERS = (
    f.Joined,
    f.Left,
    f.WentOutside,
    f.HandedOver,
    f.Recorded,
    f.RecordingFailed,
    f.RecordingChosen,
    f.RecordingResumed,
)


class CallRecording:
    """The recording of one call. Implements `stasis_app.calls.verbs.RecordingHandle`."""

    __slots__ = ("_begun", "_call", "_given_up", "_limited", "_policy", "_snoops", "_stopping")

    def __init__(self, call: Call) -> None:
        self._call = call
        self._policy: RecordingPolicy | None = None
        self._snoops = _NONE  # snoop channels that are in the application
        self._stopping = _NONE
        self._given_up = _NONE  # the conversations that could not be recorded
        self._limited: f.RecordingPaused | None = None  # the pause that is seen to its end
        self._begun = 0

    # What is to be recorded

    @property
    def policy(self) -> RecordingPolicy:
        """How this call is recorded: as configured, or as was chosen for this call alone."""
        if self._policy is None:
            self._policy = self._call.options.recording(self._call.record)
        chosen = self._call.record.recording_chosen
        return self._policy if chosen is None else replace(self._policy, mode=chosen)

    def on_fact(self, fact: f.Fact) -> None:
        """See whether a fact changes what is to be recorded. Returns at once."""
        if isinstance(fact, f.WentOutside):
            self._policy = None  # what holds for calls between employees holds no longer
        if isinstance(fact, _MATTERS):
            self._settle()
        elif isinstance(fact, f.RecordingPaused):
            self._limit_pause()

    def _limit_pause(self) -> None:
        pause = self._call.record.recording_pause
        if pause is not self._limited:
            self._limited = pause
            self._call.spawn(end_in_time(self._call))

    def _settle(self) -> None:
        record, policy = self._call.record, self.policy
        talking = [talk.leg for talk in record.conversations if talk.ended_at is None]
        for tape in self._running():
            is_over = _is_over(tape, talking) or tape.name in record.recordings_inside
            if policy.mode is RecordingMode.OFF or record.handed_over_to is not None or is_over:
                self._end(tape)
        if not talking or record.ended_at is not None or policy.mode is RecordingMode.OFF:
            return
        self._announce_to_both(policy)
        if not self._running() and not record.recording_paused and frozenset(talking) != self._given_up:
            self._begin(policy, talking)

    def _running(self) -> list[Tape]:
        """The recordings of conversations that are under way or being set up."""
        tapes = self._call.state.tapes.values()
        talks = (tape for tape in tapes if tape.kind is RecordingKind.TALK and not tape.failed)
        return [tape for tape in talks if tape.name not in self._stopping]

    # Beginning and ending

    def next_name(self, mark: str = "") -> str:
        """The name of the next recording of this call; Asterisk refuses one that was used before."""
        self._begun = max(self._begun, self._call.record.recordings_begun) + 1
        return f"{self._call.id}-{mark}{self._begun}"

    def _begin(self, policy: RecordingPolicy, talking: list[str]) -> None:
        talk = talking[0] if policy.mode is RecordingMode.TALK else ""
        leg = _listened_to(self._call)
        tape = Tape(self.next_name(), leg=leg, talk=talk, stereo=policy.stereo)
        # Told before it is asked for, so that nothing else begins meanwhile.
        self._call.intend(i.Taping(i.now(), tape.name, tape.kind, leg, talk, tape.stereo))
        self._call.spawn(self._start(tape, frozenset(talking)))

    async def _start(self, tape: Tape, talking: frozenset[str]) -> None:
        call = self._call
        files = files_of_recording(tape.name, stereo=tape.stereo)
        spies = ("in", "out") if tape.stereo else ("both",)
        try:
            await asyncio.gather(*(self._listen(tape, file, spy) for file, spy in zip(files, spies, strict=True)))
        except AriError as error:
            if isinstance(error, Gone) and (call.state.ended or not call.leg(tape.leg).alive):
                call.intend(i.RecordingOver(i.now(), tape.name, FORMAT))
            else:
                call.log.error("The talk is not recorded: {}", error)
                self._given_up = talking
                call.intend(i.TapingFailed(i.now(), tape.name, str(error)))
            await self._hang_up(files)
            return
        if call.record.recording_paused:
            await self._mute(files)
        if call.state.ended or tape.name in self._stopping:
            await self._hang_up(files)

    async def _listen(self, tape: Tape, file: str, spy: str) -> None:
        call = self._call
        await call.control.snoop(tape.leg, file, spy=spy, args=snoop_args(call.id, file))
        await call.wait(lambda: file in self._snoops or call.state.ended, _ARRIVES)
        await call.control.record(file, file, FORMAT)

    def _end(self, tape: Tape) -> None:
        self._stopping |= {tape.name}
        self._call.spawn(self._hang_up(files_of_recording(tape.name, stereo=tape.stereo)))

    async def _hang_up(self, files: Iterable[str]) -> None:
        """End the snoop channels: their recordings end with them, and are complete."""
        await asyncio.gather(*(self._call.control.hang_up(file, NORMAL) for file in files))

    async def close(self) -> None:
        """After the end of the call: see every recording to its end."""
        call = self._call
        going_on = call.outlive()
        for tape in self._running():
            if tape.leg in going_on:
                self._end(tape)
        # The others end by themselves, with the channel they listen to.
        await call.wait(lambda: not call.state.recordings, _ENDS)
        for name in call.state.recordings:
            await self._stop_for_good(call.state.tapes.get(name) or Tape(name))
        await call.wait(lambda: not call.state.recordings, _ENDS)
        for name in call.state.recordings:
            # Its end was missed in a gap of the events; the file is there all the same.
            call.intend(i.RecordingOver(i.now(), name, FORMAT))

    async def _stop_for_good(self, tape: Tape) -> None:
        for file in files_of_recording(tape.name, stereo=tape.stereo):
            await try_to(self._call.control.stop_recording(file), self._call.log)

    # What the tracker tells

    def resynced(self) -> None:
        """After a gap or a restart: a talk that should be recorded and is not, is recorded from now on.

        Also where that could not be begun before: it may have been the link that failed.
        """
        self._given_up = _NONE
        self._call.spawn(self._settle_afterwards())
        self._limit_pause()

    async def _settle_afterwards(self) -> None:
        # First the call takes in what it missed.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        self._settle()

    def snoop_arrived(self, channel: str) -> None:
        """A snoop channel of this call came into the application."""
        self._snoops |= {channel}
        self._call.wake()

    def snoop_found(self, channel: str) -> None:
        """A snoop channel exists after a gap or a restart: its recording goes on, also one the journal did not know."""
        self._snoops |= {channel}
        name = recording_of_file(channel)
        if name not in self._call.state.tapes:
            self._call.intend(
                i.Taping(i.now(), name, RecordingKind.TALK, _listened_to(self._call), stereo=name != channel)
            )
            self._call.put(e.RecordingStarted(timestamp=i.now(), recording=e.Recording(name=channel, format=FORMAT)))

    # Verbs

    async def pause(self) -> None:
        """Record silence until `resume`. What can't be silenced is stopped: nothing may be heard that must not be.

        Raises:
            AriError: neither could be done.
        """
        if not self._call.record.recording_paused:
            now, longest = i.now(), self.policy.longest_pause
            until = now + timedelta(seconds=longest) if longest else None
            self._call.note(f.RecordingPaused(call_id=self._call.id, at=now, until=until))
        for tape in self._running():
            await self._mute(files_of_recording(tape.name, stereo=tape.stereo))

    async def _mute(self, files: tuple[str, ...]) -> None:
        try:
            await asyncio.gather(*(self._call.control.mute_recording(file) for file in files))
        except AriError as error:
            if isinstance(error, Gone):
                # Over, or not begun: whoever begins it looks whether it is paused.
                return
            self._call.log.warning("The recording can't be paused, so it is ended: {}", error)
            self._stopping |= {recording_of_file(files[0])}
            await self._hang_up(files)

    async def resume(self) -> None:
        """Go on recording. Raises `AriError`."""
        if self._call.record.recording_paused:
            self._call.note(f.RecordingResumed(call_id=self._call.id, at=i.now()))
        for tape in self._running():
            for file in files_of_recording(tape.name, stereo=tape.stereo):
                await _or_gone(self._call.control.unmute_recording(file))

    def start(self) -> None:
        """Record this call from now on, or from its first conversation on, whatever the configuration says."""
        configured = self._policy or self._call.options.recording(self._call.record)
        mode = RecordingMode.CALL if configured.mode is RecordingMode.OFF else configured.mode
        self._given_up = _NONE
        self.choose(mode)

    def stop(self) -> None:
        """Do not record this call any further."""
        self.choose(RecordingMode.OFF)

    def choose(self, mode: RecordingMode) -> None:
        """Record this call so from now on."""
        if self._call.record.recording_chosen is not mode:
            self._call.note(f.RecordingChosen(call_id=self._call.id, at=i.now(), mode=mode))

    # The announcement

    async def announce_before_ringing(self) -> None:
        """Tell the caller that the call will be recorded. Whoever is called can only be told when he has answered."""
        call, policy = self._call, self.policy
        inbound = call.record.direction is Direction.INBOUND
        if not (inbound and policy.consent_when is ConsentWhen.BEFORE and self._has_to_announce(policy)):
            return
        self._announced(policy)
        await call.say(*policy.consent)

    def _announce_to_both(self, policy: RecordingPolicy) -> None:
        if not self._has_to_announce(policy):
            return
        if policy.consent_when is ConsentWhen.BEFORE and self._call.record.direction is Direction.INBOUND:
            return
        self._announced(policy)
        self._call.spawn(self._play_to_both(policy.consent))

    def _has_to_announce(self, policy: RecordingPolicy) -> bool:
        due = bool(policy.consent) and policy.mode is not RecordingMode.OFF
        return due and not self._call.record.consent_announced

    def _announced(self, policy: RecordingPolicy) -> None:
        self._call.note(f.ConsentAnnounced(call_id=self._call.id, at=i.now(), prompts=policy.consent))

    async def _play_to_both(self, prompts: tuple[str, ...]) -> None:
        for prompt in prompts:
            playback = f"{self._call.id}-{secrets.token_hex(4)}"
            # Asterisk plays them one after another.
            await self._call.control.play_in_bridge(self._call.bridge, media_uri(prompt), playback)


def _is_over(tape: Tape, talking: list[str]) -> bool:
    """Whether the conversation a recording is of has ended; one of the whole call goes on through all of them."""
    return bool(tape.talk) and tape.talk not in talking


def _listened_to(call: Call) -> str:
    """The customer's leg; between employees, that of the one the call lives for."""
    state = call.state
    if state.anchor.party.kind is PartyKind.CUSTOMER or state.direction is Direction.INTERNAL:
        return state.anchor_leg
    customers = (leg for leg in state.others if leg.party.kind is PartyKind.CUSTOMER and leg.joined)
    return next((leg.id for leg in customers), state.anchor_leg)


async def _or_gone(request: Awaitable[None]) -> None:
    try:
        await request
    except Gone:
        return
