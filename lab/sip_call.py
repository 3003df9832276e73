"""One call at a phone of this very process (`lab.softphones`), and what its owner can do with it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from lab.media import Address, Sound
from lab.phones import REASONS
from lab.truth import Dialog, Message

if TYPE_CHECKING:
    from lab.softphones import Softphones

PATIENCE_S = 6.0  # how long an answer may take before the other side is given up
FIRST_REQUEST = 100  # CSeq of requests within a call, above that of its INVITE


@dataclass
class SipCall:
    """One call at one of the phones."""

    phones: Softphones
    dialog: Dialog
    tone: int
    number: str  # of the phone it is at
    messages: list[tuple[float, str]] = field(default_factory=list)  # for a person to read
    sound: Sound | None = None  # what was heard, once it is over
    gone: bool = False  # the other side is silent for good
    _direction: str = "sendrecv"
    _quiet: bool = False
    _sound_known: Address | None = None
    _requests: itertools.count[int] = field(default_factory=lambda: itertools.count(FIRST_REQUEST))
    _waiters: list[tuple[Callable[[], bool], asyncio.Future[None]]] = field(default_factory=list)
    _versions: itertools.count[int] = field(default_factory=lambda: itertools.count(2))
    _proceeding: bool = False  # the INVITE was answered provisionally: only then may it be cancelled

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self.dialog.over or self.gone

    @property
    def talking(self) -> bool:
        """Whether it is answered and goes on."""
        return bool(self.dialog.answered_at) and not self.over

    # ---------------------------------------- waiting

    async def until(self, ready: Callable[[], bool], seconds: float) -> bool:
        """Wait until something is so; False when it is not after so many seconds, or the call is over before."""
        if not ready() and not self.over:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            waiter = (lambda: ready() or self.over, future)
            self._waiters.append(waiter)
            try:
                await asyncio.wait_for(future, seconds)
            except TimeoutError:
                pass
            finally:
                self._waiters.remove(waiter)
        return ready()

    async def until_over(self, seconds: float) -> bool:
        """Wait for the end; False when it goes on."""
        return await self.until(lambda: self.over, seconds)

    async def until_talking(self, seconds: float) -> bool:
        """Wait for the answer; False when there is none."""
        return await self.until(lambda: self.talking, seconds)

    async def until_transferred(self, before: int, seconds: float) -> int:
        """Wait for the final status of a transfer among the notes after `before`; 0 when none comes."""

        def status() -> int:
            return next((note.status for note in self.dialog.notes[before:] if note.status >= 200), 0)

        await self.until(lambda: bool(status()), seconds)
        return status()

    async def until_hears(self, hertz: int, seconds: float) -> bool:
        """Wait until a tone comes that was not there before, or still is; False when it does not come."""
        if self.over or self.dialog.sound_to is None:
            return False
        try:
            await asyncio.wait_for(self.phones.voice.until_hears(self.dialog.sound_to, hertz), seconds)
        except TimeoutError:
            return False
        return True

    def wake(self) -> None:
        """See whether what somebody waits for has come about."""
        for ready, future in self._waiters:
            if not future.done() and ready():
                future.set_result(None)

    # ---------------------------------------- a call that came

    def ring(self) -> None:
        """Ring."""
        if not self.over:
            self.phones.reply_to_invite(self, "180 Ringing")

    def answer(self) -> None:
        """Pick up."""
        if not self.over and not self.dialog.answered_at:
            self.phones.reply_to_invite(self, "200 OK", self.description())

    def refuse(self, status: int, forwards_to: str = "") -> None:
        """Refuse, or send the call to another number (302)."""
        if not self.over and not self.dialog.answered_at:
            contact = f"<{self.phones.uri(forwards_to)}>" if forwards_to else ""
            self.phones.reply_to_invite(self, REASONS.get(status, f"{status} Refused"), contact=contact)

    # ---------------------------------------- a talk

    async def hold(self) -> int:
        """Put the other side on hold; the status of the answer, 0 without one."""
        self._quiet = True
        self.follow_sound()
        return await self._turn("sendonly")

    async def resume(self) -> int:
        """End the hold."""
        status = await self._turn("sendrecv")
        self._quiet = False
        self.follow_sound()
        return status

    async def transfer(self, to: str, replaces: SipCall | None = None) -> tuple[int, int]:
        """REFER to a number, or to the other side of another call of this phone.

        The status of its answer (0 without one), and how many notes there were before it.
        """
        target = f"<{self.phones.uri(to)}>"
        if replaces is not None:
            dialog = replaces.dialog
            tags = {end: text.rpartition(";tag=")[2] for end, text in (("to", dialog.remote), ("from", dialog.local))}
            asked = quote(f"{dialog.call_id};to-tag={tags['to']};from-tag={tags['from']}", safe="")
            target = f"<{self.phones.uri(to)}?Replaces={asked}>"
        before = len(self.dialog.notes)
        by = self.dialog.local.partition(";tag=")[0]
        return await self._ask("REFER", f"Refer-To: {target}", f"Referred-By: {by}"), before

    async def press(self, keys: str) -> None:
        """Press keys one after another (RFC 4733); returns when they are through."""
        if self.dialog.sound_to is None:
            return
        for key in keys:
            self.phones.voice.press(key, self.dialog.sound_to)
        await asyncio.wait_for(self.phones.voice.until_pressed(self.dialog.sound_to), 0.3 * len(keys) + 2)

    async def hang_up(self) -> None:
        """End the call now, whatever its state: BYE, CANCEL, or a refusal."""
        if self.over:
            return
        if self.dialog.answered_at:
            status = await self._ask("BYE")
            self.gone = self.gone or not status
        elif self.dialog.called_here:
            self.refuse(480)
        else:
            await self._cancel()
        self.follow_sound()
        self.wake()

    async def _cancel(self) -> None:
        await self.until(lambda: self._proceeding or self.talking, PATIENCE_S)
        if self.over:
            return
        if not self.dialog.answered_at:
            await self.phones.cancel(self)
            await self.until_over(PATIENCE_S)
        if self.talking:  # the answer crossed the CANCEL
            await self._ask("BYE")
        self.gone = not self.dialog.over

    async def _turn(self, direction: str) -> int:
        self._direction = direction
        body = self.description(next(self._versions))
        return await self._ask("INVITE", "Content-Type: application/sdp", body=body)

    async def _ask(self, method: str, *headers: str, body: str = "") -> int:
        """A request in the dialog; one that crosses another (491) is repeated. Its final status, 0 without one."""
        for _ in range(5):
            if self.dialog.ended_at:
                return 0
            status = await self.phones.ask(self, method, next(self._requests), headers, body)
            if status not in (491, 500):
                break
            await asyncio.sleep(0.2)
        return status

    # ---------------------------------------- what the phones need

    def description(self, version: int = 1) -> str:
        """The session description of this side (RFC 8866)."""
        host, port = self.phones.sound_at
        lines = ["v=0", f"o=phone 1 {version} IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0"]
        lines += [f"m=audio {port} RTP/AVP 8 101", "a=rtpmap:8 PCMA/8000", "a=rtpmap:101 telephone-event/8000"]
        return "\r\n".join([*lines, "a=fmtp:101 0-15", "a=ptime:20", f"a={self._direction}", ""])

    def take(self, message: Message) -> None:
        """A message of this call was sent or has come."""
        self.messages.append((message.at, f"{'>' if message.sent else '<'} {message.first_line}"))
        self.dialog.add(message)
        if message.about == "INVITE" and 100 <= message.status < 200:
            self._proceeding = True
        self.follow_sound()
        self.wake()

    def follow_sound(self) -> None:
        """Speak where the other side listens. Asterisk gives every call a port, and the same one to a later call."""
        voice, before, now = self.phones.voice, self._sound_known, self.dialog.sound_to
        if now and now != before and not self.over:
            if before:
                voice.hush(before)
            # Whoever had the port before and was not told of his end, as Asterisk died, speaks there no longer.
            voice.hush(now)
            heard = voice.forget(now)
            if (former := self.phones.at_port.get(now)) is not None and former.sound is None:
                former.sound = heard
            self.phones.at_port[now] = self
            self._sound_known = now
        if now and self.phones.at_port.get(now) is not self:
            return
        if now and self.over:
            if self.sound is None:
                voice.hush(now)
                self.sound = voice.forget(now)
        elif now and self._quiet:
            voice.pause(now)
        elif now and self.dialog.answered_at:
            voice.talk_to(now, self.tone)
