"""Which of the two lanes a request takes.

ARI's REST over the websocket is the faster lane, but the server carries out its requests one after another: one that
has to wait for a channel (because a prompt plays on it) would stop every other call. So requests about such a channel
take the other lane, a pool of HTTP connections, where a request that waits holds up only itself.

So do lists. Asterisk puts a message for the websocket together on its thread's stack of some 490 KB
(`ast_websocket_write` of res_http_websocket.c), and a list of 800 channels is longer: it would end the whole server.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

_CHANNEL = re.compile(r"^channels/([^/?]+)")
_SLOW = re.compile(r"^recordings/|^sounds|^asterisk/")  # large answers, or work on disk
_LIST = re.compile(r"^(channels|bridges|deviceStates|mailboxes|endpoints(/[^/]+)?|applications(/[^/]+)?)/?$")


class Lanes:
    """Keeps count of the channels that would make a request wait.

    A channel is occupied from the moment a prompt is ordered on it until `released`, and while any request about it is
    under way on the HTTP lane.
    """

    def __init__(self) -> None:
        self._occupied: Counter[str] = Counter()

    def occupy(self, channels: Iterable[str]) -> None:
        """Something on these channels now makes requests about them wait."""
        self._occupied.update(channels)

    def release(self, channels: Iterable[str]) -> None:
        """One reason less to wait for these channels; nothing to do for those already forgotten."""
        for channel in channels:
            left = self._occupied[channel] - 1
            if left > 0:
                self._occupied[channel] = left
            else:
                del self._occupied[channel]

    def forget(self, channel: str) -> None:
        """The channel is gone."""
        del self._occupied[channel]

    def keep_only(self, channels: Iterable[str]) -> None:
        """All channels but these are gone."""
        for gone in self._occupied.keys() - set(channels):
            del self._occupied[gone]

    def may_wait(self, path: str, channels: Iterable[str]) -> bool:
        """Whether a request could hold up others on the websocket, or its answer be too long for it."""
        return bool(_SLOW.match(path) or _LIST.match(path)) or any(channel in self._occupied for channel in channels)


def channels_of(path: str, body: Mapping[str, object]) -> tuple[str, ...]:
    """The channels a request is about: the one in its path, or those it names in its parameters (addChannel)."""
    found = _CHANNEL.match(path)
    if found and found[1] not in ("create", "externalMedia"):
        return (found[1],)
    named = body.get("channel")
    return tuple(named.split(",")) if isinstance(named, str) else ()


def starts_playing(method: str, path: str) -> bool:
    """Whether this request orders a prompt or a recording on a channel, which then makes others wait."""
    return method == "POST" and path.startswith("channels/") and path.split("/", 3)[2:3] in (["play"], ["record"])
