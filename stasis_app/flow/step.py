"""A call's stay at one element: the verbs, what is known, and the reason for going on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from stasis_app.calls.facts import Direction, Identified, Party, PartyKind, Unanswered
from stasis_app.calls.verbs import CallHandle, RingResult, Strategy, Target
from stasis_app.crm import Availability, Client, Extension, Number, Responsible
from stasis_app.flow.context import FlowContext
from stasis_app.flow.forwarding import Following, Hop, LedToElement, Way, tell_of, way_to
from stasis_app.flow.whom import target_of

# Seconds a time limit has at least once the service was restarted.
_AFTER_A_RESTART = 5.0


class Step:
    """What an element gets to work with. One object per call; `name` changes from element to element."""

    __slots__ = (
        "_led",
        "_told",
        "call",
        "context",
        "entered_at",
        "name",
        "resumed",
        "visits",
        "visits_without_key",
        "why",
    )

    def __init__(self, call: CallHandle, context: FlowContext) -> None:
        self.call = call
        self.context = context
        self.name = ""
        self.why = ""
        self.entered_at = datetime.now(UTC)
        self.resumed = False
        self.visits = 0
        self.visits_without_key = 0
        self._told: tuple[Hop, ...] = ()
        self._led = frozenset[Hop]()  # forwards that led to an element since the caller last pressed a key

    @property
    def number(self) -> Number:
        """The customer's number; for internal calls the caller's extension."""
        record = self.call.record
        internal = record.direction is Direction.INTERNAL
        return self.context.numbers.read(record.caller.number if internal else record.customer_number)

    def left(self, seconds: float) -> float:
        """What is left of a time limit of this element, which began when the call came here, maybe before a restart.

        At least a few seconds: a phone that rings anew has to be heard.
        """
        if not self.resumed:
            return seconds
        passed = (datetime.now(UTC) - self.entered_at).total_seconds()
        return min(seconds, max(_AFTER_A_RESTART, seconds - passed))

    def go(self, element: str, why: str) -> str:
        """Name the next element and say why: the reason is shown in the call's story."""
        self.why = why
        return element

    async def read(
        self, *prompts: str, digits: int = 1, seconds: float = 5.0, between: float = 2.0, terminator: str = "#"
    ) -> str:
        """`CallHandle.read`, noting that a person is there."""
        keys = await self.call.read(*prompts, digits=digits, seconds=seconds, between=between, terminator=terminator)
        if keys:
            self.visits_without_key, self._led = 0, frozenset()
        return keys

    def identify(self, client: Client | None) -> None:
        """Tell whose number this is, once."""
        if client is not None:
            tell_client(self.call, client)

    async def responsible(self, *, respect_working_day: bool = False) -> Responsible:
        """Who answers for the customer, and can he be rung; also tells whose number this is. Never raises."""
        found = await self.context.responsibles.find(self.number, respect_working_day=respect_working_day)
        self.identify(found.client)
        return found

    def target(self, number: str) -> Target:
        """Whom an extension or an outside number means. Outside numbers are dialled as they are written."""
        return target_of(number, self.context.directory, self.context.numbers)

    async def phone(self, extension: str) -> Availability:
        """The state of a phone; what this call itself does with it does not count.

        Nor does a forward to the very employee who calls: his assistant wants to speak to the one he answers for.
        """
        phone = await self.context.phones.of(extension, besides=self.call.id)
        caller = self.call.record.caller
        if phone.forward and caller.kind is PartyKind.EMPLOYEE and phone.forward == caller.number:
            phone = await self.context.phones.of(extension, besides=self.call.id, forwards=False)
        return phone

    async def phone_itself(self, extension: str) -> Availability:
        """The state of a phone, wherever its calls go."""
        return await self.context.phones.of(extension, besides=self.call.id, forwards=False)

    def element_of(self, number: str) -> str:
        """The element a number of the plan leads to, "" for any other number."""
        return self.context.plan_numbers.get(number, "")

    async def ways(self, targets: Sequence[Target]) -> list[Way]:
        """Whom ringing a group rings, or why not him; two who lead to the same one are one.

        Whoever always forwards his calls is rung where he is; for one who is busy the others answer.
        """
        found: dict[Target, Way] = {}
        for way in await asyncio.gather(*(way_to(target, self, always_only=True) for target in targets)):
            self.tell_forwarding(way.hops)
            found.setdefault(way.end, way)
        return list(found.values())

    async def connect_free(
        self, targets: Sequence[Target], *, seconds: float, strategy: Strategy = Strategy.ALL
    ) -> RingResult:
        """`connect` those of a group who can be rung, and tell of the others why they were not."""
        ways = await self.ways(targets)
        left_out = tuple((way.end.party, way.unanswered) for way in ways if way.target is None)
        free = [way.target for way in ways if way.target is not None]
        result = await self.connect(free, seconds=seconds, strategy=strategy) if free else RingResult(None)
        return RingResult(result.answered_by, (*result.tried, *left_out))

    async def reach(self, target: Target, *, seconds: float, leads: bool = True) -> RingResult:
        """Ring one party as `connect` does, wherever he forwards his calls to. See `follow`."""
        result = await self.follow(target, seconds=seconds, leads=leads)
        if result.answered_by is not None:
            await self.call.talk()
        return result

    async def follow(self, target: Target, *, seconds: float, leads: bool = True) -> RingResult:
        """Ring one party wherever he forwards his calls to, at once or when he does not answer; who answers talks.

        Raises `LedToElement` when that is a number of the plan, unless forwards to those are not followed (`leads`).
        """
        following = Following(target, self, leads=leads)
        tried: tuple[tuple[Party, Unanswered], ...] = ()
        now = await following.next()
        while now is not None:
            result = await self.call.ring([now], seconds=seconds)
            tried += result.tried
            if result.answered_by is not None or not result.tried:
                return RingResult(result.answered_by, tried)
            now = await following.next(result.tried[-1][1])
        if following.led_to is not None:
            if self._lead_on(following.led_to):
                raise LedToElement(following.led_to.element, str(following.led_to))
            tried = (*tried, (target.party, Unanswered.UNREACHABLE))
        if following.refused is not None:
            tried = (*tried, (target.party, following.refused))
        return RingResult(None, tried)

    def _lead_on(self, way: Way) -> bool:
        """Whether a forward leads to its element: once, or it would be a circle nobody stands in."""
        last = way.hops[-1]
        if last in self._led:
            return False
        self._led |= {last}
        return True

    async def settings(self, extension: str) -> Extension:
        """What is set for an extension."""
        return await self.context.phones.settings_of(extension)

    def tell_forwarding(self, hops: Sequence[Hop]) -> None:
        """Tell in the call's story which forwardings are followed, each once."""
        untold = tuple(hop for hop in hops if hop not in self._told)
        self._told += untold
        tell_of(self.call, untold)

    async def connect(
        self, targets: Sequence[Target], *, seconds: float, strategy: Strategy = Strategy.ALL
    ) -> RingResult:
        """Ring, and when somebody answers stay until the conversation is over."""
        result = await self.call.ring(targets, seconds=seconds, strategy=strategy)
        if result.answered_by is not None:
            await self.call.talk()
        return result


def tell_client(call: CallHandle, client: Client) -> None:
    """Note whose number this is, unless the call's record says so already."""
    told = call.record.identified
    if told is not None and (told.entity_type, told.entity_id) == (client.entity_type, client.entity_id):
        return
    call.identify(
        Identified(
            call_id=call.id,
            at=datetime.now(UTC),
            entity_type=client.entity_type,
            entity_id=client.entity_id,
            name=client.name,
            user_id=client.user_id,
            extension=client.extension,
        )
    )


def tried_in_words(result: RingResult) -> str:
    """Why nobody answered."""
    return ", ".join(f"{_who(party)} {why}" for party, why in result.tried) or "nobody could be rung"


def _who(party: Party) -> str:
    return party.number or party.name
