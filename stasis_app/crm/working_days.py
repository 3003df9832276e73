"""Employees' working days as the portal keeps them: who is at work now?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from stasis_app.crm.client import WorkingDay
from stasis_app.crm.responsible import WORKING_DAY_AGE
from stasis_app.crm.trouble import Troubles


class DayAnswer(Protocol):
    """An employee's working day, as the REST client models it."""

    @property
    def status(self) -> str: ...


DayAsker = Callable[[int], Awaitable[DayAnswer]]
"""`timeman.status` of one user. Raises anything when the portal can't tell."""


@dataclass(frozen=True, slots=True)
class _Known:
    day: WorkingDay
    seen_at: float


class WorkingDays:
    """Who is at work. An answer is believed for two minutes.

    `budget` is how many seconds a caller may wait for the portal; an answer that comes later serves the next question.
    Source: https://apidocs.bitrix24.com/api-reference/timeman/base/timeman-status.html
    """

    def __init__(
        self, ask: DayAsker | None, *, budget: float = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ask = ask
        self._budget = budget
        self._clock = clock
        self._known: dict[int, _Known] = {}
        self._questions: dict[int, asyncio.Task[None]] = {}
        self.troubles = Troubles("Asking the portal for a working day")

    async def of(self, user_id: int) -> WorkingDay:
        """The employee's working day; UNKNOWN when the portal does not say in time. Never raises."""
        known = self._known.get(user_id)
        if known is not None and self._clock() - known.seen_at < WORKING_DAY_AGE:
            return known.day
        if self._ask is None:
            return WorkingDay.UNKNOWN
        if user_id not in self._questions:
            question = asyncio.create_task(self._question(user_id, self._ask))
            self._questions[user_id] = question
            question.add_done_callback(lambda _: self._questions.pop(user_id, None))
        await asyncio.wait({self._questions[user_id]}, timeout=self._budget)
        latest = self._known.get(user_id)
        return latest.day if latest is not None and latest is not known else WorkingDay.UNKNOWN

    async def _question(self, user_id: int, ask: DayAsker) -> None:
        try:
            async with asyncio.timeout(30):
                told = str((await ask(user_id)).status)
        except Exception as error:  # an employee who can't be asked after is taken to be at work
            self.troubles.note(error)
            return
        self.troubles.over()
        day = WorkingDay(told) if told in set(WorkingDay) else WorkingDay.UNKNOWN
        self._known[user_id] = _Known(day, self._clock())

    async def aclose(self) -> None:
        """Stop asking."""
        for question in list(self._questions.values()):
            question.cancel()
        await asyncio.gather(*self._questions.values(), return_exceptions=True)
