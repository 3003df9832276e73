"""Hold and mute, ordered through us or by a phone itself (re-INVITE).

Who holds stays in the bridge, so the conversation and its recording go on. Ordered through us he is silenced in both
directions. Who is left alone with him hears music, and it is us who play it: Asterisk does so only in a bridge of
two without anything else in it (seen on 22.10.1, where music without silencing mixes the two).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stasis_app.calls import facts as f
from stasis_app.calls import intents as i
from stasis_app.calls.moves.refusal import ImpossibleMove, others_with, talking
from stasis_app.calls.state import CallState
from stasis_app.calls.steps import try_to

if TYPE_CHECKING:
    from stasis_app.calls.call import Call


async def hold(call: Call, name: str) -> None:
    """A party puts the others on hold. Raises `ImpossibleMove`, `AriError`."""
    leg = talking(call, name)
    if leg.held_by_us:
        return
    if leg.held:
        raise ImpossibleMove(f"{name!r} holds the call with his phone already")
    call.intend(i.Holding(i.now(), leg.id, held=True))
    await call.control.mute(leg.id, "both")


async def resume(call: Call, name: str) -> None:
    """A party takes the others back. Raises `ImpossibleMove`, `AriError`."""
    leg = talking(call, name)
    if not leg.held_by_us:
        if leg.held:
            raise ImpossibleMove(f"{name!r} holds the call with his phone, and only that ends it")
        return
    await end_hold(call, leg.id)


async def end_hold(call: Call, leg: str) -> None:
    """A party holds nobody any more, if it was ordered through us: he is heard by whomever he talks with now."""
    if not call.leg(leg).held_by_us:
        return
    call.intend(i.Holding(i.now(), leg, held=False))
    await call.control.unmute(leg, "both")
    if leg in call.record.muted:
        await call.control.mute(leg, "in")


def should_hear_music(state: CallState) -> frozenset[str]:
    """The legs that are alone with somebody who holds them; of three, the other two go on talking."""
    holding = (leg for leg in state.legs.values() if leg.joined and (leg.held or leg.held_by_us))
    alone = (others for leg in holding if len(others := others_with(state, leg)) == 1)
    return frozenset(others[0].id for others in alone)


async def let_wait(call: Call) -> None:
    """The party the call lives for is left, for a while: alone he hears music, else he has others to talk with."""
    if not others_with(call.state, call.state.anchor):
        await call.asking_caller(call.control.start_music(call.state.anchor_leg))


async def play_music(call: Call) -> None:
    """Bring what everybody hears in line with who holds whom. Begun again whenever that changes."""
    while (wanted := should_hear_music(call.state)) != call.music and not call.state.ended:
        before, call.music = call.music, wanted
        for leg in wanted - before:
            await try_to(call.control.start_music(leg), call.log)
        for leg in before - wanted:
            await try_to(call.control.stop_music(leg), call.log)


async def mute(call: Call, name: str) -> None:
    """The others hear a party no longer. Raises `ImpossibleMove`, `AriError`."""
    leg = talking(call, name)
    if leg.id in call.record.muted:
        return
    await call.control.mute(leg.id, "in")
    call.note(f.Muted(call_id=call.id, at=i.now(), leg=leg.id, party=leg.party))


async def unmute(call: Call, name: str) -> None:
    """The others hear a party again. Raises `ImpossibleMove`, `AriError`."""
    leg = talking(call, name)
    if leg.id not in call.record.muted:
        return
    if not leg.held_by_us:
        await call.control.unmute(leg.id, "in")
    call.note(f.Unmuted(call_id=call.id, at=i.now(), leg=leg.id, party=leg.party))


async def send_dtmf(call: Call, name: str, digits: str) -> None:
    """Send keys to a party (an outside menu, a door). Raises `ImpossibleMove`, `AriError`."""
    await call.control.send_dtmf(talking(call, name).id, digits)
