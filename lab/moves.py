"""What people do at their phones in the middle of a call: hold, transfer, keys, hanging up; and what they notice."""

from __future__ import annotations

import asyncio
import itertools
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from dataclasses import dataclass
from urllib.parse import quote

from lab.asterisk import PBX_ADDRESS
from lab.ear import Ear
from lab.media import Address
from lab.truth import Dialog, Message

AGAIN_S = 0.5  # an order may reach SIPp in a moment it does not listen
_versions = itertools.count(2)  # of session descriptions; the scenarios' have version 1


@dataclass(frozen=True, slots=True)
class Transfer:
    """A transfer a phone asked for: how REFER was answered, and what the phone was told afterwards (NOTIFY)."""

    ear: Ear
    talk: Dialog
    answer: int
    _before: int

    @property
    def states(self) -> list[int]:
        """The SIP statuses the phone was told, in order."""
        return [note.status for note in self.talk.notes[self._before :]]

    async def until_over(self, seconds: float = 20.0) -> int:
        """Wait for the final status of the transfer (200 and above). `TimeoutError` when none is told."""
        await self.ear.until_some(lambda _: any(state >= 200 for state in self.states), seconds)
        return next(state for state in self.states if state >= 200)


class Moves(ABC):
    """The moves of one party. A move that Asterisk refuses raises `RuntimeError` with its answer."""

    @property
    @abstractmethod
    def ear(self) -> Ear:
        """Whose calls these are."""

    @property
    @abstractmethod
    def dialogs(self) -> list[Dialog]:
        """The calls of this party so far, in the order they began."""

    # ---------------------------------------- waiting

    async def until_ringing(self, seconds: float = 20.0, besides: Collection[Dialog] = ()) -> Dialog:
        """Wait for a call that rings now."""
        return await self._until(lambda d: bool(d.ringing_at and not d.stopped_ringing_at), seconds, besides)

    async def until_talking(self, seconds: float = 20.0, besides: Collection[Dialog] = ()) -> Dialog:
        """Wait for a call that is answered and goes on."""
        return await self._until(lambda d: bool(d.confirmed_at and not d.over), seconds, besides)

    async def until_over(self, dialog: Dialog, seconds: float = 20.0) -> None:
        """Wait until a call is over."""
        await self._until(lambda d: d is dialog and d.over, seconds)

    async def until_hears(self, talk: Dialog, hertz: int, seconds: float = 10.0) -> None:
        """Wait until a tone is heard from now on, half a second of it. `TimeoutError` when it is not."""
        asked = time.time()
        try:
            async with asyncio.timeout(seconds):
                await self.ear.voice.until_hears(_sound_of(talk), hertz)
        except TimeoutError:
            state = "is over" if talk.over else "goes on"
            came = self.ear.sound(talk).told(asked)
            raise TimeoutError(f"{hertz} Hz not heard for {seconds:.0f} s: {came}; the call {state}") from None

    async def until_keys(self, talk: Dialog, keys: str, seconds: float = 10.0) -> None:
        """Wait until exactly these keys have come in this call. `TimeoutError` when they have not."""
        async with asyncio.timeout(seconds):
            await self.ear.voice.until_keys(_sound_of(talk), keys)

    # ---------------------------------------- a call that rings

    async def answer(self, ringing: Dialog) -> None:
        """Pick up now."""
        await self._order_until(ringing, lambda: bool(ringing.confirmed_at or ringing.over), "Order: answer")

    async def decline(self, ringing: Dialog, status: int = 603) -> None:
        """Refuse now; `status` is one of `lab.phones.REASONS`."""
        await self._refuse(ringing, status, "sip:phone")

    async def forward(self, ringing: Dialog, number: str) -> None:
        """Send the call to another number now (302)."""
        await self._refuse(ringing, 302, self._uri(number))

    # ---------------------------------------- a talk

    async def hold(self, talk: Dialog) -> None:
        """Put the other side on hold: sound goes out only, and there is none."""
        self.ear.hold_tongue(talk)
        await self._turn(talk, "sendonly")

    async def resume(self, talk: Dialog) -> None:
        """End the hold."""
        await self._turn(talk, "sendrecv")
        self.ear.speak(talk)

    async def press(self, talk: Dialog, keys: str, *, info: bool = False) -> None:
        """Press keys one after another, as RFC 4733 events or as SIP INFO; returns when they are through."""
        if info:
            for key in keys:
                body = f"Signal={key}\r\nDuration=160\r\n"
                await self._ask(talk, "INFO", "Content-Type: application/dtmf-relay", body=body)
            return
        if talk.sound_to is None:
            raise RuntimeError(f"the call {talk.call_id} has no sound")
        for key in keys:
            self.ear.voice.press(key, talk.sound_to)
        await self.ear.voice.until_pressed(talk.sound_to)

    async def blind_transfer(self, talk: Dialog, number: str, *, leaves: bool = True) -> Transfer:
        """Send the other side to a number (REFER). Told that this worked, the phone hangs up, as phones do."""
        return await self._refer(talk, f"<{self._uri(number)}>", [talk] if leaves else [])

    async def attended_transfer(self, first: Dialog, second: Dialog, *, leaves: bool = True) -> Transfer:
        """Join the other sides of two talks (REFER over the first with Replaces of the second, RFC 3891)."""
        tags = {side: header.rpartition(";tag=")[2] for side, header in (("to", second.remote), ("from", second.local))}
        replaces = quote(f"{second.call_id};to-tag={tags['to']};from-tag={tags['from']}", safe="")
        number = second.caller if second.called_here else second.number
        return await self._refer(first, f"<{self._uri(number)}?Replaces={replaces}>", [first, second] if leaves else [])

    async def hang_up(self, talk: Dialog | None = None) -> None:
        """End a call now, without an argument every call: BYE, or CANCEL when it was not answered yet."""
        for dialog in [talk] if talk else [d for d in self.dialogs if not d.over]:
            await self._hang_up(dialog)

    # ---------------------------------------- how

    async def _until(
        self, wanted: Callable[[Dialog], bool], seconds: float, besides: Collection[Dialog] = ()
    ) -> Dialog:
        def mine(dialog: Dialog) -> bool:
            return any(dialog is d for d in self.dialogs) and not any(dialog is b for b in besides)

        return await self.ear.until_some(lambda d: mine(d) and wanted(d), seconds)

    async def _hang_up(self, dialog: Dialog) -> None:
        await self._order_until(dialog, lambda: dialog.over or bool(dialog.cancelled_at), "Order: hang-up")

    def _uri(self, number: str) -> str:
        return f"sip:{number}@{PBX_ADDRESS}:{self.ear.pbx.sip_port}"

    async def _refuse(self, ringing: Dialog, status: int, contact: str) -> None:
        order = (f"Order: refuse {status}", f"Contact: <{contact}>")
        await self._order_until(ringing, lambda: ringing.over or bool(ringing.answered_at), *order)

    async def _order_until(self, dialog: Dialog, done: Callable[[], bool], *order: str) -> None:
        async with asyncio.timeout(10):
            while not done():
                self.ear.hand.order(dialog, self.ear.sip, *order)
                try:
                    await self.ear.until_some(lambda _: done(), AGAIN_S)
                except TimeoutError:
                    continue

    async def _ask(self, talk: Dialog, method: str, *headers: str, body: str = "") -> Message:
        """A request in the dialog; one that crosses another (491) or comes too early is repeated a moment later."""
        for _ in range(10):
            answer = await self.ear.hand.request(talk, method, headers, body)
            if answer.status not in (491, 500):
                break
            await asyncio.sleep(0.2)
        if answer.status >= 300:
            raise RuntimeError(f"{method} was refused: {answer.first_line}")
        return answer

    async def _turn(self, talk: Dialog, direction: str) -> None:
        if talk.sound_here is None:
            raise RuntimeError(f"the call {talk.call_id} has no sound")
        self.ear.hand.order(talk, self.ear.sip, f"Direction: {direction}")
        host, port = talk.sound_here
        version = next(_versions)
        lines = ["v=0", f"o=phone 1 {version} IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0"]
        lines += [f"m=audio {port} RTP/AVP 8 101", "a=rtpmap:8 PCMA/8000", "a=rtpmap:101 telephone-event/8000"]
        lines += ["a=fmtp:101 0-15", "a=ptime:20", f"a={direction}", ""]
        await self._ask(talk, "INVITE", "Content-Type: application/sdp", body="\r\n".join(lines))

    async def _refer(self, talk: Dialog, to: str, leaving: list[Dialog]) -> Transfer:
        before = len(talk.notes)
        by = talk.local.partition(";tag=")[0]
        answer = await self.ear.hand.request(talk, "REFER", [f"Refer-To: {to}", f"Referred-By: {by}"])
        transfer = Transfer(self.ear, talk, answer.status, before)
        if leaving and answer.status < 300:
            self.ear.keep_habit(asyncio.create_task(self._leave_after(transfer, leaving)))
        return transfer

    async def _leave_after(self, transfer: Transfer, leaving: list[Dialog]) -> None:
        if await transfer.until_over(600) < 300:
            for dialog in leaving:
                await self.hang_up(dialog)


def _sound_of(talk: Dialog) -> Address:
    if talk.sound_to is None:
        raise RuntimeError(f"the call {talk.call_id} has no sound")
    return talk.sound_to
