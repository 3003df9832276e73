"""Waiting in a line: the caller hears music in a holding bridge, which he shares with others who wait."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from stasis_app.ari.errors import Gone
from stasis_app.calls.routing import holding_bridge, is_holding_bridge

if TYPE_CHECKING:
    from stasis_app.calls.call import Call


async def hold(call: Call, line: str, music: str) -> None:
    """Let the caller wait in a line."""
    caller, bridge = call.state.anchor_leg, holding_bridge(line)
    if call.gaps or call.state.anchor.bridge == bridge:
        with contextlib.suppress(Gone):  # he is not in it
            await call.control.remove_from_bridge(bridge, caller)
    await call.asking_caller(call.control.put_on_hold(bridge, caller, music))


async def unhold(call: Call, line: str) -> None:
    """Take the caller out of it."""
    with contextlib.suppress(Gone):
        await call.control.remove_from_bridge(holding_bridge(line), call.state.anchor_leg)


def leave(call: Call) -> None:
    """Take the caller out of the line he waits in, if he does: its music would go on over what comes now."""
    if is_holding_bridge(call.state.anchor.bridge):
        call.spawn(call.control.remove_from_bridge(call.state.anchor.bridge, call.state.anchor_leg))
