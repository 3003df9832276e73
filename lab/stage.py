"""Playing a story on the exchange, and what then really happened, put together from the traces of all phones."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab.acting import Acting, Done
from lab.asterisk import Asterisk
from lab.ear import CUSTOMER_TONE, Ear, employee_tone
from lab.moves import Moves
from lab.phones import Caller, Carrier, Office
from lab.story import Do, PlannedCall, Story
from lab.truth import Dialog, Talk

SAME_END_S = 0.6  # those whose talks ended within this time talked to the end, both
RELEASE_S = 2.0  # within which the phones must be released when the last caller is gone
SCRIPT_S = 90.0  # what all moves of a call may take


@dataclass
class RealCall:
    """One call that was really made: the caller's side, and every phone it came to."""

    planned: PlannedCall
    caller: Dialog
    legs: list[Dialog] = field(default_factory=list)
    heard_caller: dict[str, bool] = field(default_factory=dict)  # by the number of the phone that talked
    caller_heard: bool = False
    done: Sequence[Done] = ()
    heard: Sequence[Talk] = ()  # with moves: who the customer heard, and from when to when
    silence: float = 0.0  # the longest time the customer heard nothing between the answer and the end, seconds

    @property
    def talks(self) -> list[Talk]:
        """Who talked with the customer, in the order they began. With moves it is the customer's ear that tells."""
        if self.planned.moves:
            return sorted(self.heard, key=lambda talk: talk.began_at)
        return [self._only_talk] if self._only_talk else []

    @property
    def talk(self) -> Talk | None:
        """Who talked last with the customer; of those who talked to the end, who came last."""
        if not self.talks:
            return None
        end = max(talk.ended_at for talk in self.talks)
        return max((t for t in self.talks if t.ended_at > end - SAME_END_S), key=lambda talk: talk.began_at)

    @property
    def talk_seconds(self) -> tuple[float, float]:
        """How long they talked at least (holes left out) and at most (from the first word to the last)."""
        if not self.talks:
            return 0.0, 0.0
        spoken, until = 0.0, 0.0
        for talk in self.talks:
            spoken += max(0.0, talk.ended_at - max(talk.began_at, until))
            until = max(until, talk.ended_at)
        return spoken, until - self.talks[0].began_at

    @property
    def asked(self) -> dict[str, float]:
        """Who was asked by a phone over a call of its own, and when he was joined with the customer (inf: never).

        Until then that call is nothing but one between two phones.
        """
        asks: dict[str, str] = {}
        joined: dict[str, float] = {}
        for done in self.done:
            if done.move.do is Do.ASK:
                asks[done.move.by] = done.move.to
                joined[done.move.to] = math.inf
            elif done.move.do is Do.JOIN and not done.failed:
                joined[asks[done.move.by]] = done.at
        return joined

    @property
    def _only_talk(self) -> Talk | None:
        """A phone released within a moment did not talk."""
        for leg in self.legs:
            if not leg.answered_at or not self.caller.answered_at:
                continue
            ends = [t for t in (leg.ended_at, self.caller.ended_at) if t]
            talk = Talk(leg.number, max(leg.answered_at, self.caller.answered_at), min(ends)) if ends else None
            if talk and talk.seconds > 0.5:
                return talk
        return None

    @property
    def customer(self) -> str:
        """The outside number."""
        return self.planned.to if self.planned.outbound else self.planned.by

    @property
    def ended_at(self) -> float:
        """When the last of it was over."""
        times = [t for d in (self.caller, *self.legs) for t in (d.ended_at, d.refused_at) if t]
        return max(times, default=self.caller.invited_at)


@dataclass
class _Made:
    """A call as it was made."""

    caller: Caller
    done: Sequence[Done] = ()


async def play(story: Story, pbx: Asterisk, carrier: Carrier, folder: Path) -> list[RealCall]:
    """Play a story to its end; the calls in the order they were planned."""
    tones = {phone.number: employee_tone(phone.number) for phone in story.phones}
    async with Office(pbx, folder, phones=story.phones, unregistered=story.unregistered, tones=tones) as office:
        made = await asyncio.gather(*(_make(call, office, carrier) for call in story.calls))
        await asyncio.sleep(0.3)  # the last BYE and CANCEL are still on their way to the phones
        with contextlib.suppress(TimeoutError):
            await office.until_all_over(RELEASE_S)
        pairs = [
            (RealCall(planned, m.caller.dialogs[0], done=m.done), m.caller)
            for planned, m in zip(story.calls, made, strict=True)
        ]
        calls = [call for call, _ in pairs]
        for call in calls:
            if call.planned.outbound:
                mine = (d for d in carrier.dialogs if d.number == call.planned.to)
                call.legs = [d for d in mine if d.invited_at >= call.caller.invited_at]
        _share_out(office.dialogs, [c for c in calls if c.planned.moves or not c.planned.outbound])
        for call, caller in pairs:
            _listen(call, caller, office, carrier, tones)
        return calls


async def _make(call: PlannedCall, office: Office, carrier: Carrier) -> _Made:
    await asyncio.sleep(call.after_s)
    pbx = office.pbx
    caller = Caller(
        pbx,
        office.folder,
        number=call.to,
        from_number="" if call.outbound else call.by,
        account=next(a for a in pbx.accounts if a.extension == call.by) if call.outbound else None,
        talk_s=call.talk_s,
        gives_up_s=call.gives_up_s,
        keys=call.keys,
        anonymous=not call.by,
        tone=employee_tone(call.by) if call.outbound else CUSTOMER_TONE,
    )
    if not call.moves:
        await caller.call()
        return _Made(caller)

    def party(number: str) -> Moves:
        if number == (call.by if call.outbound else ""):
            return caller
        return office.phone(number) if number else carrier.phone(call.to)

    async with caller:
        async with asyncio.timeout(SCRIPT_S):
            done = await Acting(call, party).act()
        if call.outbound:  # the customer may still talk with somebody, when who called him is gone
            with contextlib.suppress(TimeoutError):
                await carrier.phone(call.to).hang_up()
        return _Made(caller, done)


def _share_out(dialogs: Sequence[Dialog], calls: Sequence[RealCall]) -> None:
    """Give each phone's dialog to the call it belongs to: of those alive then, the one whose number its display showed,
    or one of whose phones it showed; of several the latest.
    """
    for dialog in dialogs:
        alive = [c for c in calls if c.caller.invited_at <= dialog.invited_at <= c.ended_at]
        shown = [c for c in alive if c.customer and c.customer[-10:] == dialog.caller[-10:]]
        asked = [c for c in alive if dialog.caller in {c.planned.by, *(leg.number for leg in c.legs)}]
        if alive:
            max(shown or asked or alive, key=lambda c: c.caller.invited_at).legs.append(dialog)


def _listen(call: RealCall, caller: Caller, office: Office, carrier: Carrier, tones: Mapping[str, int]) -> None:
    outbound = call.planned.outbound
    ears: dict[str, Ear] = {dialog.call_id: ear for ear in (office, carrier, caller) for dialog in ear.dialogs}
    customer, employee = CUSTOMER_TONE, employee_tone(call.planned.by) if outbound else 0
    for leg in call.legs:
        own = leg.number == call.planned.to if outbound else False
        call.heard_caller[leg.number] = ears[leg.call_id].heard(leg, employee if own else customer)
    theirs = [customer] if outbound else [tones[leg.number] for leg in call.legs]
    call.caller_heard = any(caller.heard(call.caller, hertz) for hertz in theirs)
    his = next((leg for leg in call.legs if leg.number == call.planned.to), None) if outbound else call.caller
    if his and his.answered_at and his.ended_at:
        ear = ears[his.call_id]
        call.silence = ear.longest_silence(his)
        if call.planned.moves:
            people = {leg.number: tones[leg.number] for leg in call.legs if leg.number in tones}
            people |= {call.planned.by: employee} if outbound else {}
            call.heard = [Talk(who, *span) for who, hertz in people.items() for span in ear.sound(his).when(hertz)]
    for dialog in (call.caller, *call.legs):
        ears[dialog.call_id].forget(dialog)
