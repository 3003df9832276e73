"""Calls that a phone sends on by itself (SIP 302), recognised among the events of one application.

Asterisk makes a Local channel for the new number, whose second half runs the dialplan, and then lets go of the phone's
leg. If the dialplan leads back to us, we ring whom the phone named ourselves, as one more leg of the call.

A Dial event names both the leg and the Local channel; nothing else does. The second half may enter the application
before that event or after it, before or after the end of the leg; and when Asterisk is quick the leg ends without a
SIP status and without a hang-up request (all seen on 22.10.1).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from stasis_app.ari import events as e
from stasis_app.calls.entry import Entry, read_entry
from stasis_app.calls.facts import Direction
from stasis_app.calls.ringing import follow_phone
from stasis_app.calls.routing import local_pair
from stasis_app.calls.verbs import Target

if TYPE_CHECKING:
    from stasis_app.calls.call import Call

# Seconds the Dial event and the second half may be apart; they come within a few ms (seen on 22.10.1).
_APART = 2.0


class SentOn:
    """Brings a call that a phone sent on to whom it named.

    Args:
        call_of: the call a channel belongs to.
        let_go: lets a second half arrive that waits until more is known of its Local channel.
        hang_up: ends a channel that is of no use.
    """

    def __init__(
        self,
        call_of: Callable[[str], Call | None],
        let_go: Callable[[str], None],
        hang_up: Callable[[str], None],
    ) -> None:
        self._call_of = call_of
        self._let_go = let_go
        self._hang_up = hang_up
        self._legs: dict[str, tuple[Call, str]] = {}  # those whose phones sent the call on, by the name of the pair

    def takes(self, event: e.Event) -> bool:
        """Whether the event needs no further attention."""
        match event:
            case e.Dial(forwarded=e.Channel() as local):
                self._begins(event.peer.id, local_pair(local))
                return False
            case e.StasisStart() if (pair := local_pair(event.channel)) in self._legs:
                entry = read_entry(event.args)
                if not isinstance(entry, Entry):
                    return False
                self._follow(*self._legs.pop(pair), entry)
                self._hang_up(event.channel.id)
                return True
            case _:
                return False

    def _begins(self, leg: str, pair: str) -> None:
        call = self._call_of(leg)
        # The phone of a supervisor, or of whoever ordered the call, is no leg that another could stand in for.
        if call is None or leg not in call.state.legs or leg == call.state.anchor_leg:
            return
        self._legs[pair] = call, leg
        asyncio.get_running_loop().call_later(_APART, self._legs.pop, pair, None)
        self._let_go(pair)

    def _follow(self, call: Call, leg: str, entry: Entry) -> None:
        """Ring whom the phone named, unless nobody waits for it any more."""
        if call.state.ended or leg in call.followed:
            return
        who = call.leg(leg).party
        internal = entry.direction is Direction.INTERNAL
        to = Target.extension(entry.dialled) if internal else Target.mobile(entry.dialled, who.number, who.name)
        call.spawn(follow_phone(call, leg, to))
