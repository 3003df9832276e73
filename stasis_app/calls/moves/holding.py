"""Hold and mute ordered through us; a phone's own hold (re-INVITE) Asterisk carries out and the model tells.

The party stays in the bridge, so the conversation and its recording go on: he is silenced in both directions, and who
is left alone with him hears music (on Asterisk 22.10 both work in a bridge; music without silencing mixes the two).
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from stasis_app.ari.errors import Gone
from stasis_app.calls import facts as f
from stasis_app.calls import intents as i
from stasis_app.calls.moves.refusal import ImpossibleMove, others_with, talking

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
    others = others_with(call, leg)
    if len(others) == 1:  # of three, the other two go on talking
        await call.control.start_music(others[0].id)


async def resume(call: Call, name: str) -> None:
    """A party takes the others back. Raises `ImpossibleMove`, `AriError`."""
    leg = talking(call, name)
    if not leg.held_by_us:
        if leg.held:
            raise ImpossibleMove(f"{name!r} holds the call with his phone, and only that ends it")
        return
    call.intend(i.Holding(i.now(), leg.id, held=False))
    for other in others_with(call, leg):
        with contextlib.suppress(Gone):
            await call.control.stop_music(other.id)
    await call.control.unmute(leg.id, "both")
    if leg.id in call.record.muted:
        await call.control.mute(leg.id, "in")


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
