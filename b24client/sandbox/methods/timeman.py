"""`timeman.*`: the working day (https://apidocs.bitrix24.com/api-reference/timeman/index.html)."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from datetime import time as clock
from typing import Any

from b24client.sandbox.config import SeedSchedule, SeedUser
from b24client.sandbox.methods.registry import Context, method
from b24client.sandbox.wire import RestError, iso
from b24client.sandbox.workdays import WorkDay

_DAY = 24 * 3600


@method("timeman.status", "timeman")
async def status(context: Context) -> Any:
    """An employee's working day now."""
    user = _user(context)
    return _told(context, user, context.sandbox.workdays.day(user))


@method("timeman.settings", "timeman")
async def settings(context: Context) -> Any:
    """What is asked of an employee's working day; whether he may manage others' is told of the caller alone."""
    user = _user(context)
    schedule = next(iter(context.sandbox.config.schedules), None) or SeedSchedule(id=1)
    worked = _seconds(schedule.end) - _seconds(schedule.start) - schedule.pause
    told: dict[str, Any] = {
        "UF_TIMEMAN": user.timeman not in ("UNAVAILABLE", "NOT_INSTALLED"),
        "UF_TM_FREE": schedule.type == "FLEXTIME",
        "UF_TM_MAX_START": _length(_seconds(schedule.start) + 900),
        "UF_TM_MIN_FINISH": _length(_seconds(schedule.end) - 900),
        "UF_TM_MIN_DURATION": _length(worked),
        "UF_TM_ALLOWED_DELTA": "00:15:00",
    }
    if user.id == context.visitor.user_id:
        told["ADMIN"] = user.admin
    return told


@method("timeman.open", "timeman")
async def open_day(context: Context) -> Any:
    """Begin a working day, or go on with it."""
    user, at = _user(context), _moment(context)
    if at is not None and user.timeman != "CLOSED":
        raise RestError(400, "TIME", f"Unable to set time, work day is {user.timeman.lower()}")
    if at is not None and at.date() != datetime.now(at.tzinfo).date():
        raise RestError(400, "WRONG_DATETIME", "Day open date should correspond to the current date")
    day = context.sandbox.workdays.open(user, at.timestamp() if at else time.time(), changed=at is not None)
    day.open_place, day.report = _place(context), context.params.text("REPORT")
    return _told(context, _user(context), day)


@method("timeman.pause", "timeman")
async def pause_day(context: Context) -> Any:
    """Take a break; a day that had ended goes on."""
    day = context.sandbox.workdays.pause(_user(context))
    return _told(context, _user(context), day)


@method("timeman.close", "timeman")
async def close_day(context: Context) -> Any:
    """End a working day; without a time of its own it ends now."""
    user, at = _user(context), _moment(context)
    days = context.sandbox.workdays
    started = days.day(user).started
    begun = datetime.fromtimestamp(started, UTC) if started is not None else datetime.now(UTC)
    if at is not None and at.astimezone(UTC).date() != begun.date():
        raise RestError(400, "WRONG_DATETIME", "Day close date should correspond to the day open date")
    day = days.close(user, at.timestamp() if at else time.time(), changed=at is not None)
    day.close_place, day.report = _place(context), context.params.text("REPORT") or day.report
    return _told(context, _user(context), day)


@method("timeman.schedule.get", "timeman")
async def schedule_get(context: Context) -> Any:
    """A work schedule; nothing for one there is not."""
    number = context.params.number("id")
    schedule = next((known for known in context.sandbox.config.schedules if known.id == number), None)
    return _schedule(schedule) if schedule else []


def _user(context: Context) -> SeedUser:
    """The employee a request is about: the caller when it names nobody."""
    named = context.params.get("USER_ID")
    user = context.sandbox.people.user(context.params.number("USER_ID") if named else context.visitor.user_id)
    if user is None:
        raise RestError(400, "", "User not found")
    return user


def _moment(context: Context) -> datetime | None:
    text = context.params.text("TIME")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RestError(400, "WRONG_DATETIME_FORMAT", "Wrong datetime format. Datetime should be in ATOM") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _place(context: Context) -> tuple[float, float]:
    return context.params.amount("LAT"), context.params.amount("LON")


def _told(context: Context, user: SeedUser, day: WorkDay) -> dict[str, Any]:
    shown = "CLOSED" if user.timeman in ("UNAVAILABLE", "NOT_INSTALLED") else user.timeman
    told: dict[str, Any] = {
        "STATUS": shown,
        "TIME_START": iso(day.started) if day.started is not None else None,
        "TIME_FINISH": iso(day.finished) if day.finished is not None else None,
        "DURATION": _length(day.duration),
        "TIME_LEAKS": _length(day.leaks),
        "ACTIVE": day.confirmed,
        "IP_OPEN": "",
        "IP_CLOSE": "",
        "LAT_OPEN": day.open_place[0],
        "LON_OPEN": day.open_place[1],
        "LAT_CLOSE": day.close_place[0],
        "LON_CLOSE": day.close_place[1],
        "TZ_OFFSET": 0,
    }
    if shown == "EXPIRED" and day.started is not None:
        schedule = next(iter(context.sandbox.config.schedules), None) or SeedSchedule(id=1)
        midnight = day.started - day.started % _DAY
        told["TIME_FINISH_DEFAULT"] = iso(midnight + _seconds(schedule.end))
    return told


def _seconds(of_day: clock) -> int:
    return of_day.hour * 3600 + of_day.minute * 60 + of_day.second


def _length(seconds: float) -> str:
    """A length of time as HH:MM:SS."""
    whole = int(seconds)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _schedule(schedule: SeedSchedule) -> dict[str, Any]:
    return {
        "ID": schedule.id,
        "NAME": schedule.name,
        "SCHEDULE_TYPE": schedule.type,
        "REPORT_PERIOD": "MONTH",
        "REPORT_PERIOD_OPTIONS": {"START_WEEK_DAY": 0},
        "CALENDAR_ID": 1,
        "ALLOWED_DEVICES": {"browser": True},
        "DELETED": "0",
        "IS_FOR_ALL_USERS": True,
        "WORKTIME_RESTRICTIONS": ["[]"],
        "CONTROLLED_ACTIONS": 3,
        "UPDATED_BY": 0,
        "DELETED_BY": 0,
        "DELETED_AT": "",
        "CREATED_BY": 0,
        "CREATED_AT": "2019-09-19T21:22:22+00:00",
        "SHIFTS": [
            {
                "ID": schedule.id,
                "NAME": "",
                "BREAK_DURATION": schedule.pause,
                "WORK_TIME_START": _seconds(schedule.start),
                "WORK_TIME_END": _seconds(schedule.end),
                "WORK_DAYS": schedule.days,
                "SCHEDULE_ID": schedule.id,
                "DELETED": False,
            }
        ],
        "CALENDAR": {"ID": 1, "NAME": "", "PARENT_CALENDAR_ID": 0, "SYSTEM_CODE": "", "EXCLUSIONS": []},
        "SCHEDULE_VIOLATION_RULES": {"ID": schedule.id, "SCHEDULE_ID": schedule.id, "ENTITY_CODE": "UA"},
    }
