"""The working day (https://apidocs.bitrix24.com/api-reference/timeman/index.html). Not part of every plan."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from b24client.budget import Priority
from b24client.caller import Caller
from b24client.php import Identifier, Moment, Number, Reply, Text, Truth, read


def _length(value: Any) -> Any:
    """HH:MM:SS, of which the hours may pass a day; nothing is no time."""
    if value is None or value in ({}, []) or (isinstance(value, str) and not value.strip()):
        return timedelta(0)
    if not isinstance(value, str):
        return value
    parts = value.strip().split(":")
    if len(parts) not in (2, 3) or not all(part.isdecimal() for part in parts):
        raise ValueError("expected HH:MM:SS")
    hours, minutes, seconds = (*map(int, parts), 0)[:3]
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


Length = Annotated[timedelta, BeforeValidator(_length)]
"""A length of time or a time of day, which portals write as HH:MM:SS."""


class DayStatus(StrEnum):
    """Where a working day stands. EXPIRED: begun on an earlier date and never closed."""

    OPENED = "OPENED"
    CLOSED = "CLOSED"
    PAUSED = "PAUSED"
    EXPIRED = "EXPIRED"


class WorkDay(Reply):
    """An employee's working day. `duration` is known at its end, `leaks` are its breaks."""

    status: DayStatus
    started: Moment = Field(default=None, alias="TIME_START")
    finished: Moment = Field(default=None, alias="TIME_FINISH")
    finish_suggested: Moment = Field(default=None, alias="TIME_FINISH_DEFAULT")
    """A sensible end for an expired day."""
    duration: Length = timedelta(0)
    leaks: Length = Field(default=timedelta(0), alias="TIME_LEAKS")
    confirmed: Truth = Field(default=True, alias="ACTIVE")
    """False while a supervisor has to confirm a time that was set by hand."""

    @property
    def working(self) -> bool:
        """Whether the employee is at work now. An expired day says nothing: its owner may well be."""
        return self.status is DayStatus.OPENED


class WorkSettings(Reply):
    """What is asked of an employee's working day; the two limits are times of day."""

    tracked: Truth = Field(default=False, alias="UF_TIMEMAN")
    flexible: Truth = Field(default=False, alias="UF_TM_FREE")
    latest_start: Length = Field(default=timedelta(0), alias="UF_TM_MAX_START")
    earliest_finish: Length = Field(default=timedelta(0), alias="UF_TM_MIN_FINISH")
    shortest: Length = Field(default=timedelta(0), alias="UF_TM_MIN_DURATION")
    allowed_change: Length = Field(default=timedelta(0), alias="UF_TM_ALLOWED_DELTA")
    manages_others: Truth = Field(default=False, alias="ADMIN")
    """Told of the caller alone."""


class Shift(Reply):
    """A shift: from `start` to `end`, seconds from midnight, on `days` ("12345" is Monday to Friday)."""

    id: Identifier = None
    name: Text = ""
    start: Number = Field(default=0, alias="WORK_TIME_START")
    end: Number = Field(default=0, alias="WORK_TIME_END")
    pause: Number = Field(default=0, alias="BREAK_DURATION")
    days: Text = Field(default="", alias="WORK_DAYS")
    deleted: Truth = False


class Schedule(Reply):
    """A work schedule: FIXED, SHIFT or FLEXTIME."""

    id: int
    name: Text = ""
    type: Text = Field(default="", alias="SCHEDULE_TYPE")
    for_all: Truth = Field(default=False, alias="IS_FOR_ALL_USERS")
    shifts: tuple[Shift, ...] = ()


class Timeman:
    """`timeman.*`; scope `timeman`. `user_id` None is the user we act for; others need the right to manage them.

    An unknown user is Refused (USER_NOT_FOUND).
    """

    def __init__(self, portal: Caller) -> None:
        self._portal = portal

    async def status(self, user_id: int | None = None, *, priority: Priority = Priority.SYNC) -> WorkDay:
        """The working day now."""
        return await self._day("timeman.status", {"USER_ID": user_id}, priority)

    async def open(self, user_id: int | None = None, *, at: datetime | None = None, report: str = "") -> WorkDay:
        """Begin the day, or go on after a break or its end.

        `at` (aware, today) may be given for a closed day only, then with a `report` unless the schedule is flexible.
        """
        return await self._day("timeman.open", {"USER_ID": user_id, "TIME": at, "REPORT": report})

    async def pause(self, user_id: int | None = None) -> WorkDay:
        """Take a break."""
        return await self._day("timeman.pause", {"USER_ID": user_id})

    async def close(self, user_id: int | None = None, *, at: datetime | None = None, report: str = "") -> WorkDay:
        """End the day. `at` (aware) has to be on the date it began."""
        return await self._day("timeman.close", {"USER_ID": user_id, "TIME": at, "REPORT": report})

    async def settings(self, user_id: int | None = None) -> WorkSettings:
        """What is asked of an employee."""
        params = {} if user_id is None else {"USER_ID": user_id}
        result = await self._portal.call("timeman.settings", params, priority=Priority.SYNC)
        return read(WorkSettings, "timeman.settings", result)

    async def schedule(self, schedule_id: int) -> Schedule | None:
        """A work schedule, None when there is no such one."""
        result = await self._portal.call("timeman.schedule.get", {"id": schedule_id}, priority=Priority.SYNC)
        return read(Schedule, "timeman.schedule.get", result) if result else None

    async def _day(self, method: str, wanted: dict[str, Any], priority: Priority = Priority.SYNC) -> WorkDay:
        params = {key: _told(value) for key, value in wanted.items() if value not in (None, "")}
        return read(WorkDay, method, await self._portal.call(method, params, priority=priority))


def _told(value: Any) -> Any:
    if not isinstance(value, datetime):
        return value
    if value.tzinfo is None:
        raise ValueError("at: a time without a zone says nothing to a portal")
    return value.isoformat(timespec="seconds")
