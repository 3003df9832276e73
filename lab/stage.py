"""Playing a story on the exchange, and what then really happened, put together from the traces of all phones."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab.asterisk import Asterisk
from lab.phones import CUSTOMER_TONE, EMPLOYEE_TONE, Caller, Carrier, Office
from lab.story import PlannedCall, Story
from lab.truth import Dialog


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation as the phones saw it, Unix times."""

    number: str
    began_at: float
    ended_at: float

    @property
    def seconds(self) -> float:
        return self.ended_at - self.began_at


@dataclass
class RealCall:
    """One call that was really made: the caller's side, and every phone it came to."""

    planned: PlannedCall
    caller: Dialog
    legs: list[Dialog] = field(default_factory=list)
    heard_caller: dict[str, bool] = field(default_factory=dict)  # by the number of the phone that talked
    caller_heard: bool = False

    @property
    def talk(self) -> Talk | None:
        """Who talked with the caller, and from when to when. A phone released within a moment did not talk."""
        for leg in self.legs:
            if not leg.answered_at or not self.caller.answered_at:
                continue
            ends = [t for t in (leg.ended_at, self.caller.ended_at) if t]
            talk = Talk(leg.number, max(leg.answered_at, self.caller.answered_at), min(ends)) if ends else None
            if talk and talk.seconds > 0.5:
                return talk
        return None

    @property
    def ended_at(self) -> float:
        """When the last of it was over."""
        times = [t for d in (self.caller, *self.legs) for t in (d.ended_at, d.refused_at) if t]
        return max(times, default=self.caller.invited_at)


async def play(story: Story, pbx: Asterisk, carrier: Carrier, folder: Path) -> list[RealCall]:
    """Play a story to its end; the calls in the order they were planned."""
    async with Office(pbx, folder, phones=story.phones, unregistered=story.unregistered) as office:
        made = await asyncio.gather(*(_make(call, pbx, folder) for call in story.calls))
        await asyncio.sleep(0.3)  # the last BYE and CANCEL are still on their way to the phones
        calls = [RealCall(planned, caller.dialogs[0]) for planned, caller in zip(story.calls, made, strict=True)]
        _share_out(office.dialogs, [c for c in calls if not c.planned.outbound])
        for call, caller in zip(calls, made, strict=True):
            far: Office | Carrier = office
            if call.planned.outbound:
                far = carrier
                mine = (d for d in carrier.dialogs if d.number == call.planned.to)
                call.legs = [d for d in mine if d.invited_at >= call.caller.invited_at]
            _listen(call, caller, far)
        return calls


async def _make(call: PlannedCall, pbx: Asterisk, folder: Path) -> Caller:
    await asyncio.sleep(call.after_s)
    caller = Caller(
        pbx,
        folder,
        number=call.to,
        from_number="" if call.outbound else call.by,
        account=next(a for a in pbx.accounts if a.extension == call.by) if call.outbound else None,
        talk_s=call.talk_s,
        gives_up_s=call.gives_up_s,
        keys=call.keys,
        anonymous=not call.by,
        tone=EMPLOYEE_TONE if call.outbound else CUSTOMER_TONE,
    )
    await caller.call()
    return caller


def _share_out(dialogs: Sequence[Dialog], calls: Sequence[RealCall]) -> None:
    """Give each phone's dialog to the call it belongs to: of those alive then, the one whose number its display showed;
    of several with that number the latest.
    """
    for dialog in dialogs:
        alive = [c for c in calls if c.caller.invited_at <= dialog.invited_at <= c.ended_at]
        shown = [c for c in alive if c.planned.by and c.planned.by[-10:] == dialog.caller[-10:]]
        if alive:
            max(shown or alive, key=lambda c: c.caller.invited_at).legs.append(dialog)


def _listen(call: RealCall, caller: Caller, far: Office | Carrier) -> None:
    theirs, ours = (CUSTOMER_TONE, EMPLOYEE_TONE) if call.planned.outbound else (EMPLOYEE_TONE, CUSTOMER_TONE)
    call.caller_heard = caller.heard(call.caller, theirs)
    call.heard_caller = {leg.number: far.heard(leg, ours) for leg in call.legs}
