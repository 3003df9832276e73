"""What exists on the server at one moment, as its lists of channels and bridges tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import orjson
from pydantic import ValidationError

from stasis_app.ari.errors import AriError
from stasis_app.ari.events import Bridge, Channel, Model, UnreadableMessage, unreadable

M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class World:
    """What exists on the server at the moment of a (re)connection."""

    channels: tuple[Channel, ...]
    bridges: tuple[Bridge, ...]

    # Every call asks, so a search for each would cost calls times channels.

    def channel(self, channel_id: str) -> Channel | None:
        """The channel of this id."""
        return self._channels.get(channel_id)

    def bridge_of(self, channel_id: str) -> Bridge | None:
        """The bridge the channel is in."""
        return self._bridges.get(channel_id)

    @cached_property
    def _channels(self) -> dict[str, Channel]:
        return {channel.id: channel for channel in self.channels}

    @cached_property
    def _bridges(self) -> dict[str, Bridge]:
        return {member: bridge for bridge in self.bridges for member in bridge.channels}


def read_world(channels: str, bridges: str, pass_over: Callable[[UnreadableMessage], None]) -> World:
    """The world these two answers describe. An entry that can't be read is passed over, as such an event is.

    Raises:
        AriError: an answer is no list at all.
    """
    return World(_listed(Channel, channels, pass_over), _listed(Bridge, bridges, pass_over))


def _listed(kind: type[M], text: str, pass_over: Callable[[UnreadableMessage], None]) -> tuple[M, ...]:
    try:
        entries = orjson.loads(text)
    except ValueError:
        entries = None
    if not isinstance(entries, list):
        raise AriError(f"GET {kind.__name__.lower()}s", "the answer is no list; does the URL lead to Asterisk?")
    found = []
    for entry in entries:
        try:
            found.append(kind.model_validate(entry))
        except ValidationError as error:
            pass_over(unreadable(kind.__name__, error))
    return tuple(found)
