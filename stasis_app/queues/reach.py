"""Can an agent be rung now? His phone and his working day, asked before each offer and within a budget."""

from __future__ import annotations

from stasis_app.crm import Directory, Phones, PhoneState
from stasis_app.crm.responsible import WORKING_DAY_AGE
from stasis_app.crm.working_days import WorkingDays
from stasis_app.queues.queue import QueueSettings
from stasis_app.queues.queues import Hindrance

_AWAY = (PhoneState.OFFLINE, PhoneState.DO_NOT_DISTURB)


class Reach:
    """Asks Asterisk and the portal. What can't be known in time does not keep an agent from being rung."""

    def __init__(self, phones: Phones, directory: Directory, days: WorkingDays) -> None:
        self._phones = phones
        self._directory = directory
        self._days = days

    async def examine(self, settings: QueueSettings, extension: str) -> Hindrance | None:
        """Why he can't be rung, None when he can. Never raises."""
        if settings.follow_working_day:
            employee = self._directory.by_extension(extension)
            day = await self._days.of(employee.user_id) if employee is not None else None
            if day is not None and day.is_off:
                return f"working day {day.value.lower()}", WORKING_DAY_AGE, True
        phone = await self._phones.of(extension, forwards=settings.follow_forwards)
        if phone.available:
            return None
        return phone.state.value, 0.0, phone.state in _AWAY
