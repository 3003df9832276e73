"""The service fails: stopped, killed, frozen, taken over from by a standby."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal

from lab.chaos.faults.fault import Fault, Ground, Reach
from lab.services import Program, standby

STEPS_BACK_S = 4.0  # how long the one that was replaced may take to notice


class ServiceStopped(Fault):
    """The service is stopped as systemd does it, and started again."""

    name = "service stopped"
    reach = Reach.SERVICE
    loses_answers = True

    async def strike(self, ground: Ground, chance: random.Random) -> None:
        await ground.service.stop()
        await asyncio.sleep(chance.uniform(0.0, 3.0))
        await ground.service.start()


class ServiceKilled(Fault):
    """The service is killed in whatever it does."""

    name = "service killed"
    reach = Reach.SERVICE
    loses_answers = True
    weight = 2.0

    async def strike(self, ground: Ground, chance: random.Random) -> None:
        await ground.service.kill()
        await asyncio.sleep(chance.uniform(0.5, 5.0))
        await ground.service.start()


class ServiceFrozen(Fault):
    """The service stands still, as on a machine that swaps."""

    name = "service frozen"
    reach = Reach.SERVICE
    loses_answers = True

    async def strike(self, ground: Ground, chance: random.Random) -> None:
        pid = ground.service.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(chance.uniform(1.0, 6.0))
        finally:
            os.kill(pid, signal.SIGCONT)


class StandbyTakesOver(Fault):
    """A standby waits; the service is killed, stopped or frozen, and the standby is the service from then on."""

    name = "standby takes over"
    reach = Reach.SERVICE
    loses_answers = True
    weight = 1.5

    async def prepare(self, ground: Ground) -> None:
        ground.standby = standby(ground.service)
        await ground.standby.stand_by()

    async def strike(self, ground: Ground, chance: random.Random) -> str:
        former, waiting = ground.service, ground.standby
        assert waiting is not None
        ground.service, ground.standby = waiting, None
        how = chance.choice(["killed", "stopped", "frozen"])
        if how == "killed":
            await former.kill()
        elif how == "stopped":
            await former.stop()
        else:
            await self._freeze(former, waiting, chance.uniform(0.5, 3.0))
        await waiting.until_says("is running")
        return how

    @staticmethod
    async def _freeze(former: Program, waiting: Program, seconds: float) -> None:
        """Until it is replaced, and some time longer; then it finds that it is, and must leave everything alone."""
        os.kill(former.pid, signal.SIGSTOP)
        try:
            await waiting.until_says("taking over")
            await asyncio.sleep(seconds)
        finally:
            with contextlib.suppress(ProcessLookupError):  # one that was frozen in the middle of a write is ended
                os.kill(former.pid, signal.SIGCONT)
        if not await former.until_ended(STEPS_BACK_S):
            await former.kill()  # it was a standby once: it waits for its turn again
