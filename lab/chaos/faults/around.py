"""What is around the service fails: the link to Asterisk, Asterisk itself, the portal."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from lab.chaos.faults.fault import Fault, Ground, Reach

PORTAL_TROUBLES = (
    *("refuse", "reset", "slow", "500", "502", "503", "internal", "expired"),
    *("lost-reply", "truncated", "garbage"),
)


class LinkCut(Fault):
    """The websocket and all requests are reset, and can be opened again soon."""

    name = "link cut"
    reach = Reach.SERVICE
    weight = 2.0

    async def strike(self, ground: Ground, chance: random.Random) -> None:
        await ground.wire.cut(chance.choice([0.0, 0.5, 3.0]))


class LinkDead(Fault):
    """The socket is open and nothing comes any more."""

    name = "link dead"
    reach = Reach.SERVICE

    async def strike(self, ground: Ground, chance: random.Random) -> None:
        await ground.wire.freeze(chance.uniform(1.0, 8.0))


class PortalTrouble(Fault):
    """The portal is away, slow, refuses, loses replies, wants new tokens.

    Args:
        presets: which of the sandbox's troubles (docs/sandbox.md).
    """

    name = "portal"
    loses_answers = True
    weight = 5.0

    def __init__(self, presets: Sequence[str] = PORTAL_TROUBLES) -> None:
        self._presets = presets

    async def strike(self, ground: Ground, chance: random.Random) -> str:
        seconds = chance.uniform(5.0, 15.0)
        preset = chance.choice(self._presets)
        share = {"expired": 0.3, "lost-reply": 0.5, "truncated": 0.5, "garbage": 0.5}.get(preset, 1.0)
        methods = ["telephony.*", "crm.*", "user.*", "batch", "upload"]
        await ground.portal.trouble(
            preset=preset, for_s=seconds, chance=share, seed=chance.randrange(1 << 30), methods=methods
        )
        await asyncio.sleep(seconds)
        await ground.portal.no_trouble()
        return preset


class AsteriskRestarted(Fault):
    """Asterisk ends, with a word to everybody or without, and starts again."""

    name = "asterisk restarted"
    reach = Reach.ASTERISK
    weight = 0.4

    async def strike(self, ground: Ground, chance: random.Random) -> None:
        if chance.random() < 0.5:
            await ground.pbx.stop()
        else:
            await ground.pbx.kill()
        await asyncio.sleep(chance.uniform(0.0, 2.0))
        await ground.pbx.start()
