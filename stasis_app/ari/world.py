"""What exists on the server at one moment, as its lists of channels and bridges tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TypeVar

import orjson
from pydantic import ValidationError

from stasis_app.ari.errors import AriError
from stasis_app.ari.events import Bridge, Channel, Event, Model, UnreadableMessage, unreadable

M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class World:
    """What exists on the server at the moment of a (re)connection."""

    channels: tuple[Channel, ...]
    bridges: tuple[Bridge, ...]
    missed: tuple[Event, ...] = ()
    """What happened while we were away, in order, where Asterisk kept it (outbound websocket)."""
    started_at: datetime | None = None
    """When this Asterisk was started; None when it does not tell."""
    lost_at: datetime | None = None
    """When the link was lost, by our clock; None when this is the first connection."""
    ended: Mapping[str, datetime] = field(default_factory=dict)
    """When channels ended that lived when they were last heard of, where the dialplan noted it."""
    subscribed: frozenset[str] = frozenset()
    """The channels whose events our application gets, those that ring and have not entered it included."""

    def ended_by_restart(self, began: datetime) -> datetime | None:
        """When Asterisk, being restarted, ended a call that began then; None if it did not."""
        if self.started_at is None or began >= self.started_at:
            return None
        return min(self.lost_at or self.started_at, self.started_at)

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
