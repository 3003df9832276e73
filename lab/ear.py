"""What every party of the exchange has: a voice, a hand, and the news of every SIP message of his phone."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lab.asterisk import Asterisk
from lab.hands import Hand
from lab.media import Address, Sound, Voice
from lab.truth import Dialog, Message, Trace

# Hz. None is a harmonic of another; multiples of 20 are told apart cleanly.
CUSTOMER_TONE, EMPLOYEE_TONE = 440, 1000
EMPLOYEE_TONES = range(EMPLOYEE_TONE, 2000, 100)


def employee_tone(extension: str) -> int:
    """What the employee of an extension says where people are told apart; its last digit decides."""
    return EMPLOYEE_TONES[int(extension[-1])]


@dataclass
class Ear:
    """The calls one SIPp process plays, as they are seen and heard."""

    pbx: Asterisk
    folder: Path
    tone: int
    voice: Voice = field(init=False)
    hand: Hand = field(init=False)
    sip: Address = field(init=False)  # where SIPp listens
    trace: Trace = field(init=False)
    changed: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.voice = Voice(self.tone)
        self.hand = Hand()
        self.trace = Trace(self._hear)
        self._sounds: dict[str, Sound] = {}  # of calls that are over
        self._known: dict[str, Address] = {}
        self._quiet: set[str] = set()
        self._habits: set[asyncio.Task[None]] = set()

    async def open(self, address: str) -> int:
        """Get a voice and a hand at `address`; the port of the voice."""
        await self.hand.open(address)
        return await self.voice.open(address)

    def close(self) -> None:
        """Fall silent for good."""
        for habit in self._habits:
            habit.cancel()
        self.voice.close()
        self.hand.close()

    @property
    def dialogs(self) -> list[Dialog]:
        """The calls so far, in the order they began."""
        return list(self.trace.dialogs.values())

    def tone_of(self, dialog: Dialog) -> int:
        """What this side says in a call."""
        return self.tone

    async def until(self, question: str, seconds: float = 20.0) -> Dialog:
        """Wait until some call has the named time (`ringing_at`, `answered_at`, `ended_at` ...); that call."""
        return await self.until_some(lambda dialog: bool(getattr(dialog, question)), seconds)

    async def until_some(self, wanted: Callable[[Dialog], bool], seconds: float = 20.0) -> Dialog:
        """Wait until some call is as wanted; the latest that is. `TimeoutError` after `seconds`."""
        async with asyncio.timeout(seconds):
            while True:
                if found := next((dialog for dialog in reversed(self.dialogs) if wanted(dialog)), None):
                    return found
                self.changed.clear()
                await self.changed.wait()

    async def until_all_over(self, seconds: float) -> None:
        """Wait until every call is over. `TimeoutError` after `seconds`."""
        async with asyncio.timeout(seconds):
            while any(not dialog.over for dialog in self.dialogs):
                self.changed.clear()
                await self.changed.wait()

    # ---------------------------------------- sound

    def hold_tongue(self, dialog: Dialog) -> None:
        """Say nothing in a call until `speak`; the phone sends nothing either."""
        self._quiet.add(dialog.call_id)
        if dialog.sound_to:
            self.voice.pause(dialog.sound_to)

    def fall_silent(self, dialog: Dialog) -> None:
        """Say nothing more in a call; the phone goes on sending the silence."""
        if dialog.sound_to:
            self.voice.fall_silent(dialog.sound_to)

    def speak(self, dialog: Dialog) -> None:
        """Say one's tone again."""
        self._quiet.discard(dialog.call_id)
        if dialog.sound_to and (dialog.answered_at or dialog.early_sent_at) and not dialog.over:
            self.voice.talk_to(dialog.sound_to, self.tone_of(dialog))

    def sound(self, dialog: Dialog) -> Sound:
        """What was heard in a call so far."""
        if dialog.call_id in self._sounds or dialog.sound_to is None:
            return self._sounds.get(dialog.call_id, Sound())
        return self.voice.heard.get(dialog.sound_to, Sound())

    def heard(self, dialog: Dialog, hertz: int, since: float = 0.0, until: float = math.inf) -> bool:
        """Whether a tone was heard in this call, for half a second at least; between two moments if given."""
        return self.sound(dialog).hears(hertz, since, until)

    def longest_silence(self, dialog: Dialog) -> float:
        """The longest time, seconds, nothing at all was heard in this call between its answer and its end."""
        if not dialog.answered_at or not dialog.ended_at:
            raise RuntimeError(f"the call {dialog.call_id} was not answered, or is not over")
        return self.sound(dialog).longest_silence(dialog.answered_at, dialog.ended_at)

    def forget(self, dialog: Dialog) -> None:
        """Forget what was heard in a call that is over: 15 KB a second."""
        self._sounds.pop(dialog.call_id, None)

    def keep_habit(self, habit: asyncio.Task[None]) -> None:
        """Something this party does by himself later; it ends with him."""
        self._habits.add(habit)
        habit.add_done_callback(self._habits.discard)

    def _hear(self, message: Message, dialog: Dialog) -> None:
        self._follow_sound(dialog)
        if dialog.call_id not in self._quiet:
            self.speak(dialog)
        if dialog.over and dialog.sound_to and dialog.call_id not in self._sounds:
            self.voice.hush(dialog.sound_to)
            self._sounds[dialog.call_id] = self.voice.forget(dialog.sound_to)
        self.changed.set()

    def _follow_sound(self, dialog: Dialog) -> None:
        """Asterisk gives a port of its own to every call, and the same one again to a later call."""
        before, now = self._known.get(dialog.call_id), dialog.sound_to
        if now and now != before and not dialog.over:
            if before:
                self.voice.hush(before)
            self.voice.forget(now)
            self._known[dialog.call_id] = now
