"""Feature codes: what an employee can do by pressing keys in a conversation (`*2` asks a colleague, `##` transfers).

Keys reach the other side as well, as always in a telephone; a code is recognised when its keys follow each other
quickly.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from typing import TYPE_CHECKING

from stasis_app.ari.errors import AriError
from stasis_app.calls.facts import PartyKind
from stasis_app.calls.moves.blind import find_destination, stay_with_the_other, take_out
from stasis_app.calls.moves.consultation import Happening
from stasis_app.calls.moves.consulting import start_consultation
from stasis_app.calls.moves.destination import Destination
from stasis_app.calls.moves.giving import give_away
from stasis_app.calls.moves.holding import end_hold, let_wait
from stasis_app.calls.moves.refusal import ImpossibleMove
from stasis_app.calls.pausing import pause_or_resume
from stasis_app.calls.prompts import Keys, media_uri
from stasis_app.calls.steps import try_to

if TYPE_CHECKING:
    from stasis_app.calls.call import Call

# Seconds between two keys of one code.
BETWEEN = 1.0
# Seconds to begin to dial after a transfer code, and between two digits.
FIRST_DIGIT, NEXT_DIGIT = 6.0, 2.5
MOST_DIGITS = 20
ASK, INVALID = "pbx-transfer", "pbx-invalid"

Action = Callable[["Call", str], Coroutine[object, object, None]]
"""What a code does: given the call and the leg whose phone pressed it."""


@dataclass(frozen=True, slots=True)
class FeatureCodes:
    """The codes; "" switches one off."""

    blind: str = "##"
    attended: str = "*2"
    cancel: str = "*1"
    conference: str = "*3"
    swap: str = "*4"
    complete: str = ""
    record_pause: str = "*5"
    more: dict[str, Action] = field(default_factory=dict)

    def actions(self) -> dict[str, Action]:
        """What each code does."""
        named = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "more"}
        return {**{code: _ACTIONS[name] for name, code in named.items() if code}, **self.more}


class Features:
    """Listens to the keys of one call. `actions` is what the codes do, the same for all calls."""

    __slots__ = ("_actions", "_call", "_dialling", "_longest", "_pressed", "_pressed_at")

    def __init__(self, call: Call, actions: Mapping[str, Action]) -> None:
        self._call = call
        self._actions = actions
        self._longest = max(map(len, actions), default=0)
        self._pressed: dict[str, str] = {}
        self._pressed_at: dict[str, float] = {}
        self._dialling: dict[str, Keys] = {}

    def press(self, leg: str, digit: str) -> None:
        """The phone at a leg pressed a key."""
        if leg in self._dialling:
            self._dialling[leg].press(digit)
            return
        if not self._may(leg) or not self._longest:
            return
        now = asyncio.get_running_loop().time()
        fresh = now - self._pressed_at.get(leg, -BETWEEN) < BETWEEN
        pressed = ((self._pressed.get(leg, "") if fresh else "") + digit)[-self._longest :]
        self._pressed[leg], self._pressed_at[leg] = pressed, now
        for code, action in self._actions.items():
            if pressed.endswith(code):
                self._pressed[leg] = ""
                self._call.spawn(action(self._call, leg))
                return

    def _may(self, leg: str) -> bool:
        state = self._call.state
        known = state.legs.get(leg)
        return known is not None and known.joined and known.party.kind is PartyKind.EMPLOYEE and not state.ended

    async def dial(self, leg: str) -> str:
        """Ask the party of a leg, who is in no bridge now, for a number."""
        keys = self._dialling[leg] = Keys()
        call, playback = self._call, f"{self._call.id}-{secrets.token_hex(4)}"
        try:
            await call.control.play(leg, media_uri(ASK), playback)
            await call.until(lambda: keys.any() or not call.leg(leg).alive, FIRST_DIGIT)
            await call.control.stop_playing(playback)
            known = len(keys)
            while known and known < MOST_DIGITS and not keys.complete(MOST_DIGITS, "#"):
                await call.until(partial(_has_more, keys, known), NEXT_DIGIT)
                if len(keys) == known:
                    break
                known = len(keys)
            return keys.take(MOST_DIGITS, "#")
        finally:
            del self._dialling[leg]


def _has_more(keys: Keys, known: int) -> bool:
    return len(keys) > known


async def _blind(call: Call, leg: str) -> None:
    if _is_moving(call):
        return
    with call.moving():
        destination = await _asked(call, leg)
        if destination is not None:
            await _give_away(call, leg, destination)


async def _attended(call: Call, leg: str) -> None:
    if _is_moving(call):
        return
    with call.moving():
        destination = await _asked(call, leg)
        if destination is None:
            return
        if destination.party is None:
            # Nobody to be asked at an element: it is given there.
            await _give_away(call, leg, destination)
            return
        try:
            start_consultation(call, leg, destination)
        except ValueError as error:
            await _has_it_back(call, leg, str(error))


async def _give_away(call: Call, leg: str, destination: Destination) -> None:
    await call.asking_caller(call.control.stop_music(call.state.anchor_leg))
    try:
        given_away = give_away(call, leg, destination)
    except ImpossibleMove as error:
        await _has_it_back(call, leg, str(error))
    else:
        await given_away


def _is_moving(call: Call) -> bool:
    return call.consultation is not None or call.record.transfer_now is not None


async def _asked(call: Call, leg: str) -> Destination | None:
    """Where the party of a leg wants the call to go; None when that is nowhere, then he has it back."""
    stay_with_the_other(call, leg)
    await try_to(end_hold(call, leg), call.log)
    await take_out(call, call.leg(leg))
    await let_wait(call)
    try:
        dialled = await call.features.dial(leg) if call.features else ""
    except AriError as error:
        call.log.info("Nobody could be asked where the call is to go: {}", error)
        dialled = ""
    destination = await find_destination(call, dialled)
    if destination is not None and call.leg(leg).alive:
        return destination
    await _has_it_back(call, leg, f"{dialled!r} leads nowhere")
    return None


async def _has_it_back(call: Call, leg: str, why: str) -> None:
    call.log.info("The call stays with {}: {}", call.leg(leg).party.number, why)
    await call.asking_caller(call.control.stop_music(call.state.anchor_leg))
    if call.leg(leg).alive:
        await call.control.play(leg, media_uri(INVALID), f"{call.id}-{secrets.token_hex(4)}")
        await call.control.add_to_bridge(call.bridge, leg)
        await call.until(lambda: call.leg(leg).bridge or not call.leg(leg).alive, 5)


def _order(happening: Happening) -> Action:
    async def order(call: Call, leg: str) -> None:
        if call.consultation is not None and call.consultation.is_transferrer(leg):
            call.consultation.order(happening)

    return order


_ACTIONS: dict[str, Action] = {
    "blind": _blind,
    "attended": _attended,
    "cancel": _order(Happening.CANCEL),
    "conference": _order(Happening.CONFERENCE),
    "swap": _order(Happening.SWAP),
    "complete": _order(Happening.COMPLETE),
    "record_pause": pause_or_resume,
}
