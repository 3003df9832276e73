"""What a gap left behind: legs and bridges of ours that no call stands behind any more.

A phone that rings for nobody, the Local channel of a transfer nobody follows, a bridge with nobody in it or a leftover.
Only what belongs to our application is touched: another application on the same Asterisk names its things alike.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from stasis_app.ari.world import World
from stasis_app.calls.routing import call_of_bridge, is_leg

_SURELY_FORGOTTEN = timedelta(minutes=1)
"""An empty bridge may have been made a moment ago, for channels that are about to enter it."""


@dataclass(frozen=True, slots=True)
class Orphans:
    """What is to be ended."""

    channels: tuple[str, ...]
    bridges: tuple[str, ...]


def find_orphans(world: World, calls: Collection[str], known: Collection[str], app: str, now: datetime) -> Orphans:
    """The channels and bridges of ours that belong to none of the calls.

    Args:
        world: what exists, the channels of our application named.
        calls: the ids of all live calls.
        known: the ids of all channels that belong to one of them.
        app: our application.
        now: for the age of bridges.
    """
    in_bridge_of_call = {m for bridge in world.bridges if call_of_bridge(bridge.id) in calls for m in bridge.channels}
    ours = {
        c.id for c in world.channels if c.dialplan.app_name == "Stasis" and c.dialplan.app_data.split(",")[0] == app
    }
    ours |= world.subscribed
    channels = [
        channel.id
        for channel in world.channels
        if channel.id in ours and channel.id not in known and channel.id not in in_bridge_of_call
        if is_leg(channel.id) or _has_no_arguments(channel.dialplan.app_name, channel.dialplan.app_data)
    ]
    bridges = [
        bridge.id
        for bridge in world.bridges
        if (call := call_of_bridge(bridge.id)) and call not in calls
        if (ours.issuperset(bridge.channels) if bridge.channels else _is_old(bridge.creationtime, now))
    ]
    return Orphans(tuple(channels), tuple(bridges))


def _has_no_arguments(app_name: str, app_data: str) -> bool:
    """Asterisk's own Local channel, put into the place of a phone that transferred."""
    return app_name == "Stasis" and "," not in app_data


def _is_old(created: datetime | None, now: datetime) -> bool:
    return created is not None and now - created > _SURELY_FORGOTTEN
