"""The working time a portal allows each method, as told in the `time` block of its answers.

A portal adds up how long each method has worked for an application, in ten parts of a minute each; a method that has
used up its share of ten minutes is refused with 429 until the oldest parts are forgotten. The commands of a batch
count one by one (https://apidocs.bitrix24.com/limits.html). So before a command is sent we look whether there is time
left for it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from b24client.budget import Priority

WINDOW = 600.0
"""Seconds whose work counts together."""
_PART = 60.0
_RESERVE = 5.0  # seconds of work never planned with: another client of the same application may use them
_SKEW = 1.0  # seconds our clock may be ahead of the portal's
_FIRST_GUESS = 0.1  # seconds of work of a method never seen before
_FRESHNESS = 0.2  # weight of the newest command in the expected duration

# The part of a method's working time a class may use up.
_SHARE = {
    Priority.LOOKUP: 1.0,
    Priority.CARD: 1.0,
    Priority.FINISH: 0.8,
    Priority.RECORD: 0.7,
    Priority.SYNC: 0.5,
}


@dataclass(slots=True)
class Spending:
    """What one method has used. `parts`: (begin of the minute, seconds of work), `told_at`: the portal's clock."""

    parts: deque[tuple[float, float]] = field(default_factory=deque)
    told_at: float = 0.0
    reset_at: float = 0.0
    cost: float = _FIRST_GUESS
    under_way: int = 0
    blocked_until: float = 0.0

    @property
    def operating(self) -> float:
        """Seconds of work in the last ten minutes, as told last."""
        return sum(seconds for _, seconds in self.parts)


class Ledger:
    """Spending per method. `limit`: seconds of work a method may use in ten minutes."""

    def __init__(self, limit: float = 480.0, clock: Callable[[], float] = time.time) -> None:
        self.limit = limit
        self._clock = clock
        self.spendings: dict[str, Spending] = {}

    def cost(self, method: str) -> float:
        """How many seconds a command of this method probably works."""
        spending = self.spendings.get(method.lower())
        return spending.cost if spending is not None else _FIRST_GUESS

    def room_in(self, method: str, priority: Priority) -> float:
        """Seconds until a command of this class has working time left; 0: now."""
        spending = self.spendings.get(method.lower())
        if spending is None:
            return 0.0
        now = self._clock()
        if spending.blocked_until > now:
            return spending.blocked_until - now
        self._forget(spending, now)
        allowed = max(_RESERVE, self.limit - _RESERVE) * _SHARE[priority] - spending.cost * (spending.under_way + 1)
        left, wait = spending.operating, 0.0
        for begun, seconds in spending.parts:
            if left <= allowed:
                break
            left -= seconds
            wait = begun + WINDOW + _SKEW - now
        return max(0.0, wait)

    def sent(self, method: str) -> None:
        """A command is on its way."""
        self.spendings.setdefault(method.lower(), Spending()).under_way += 1

    def ended(self, method: str) -> None:
        """A command is no longer on its way, whatever came of it."""
        if (spending := self.spendings.get(method.lower())) is not None:
            spending.under_way = max(0, spending.under_way - 1)

    def note(self, method: str, times: Any) -> None:
        """Read an answer's `time` block; older portals and own servers send none or less."""
        if not isinstance(times, dict):
            return
        spending = self.spendings.setdefault(method.lower(), Spending())
        if (worked := _number(times.get("duration"))) is not None:
            spending.cost += _FRESHNESS * (max(0.001, worked) - spending.cost)
        operating, reset_at = _number(times.get("operating")), _number(times.get("operating_reset_at"))
        told_at = _number(times.get("finish")) or 0.0
        if operating is None or reset_at is None or told_at < spending.told_at:
            return  # not told, or told before something we know already
        spending.told_at, spending.reset_at = told_at, reset_at
        self._agree(spending, operating)

    def refused(self, method: str, fallback: float) -> float:
        """The portal has blocked a method; returns the seconds to wait, `fallback` if it never said."""
        now = self._clock()
        spending = self.spendings.setdefault(method.lower(), Spending())
        told = now < spending.reset_at <= now + WINDOW + _PART
        spending.blocked_until = spending.reset_at + _SKEW if told else now + fallback
        if _RESERVE < spending.operating < self.limit:
            self.limit = spending.operating  # it allows less than we thought
        return spending.blocked_until - now

    def _agree(self, spending: Spending, operating: float) -> None:
        """Make our parts add up to what the portal tells."""
        now = self._clock()
        self._forget(spending, now)
        parts, surplus = spending.parts, operating - spending.operating
        if surplus > 0:
            minute = now // _PART * _PART
            if parts and parts[-1][0] == minute:
                minute, before = parts.pop()
                surplus += before
            parts.append((minute, surplus))
        while surplus < -1e-6 and parts:  # the portal has forgotten more than we thought: the oldest first
            begun, seconds = parts.popleft()
            if seconds + surplus > 0:
                parts.appendleft((begun, seconds + surplus))
            surplus += seconds

    @staticmethod
    def _forget(spending: Spending, now: float) -> None:
        while spending.parts and spending.parts[0][0] + WINDOW + _SKEW <= now:
            spending.parts.popleft()


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
