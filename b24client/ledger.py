"""The working time a portal allows each method, as told in the `time` block of its answers.

A method that has used up its share of the last ten minutes is refused with 429 until the oldest minutes age out
(https://apidocs.bitrix24.com/limits.html); asking earlier only costs requests.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from b24client.errors import LimitExceeded


@dataclass(slots=True)
class Spending:
    """What one method has used: `operating` seconds of work; at `reset_at` (unix time) the oldest part is forgotten."""

    operating: float = 0.0
    reset_at: float = 0.0
    blocked_until: float = 0.0


class Ledger:
    """Spending per method."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.spendings: dict[str, Spending] = {}

    def note(self, method: str, times: Any) -> None:
        """Read an answer's `time` block; older portals and own servers send none or less."""
        if not isinstance(times, dict):
            return
        operating, reset_at = times.get("operating"), times.get("operating_reset_at")
        if isinstance(operating, int | float) and isinstance(reset_at, int | float):
            spending = self.spendings.setdefault(method.lower(), Spending())
            spending.operating, spending.reset_at = float(operating), float(reset_at)

    def refused(self, method: str, fallback: float) -> float:
        """The portal has blocked a method; returns the seconds to wait, `fallback` if it never said."""
        now = self._clock()
        spending = self.spendings.setdefault(method.lower(), Spending())
        spending.blocked_until = spending.reset_at if now < spending.reset_at <= now + 600 else now + fallback
        return spending.blocked_until - now

    def check(self, method: str) -> None:
        """Raises LimitExceeded while a method is known to be blocked."""
        if not self.spendings:
            return
        spending = self.spendings.get(method.lower())
        if spending is not None and (left := spending.blocked_until - self._clock()) > 0:
            text = f"its working time is used up for another {left:.0f} s"
            raise LimitExceeded(method, "OPERATION_TIME_LIMIT", text, retry_after=left)
