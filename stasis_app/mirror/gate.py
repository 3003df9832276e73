"""One look at the portal's health for all calls: when it is away, one call asks whether it is back, the others wait."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable

from loguru import logger

from b24client import B24Error

FAILURES_IN_A_ROW = 3
"""One request that fails says nothing of the portal; this many without a success between them do."""
FIRST_PROBE = 0.5
LONGEST_PROBE = 3.0
LET_IN = 50
LET_IN_EVERY = 0.05
"""How many waiting calls go on together, and the seconds between, once the portal is back: after an outage of hours
thousands wait, and live calls must not stand still while they are all set going. Still ten times what the portal takes.
"""


class Gate:
    """Open while the portal answers. `clock` in seconds, for tests."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._pause = FIRST_PROBE
        self._next_probe = 0.0
        self._probing = False
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self.down_since: float | None = None
        self.last_error = ""
        self._denial = ""  # the portal's words when it does not let us, whichever call they were about

    @property
    def is_open(self) -> bool:
        """Whether requests may go out freely."""
        return self.down_since is None

    async def turn(self) -> None:
        """Wait until the portal is back, or it is this caller's turn to find out.

        Who returns from here sends a request and tells the result, or calls `pass_on`.
        """
        if self.is_open or self._may_probe():
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        self._look_at_next_probe()
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.pass_on()  # it was just this caller's turn
            raise

    def pass_on(self) -> None:
        """The caller had nothing to send after all: somebody else may find out."""
        self._probing = False
        self._look_at_next_probe()

    def succeeded(self) -> None:
        """The portal answered, whatever it said."""
        self._failures = 0
        self._probing = False
        if self.down_since is not None:
            logger.info("The portal answers again after {:.1f} s", self._clock() - self.down_since)
            self.down_since, self.last_error, self._denial, self._pause = None, "", "", FIRST_PROBE
            self._let_in()

    def failed(self, error: Exception) -> None:
        """A request found no portal, or got no answer."""
        self._failures += 1
        if self._failures < FAILURES_IN_A_ROW and self.is_open:
            return
        self.last_error = str(error)
        if self.is_open:
            self.down_since = self._clock()
            logger.warning("The portal is away; what it has to know is kept: {}", error)
        elif not self._probing:
            return  # sent before the outage was noticed: it says nothing new
        self._probing = False
        self._next_probe = self._clock() + self._pause * random.uniform(0.8, 1.2)
        self._pause = min(self._pause * 2, LONGEST_PROBE)
        self._look_at_next_probe()

    def denied(self, error: B24Error, pause: float) -> None:
        """The portal does not let us tell it of calls at all: somebody has to mend the configuration first.

        Said once; meanwhile one call asks every `pause` seconds whether it has been mended.
        """
        if self._denial != error.description:
            logger.error("The portal does not let us tell it of calls, they are kept until it does: {}", error)
        self.last_error, self._denial = str(error), error.description
        if self.is_open:
            self.down_since = self._clock()
        self._probing = False
        self._next_probe = self._clock() + pause
        self._look_at_next_probe()

    def _may_probe(self) -> bool:
        """Whether the caller is the one who asks now; from then on he is."""
        if self._probing or self._clock() < self._next_probe:
            return False
        self._probing = True
        return True

    def _look_at_next_probe(self) -> None:
        """Give the turn to whoever waits longest, as soon as it is time. Nobody else is woken for it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.is_open or self._probing or not self._waiting:
            return
        if self._may_probe():
            if not self._admit(1):
                self._probing = False
            return
        left = self._next_probe - self._clock()
        self._timer = asyncio.get_running_loop().call_later(left, self._look_at_next_probe)

    def _let_in(self) -> None:
        """Let those who wait go on, a few at a time."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.is_open and self._admit(LET_IN):
            self._timer = asyncio.get_running_loop().call_later(LET_IN_EVERY, self._let_in)
        elif not self.is_open:
            self._look_at_next_probe()

    def _admit(self, most: int) -> int:
        """Let up to `most` of those who wait go on; how many there were."""
        admitted = 0
        while self._waiting and admitted < most:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                admitted += 1
        return admitted
