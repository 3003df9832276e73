"""One real call: who takes part, what each of them does, and what he saw."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import pairwise

from lab.chaos.company import Office
from lab.media import ALAW, loudness
from lab.sip_call import SipCall
from lab.truth import Talk

# What a phone does with a call that reaches it; it may last as long as the call.
Manner = Callable[["Attempt", SipCall], Awaitable[None]]

PATIENCE_S = 45.0  # of a customer who has nothing else to do
LEFT_OVER_S = 20.0  # how long phones may stay connected when the customer is gone, before people hang up by themselves


@dataclass
class Attempt:
    """A call somebody tries to make.

    `customer` is the outside number ("" for a call between phones), `line` what he dialled. `outside` is his side,
    `caller` that of whoever placed it, `legs` are all calls at our desk phones.
    """

    serial: int
    kind: str
    chance: random.Random
    office: Office
    began_at: float
    customer: str = ""
    line: str = ""
    outbound: bool = False
    placed_by: str = ""  # the extension of who dialled, or for whom a call was ordered
    manners: dict[str, list[Manner]] = field(default_factory=dict)
    outside: SipCall | None = None
    caller: SipCall | None = None
    legs: list[SipCall] = field(default_factory=list)
    story: list[tuple[float, str]] = field(default_factory=list)
    ended_by: str = ""  # who of the people ended it, on purpose
    plan_ends: bool = False  # nobody will answer, and the plan ends it
    gives_up: bool = False
    leaves_message: bool = False  # nobody says anything to him
    out_of_patience: bool = False
    ordered: bool = False  # by the API: it may have been refused
    stalled: list[str] = field(default_factory=list)  # moves that did not come to an end
    left_over: list[str] = field(default_factory=list)  # phones that stayed connected
    heard: list[Talk] = field(default_factory=list)
    supervised: list[tuple[float, str]] = field(default_factory=list)  # since when in which mode
    silence_s: float = 0.0
    _rung: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    # ---------------------------------------- telling

    def tell(self, text: str) -> None:
        """A line of its story."""
        self.story.append((time.time(), text))

    def stall(self, move: str) -> None:
        """A move did not come to its end."""
        self.tell(f"{move}: nothing came of it")
        self.stalled.append(move)

    @property
    def calls(self) -> list[SipCall]:
        """The call at every phone that took part."""
        return [*([self.outside] if self.outside else []), *self.legs]

    @property
    def placed_at(self) -> float | None:
        """When the exchange first answered something to whoever called; None when it never did."""
        if self.caller is None:
            return self.legs[0].dialog.invited_at if self.legs else None
        heard = [at for at, line in self.caller.messages if line.startswith("<")]
        return self.caller.dialog.invited_at if heard else None

    @property
    def over_at(self) -> float:
        """When the last phone was done with it."""
        times = [t for call in self.calls for t in (call.dialog.ended_at, call.dialog.refused_at) if t]
        return max(times, default=self.began_at)

    # ---------------------------------------- people

    def manner_of(self, number: str) -> Manner | None:
        """What a phone does with the next call that reaches it; the last manner goes for all that follow."""
        manners = self.manners.get(number)
        if not manners:
            return None
        self._rung[number] += 1
        return manners[min(self._rung[number], len(manners)) - 1]

    def end(self, who: str) -> None:
        """Somebody is about to end it on purpose."""
        if not self.ended_by:
            self.ended_by = who
            self.tell(f"{who} ends it")

    def is_supervised(self, mode: str) -> None:
        """A supervisor is about to follow it in this mode."""
        self.supervised.append((time.time(), mode))

    def may_hear_supervisor(self, since: float, until: float) -> bool:
        """Whether he had barged in for that whole time."""
        ends = [*(at for at, _ in self.supervised[1:]), math.inf]
        return any(
            mode == "barge" and at <= since and until <= end
            for (at, mode), end in zip(self.supervised, ends, strict=True)
        )

    async def until_leg(self, number: str, ready: Callable[[SipCall], bool], seconds: float) -> SipCall | None:
        """Wait until a call at a phone is as wanted; None when there is none in time or the customer is gone."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not (self.outside and self.outside.over):
            for leg in reversed(self.legs):
                if leg.number == number and ready(leg):
                    return leg
            await asyncio.sleep(0.05)
        return None

    async def finish(self, leg: SipCall, shortest: float = 2.0, longest: float = 5.0) -> None:
        """Talk for a while, then one of the two hangs up."""
        if await leg.until_over(self.chance.uniform(shortest, longest)):
            return
        customer_ends = self.chance.random() < 0.5
        if customer_ends and self.outside and not self.outside.over:
            self.end("the customer")
            await self.outside.hang_up()
            return
        ours = leg if leg is not self.outside else next((one for one in self.legs if one.talking), leg)
        self.end(ours.number)
        await ours.hang_up()

    async def customer_leaves_after(self, side: SipCall, seconds: float) -> None:
        """The customer hangs up when it is not over by then."""
        if not await side.until_over(seconds):
            self.end("the customer")
            await side.hang_up()

    async def see_off(self) -> None:
        """When the customer is gone the phones are released; people wait a while, then they hang up by themselves."""
        await asyncio.gather(*(call.until_over(LEFT_OVER_S) for call in self.calls))
        for call in self.calls:
            if not call.over:
                self.left_over.append(call.number)
                self.tell(f"{call.number} is still connected and hangs up")
                await call.hang_up()

    # ---------------------------------------- the truth

    def listen(self, tone_of: Callable[[str], int]) -> None:
        """Work out from what the customer heard who talked with him, and the silence; then forget the sound."""
        side = self.outside
        numbers = {leg.number for leg in self.legs}
        if side is not None and side.sound is not None and side.dialog.answered_at:
            ended = side.dialog.ended_at or time.time()
            self.silence_s = side.sound.longest_silence(side.dialog.answered_at, ended)
            self.heard = sorted(
                (h for number in numbers for h in heard_of(side.sound.packets, number, tone_of(number))),
                key=lambda h: (h.began_at, h.ended_at),
            )
        for call in self.calls:
            call.sound = None


def heard_of(packets: list[tuple[float, bytes]], number: str, hertz: int) -> list[Talk]:
    """When a tone was heard, to a tenth of a second; what lasted less than 0.3 s was no talk."""
    found: list[Talk] = []
    began = last = looked = 0.0
    for (at, first), (_, second) in pairwise(packets):
        if at - looked < 0.1:
            continue
        looked = at
        if loudness([ALAW[octet] for octet in first + second], hertz) < 2500:
            continue
        if began and at - last > 0.45:
            found.append(Talk(number, began, last))
            began = 0.0
        began, last = began or at, at
    if began:
        found.append(Talk(number, began, last))
    return [heard for heard in found if heard.seconds >= 0.3]
