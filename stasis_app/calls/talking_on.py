"""Those who go on talking though their call is over: one asked a colleague while the customer waited, and he hung up.

While the service runs they are the consultation's business. After a restart nothing tells of them but the bridge they
are in: the journal has the end of their call.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from stasis_app.ari.events import Bridge, Channel
from stasis_app.ari.world import World
from stasis_app.calls.entry import Entry, LegEntry, read_entry
from stasis_app.calls.routing import bridge_of_call, call_of_bridge


class TalkingOn:
    """Lets them talk, and lets go of who is left when one hangs up.

    Args:
        is_ours: whether a channel belongs to our application.
        end: hangs up a channel.
        destroy: ends a bridge.
    """

    def __init__(
        self, is_ours: Callable[[Channel], bool], end: Callable[[str], None], destroy: Callable[[str], None]
    ) -> None:
        self._is_ours = is_ours
        self._end = end
        self._destroy = destroy
        self._talks: dict[str, tuple[str, ...]] = {}  # call -> the channels of those who talk on

    def __contains__(self, channel: object) -> bool:
        return any(channel in talk for talk in self._talks.values())

    @property
    def calls(self) -> Collection[str]:
        """The calls whose parties talk on."""
        return self._talks.keys()

    def channels(self) -> Iterator[str]:
        """The channels of all who talk on."""
        for talk in self._talks.values():
            yield from talk

    def of(self, call_id: str) -> tuple[str, ...]:
        """The channels of those who talk on when this call is over."""
        return self._talks.get(call_id, ())

    def look(self, world: World, live: Collection[str]) -> None:
        """See who talks on, after a gap. Who does so in a `live` call, is that call's business."""
        before, self._talks = self._talks, {}
        for bridge in world.bridges:
            call_id = call_of_bridge(bridge.id)
            if call_id and (call_id in before or call_id not in live) and self._talk_on(bridge, call_id, world):
                self._talks[call_id] = bridge.channels
        for call_id in before.keys() - self._talks.keys():
            self._let_go(call_id, [channel for channel in before[call_id] if world.channel(channel) is not None])

    def left(self, channel: str) -> None:
        """A channel has ended."""
        call_id = next((call_id for call_id, talk in self._talks.items() if channel in talk), "")
        if call_id:
            self._let_go(call_id, [other for other in self._talks.pop(call_id) if other != channel])

    def _let_go(self, call_id: str, channels: Collection[str]) -> None:
        for channel in channels:
            self._end(channel)
        self._destroy(bridge_of_call(call_id, "consult"))

    def _talk_on(self, bridge: Bridge, call_id: str, world: World) -> bool:
        if bridge.id != bridge_of_call(call_id, "consult"):
            return False
        inside = [channel for name in bridge.channels if (channel := world.channel(name)) is not None]
        if len(inside) < 2 or not all(self._is_ours(channel) and channel.state == "Up" for channel in inside):
            return False
        # As long as the customer is there the call is not over: he waits.
        return not any(
            channel.state == "Up" and channel.id not in bridge.channels and _is_party_of(channel, call_id)
            for channel in world.channels
            if self._is_ours(channel)
        )


def _is_party_of(channel: Channel, call_id: str) -> bool:
    match read_entry(channel.dialplan.app_data.split(",")[1:]):
        case Entry():
            return channel.id == call_id
        case LegEntry(of):
            return of == call_id
        case _:
            return False
