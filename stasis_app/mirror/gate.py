"""One look at the portal's health for all calls: when it is away, one call asks whether it is back, the others wait."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

from loguru import logger

FAILURES_IN_A_ROW = 3
"""One request that fails says nothing of the portal; this many without a success between them do."""
FIRST_PROBE = 0.5
LONGEST_PROBE = 3.0


class Gate:
    """Open while the portal answers. `clock` in seconds, for tests."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._pause = FIRST_PROBE
        self._next_probe = 0.0
        self._probing = False
        self._changed = asyncio.Event()
        self.down_since: float | None = None
        self.last_error = ""

    @property
    def is_open(self) -> bool:
        """Whether requests may go out freely."""
        return self.down_since is None

    async def turn(self) -> None:
        """Wait until the portal is back, or it is this caller's turn to find out.

        Who returns from here sends a request and tells the result, or calls `pass_on`.
        """
        while not self.is_open:
            left = self._next_probe - self._clock()
            if left <= 0 and not self._probing:
                self._probing = True
                return
            changed = self._changed
            try:
                async with asyncio.timeout(max(left, 0.05) if not self._probing else None):
                    await changed.wait()
            except TimeoutError:
                continue

    def pass_on(self) -> None:
        """The caller had nothing to send after all: somebody else may find out."""
        self._probing = False
        self._wake()

    def succeeded(self) -> None:
        """The portal answered, whatever it said."""
        self._failures = 0
        self._probing = False
        if self.down_since is not None:
            logger.info("The portal answers again after {:.1f} s", self._clock() - self.down_since)
            self.down_since, self.last_error, self._pause = None, "", FIRST_PROBE
            self._wake()

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
        self._wake()

    def denied(self, error: Exception, pause: float) -> None:
        """The portal does not let us tell it of calls at all: somebody has to mend the configuration first.

        Said once; meanwhile one call asks every `pause` seconds whether it has been mended.
        """
        if self.last_error != str(error):
            logger.error("The portal does not let us tell it of calls, they are kept until it does: {}", error)
        self.last_error = str(error)
        if self.is_open:
            self.down_since = self._clock()
        self._probing = False
        self._next_probe = self._clock() + pause
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
