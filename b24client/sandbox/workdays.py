"""The employees' working days. The status itself is the employee's, so that whoever asks hears the same."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from b24client.sandbox.config import SeedUser
from b24client.sandbox.people import People

Status = Literal["OPENED", "CLOSED", "PAUSED", "EXPIRED", "UNAVAILABLE", "NOT_INSTALLED"]
_DAY = 24 * 3600.0


@dataclass(slots=True)
class WorkDay:
    """A day of an employee; times in unix seconds, lengths in seconds."""

    started: float | None = None
    finished: float | None = None
    paused: float | None = None
    leaks: float = 0.0
    confirmed: bool = True
    """Whether no supervisor has to confirm its times."""
    open_place: tuple[float, float] = (0.0, 0.0)
    close_place: tuple[float, float] = (0.0, 0.0)
    report: str = ""

    @property
    def duration(self) -> float:
        """Its length without breaks, 0 before its end."""
        if self.started is None or self.finished is None:
            return 0.0
        return max(0.0, self.finished - self.started - self.leaks)


class WorkDays:
    """The current day of each employee."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._days: dict[int, WorkDay] = {}

    def day(self, user: SeedUser) -> WorkDay:
        """An employee's day, begun when his status says so and nobody knows better."""
        if user.id not in self._days:
            now = time.time()
            started = {"OPENED": now, "PAUSED": now, "EXPIRED": now - _DAY}.get(user.timeman)
            self._days[user.id] = WorkDay(started, paused=now if user.timeman == "PAUSED" else None)
        return self._days[user.id]

    def open(self, user: SeedUser, at: float, *, changed: bool = False) -> WorkDay:
        """Begin a day, or go on after a break or an end earlier today. `changed`: the time was set by hand."""
        day, now = self.day(user), time.time()
        goes_on = day.started is not None and user.timeman != "EXPIRED" and not changed
        if not goes_on:
            day = self._days[user.id] = WorkDay(at)
        elif (since := day.finished or day.paused) is not None:
            day.leaks += now - since
        day.finished = day.paused = None
        day.confirmed = not changed
        self._tell(user, "OPENED")
        return day

    def pause(self, user: SeedUser) -> WorkDay:
        """Take a break. A day that had ended goes on, its end undone."""
        day = self.day(user)
        day.started = day.started or time.time()
        day.finished, day.paused = None, day.paused or time.time()
        self._tell(user, "PAUSED")
        return day

    def close(self, user: SeedUser, at: float, *, changed: bool = False) -> WorkDay:
        """End a day; a break under way ends with it."""
        day = self.day(user)
        if day.paused is not None:
            day.leaks += max(0.0, at - day.paused)
        day.finished, day.paused = at, None
        day.confirmed = day.confirmed and not changed
        self._tell(user, "CLOSED")
        return day

    def set(self, user: SeedUser, status: Status) -> None:
        """Give an employee another status, as if it had come about by itself."""
        self._tell(user, status)
        self._days.pop(user.id, None)

    def dump(self) -> dict[str, Any]:
        """All days as JSON values, by employee."""
        return {str(user_id): asdict(day) for user_id, day in self._days.items()}

    def load(self, kept: Mapping[str, Any]) -> None:
        """Take over what `dump` gave."""
        places = ("open_place", "close_place")
        rows = {user_id: {**row, **{name: tuple(row[name]) for name in places}} for user_id, row in kept.items()}
        self._days = {int(user_id): WorkDay(**row) for user_id, row in rows.items()}

    def _tell(self, user: SeedUser, status: Status) -> None:
        self._people.users[user.id] = self._people.users[user.id].model_copy(update={"timeman": status})
