"""Clients: whom a number belongs to, and the question put to the CRM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from stasis_app.crm.numbers import extension_of


class WorkingDay(StrEnum):
    """The responsible employee's working day as the portal tells it (TIMEMAN_STATUS of searchCrmEntities)."""

    OPENED = "OPENED"
    CLOSED = "CLOSED"
    PAUSED = "PAUSED"
    EXPIRED = "EXPIRED"  # yesterday's day was never closed: he may well be at work
    UNKNOWN = ""  # the portal keeps no working days, or did not say

    @property
    def is_off(self) -> bool:
        """Whether he told the portal that he is not working now."""
        return self in (WorkingDay.CLOSED, WorkingDay.PAUSED)


@dataclass(frozen=True, slots=True)
class Client:
    """A client in the CRM and the employee who answers for him.

    `extension` is what the portal told together with the client; the directory knows it better. `working_day` is true
    at the moment of the answer only, so it is never kept for long.
    """

    entity_type: str  # CONTACT, COMPANY or LEAD
    entity_id: int
    name: str = ""
    user_id: int | None = None
    extension: str = ""
    working_day: WorkingDay = WorkingDay.UNKNOWN


class ClientFinder(Protocol):
    """Asks the CRM whose number this is."""

    async def find(self, e164: str) -> Client | None:
        """The client with this number, None when the CRM has none. Raises anything when the CRM can't be asked."""
        ...


class CrmEntityAnswer(Protocol):
    """One row of `telephony.externalCall.searchCrmEntities`, as the REST client models it."""

    @property
    def entity_type(self) -> str: ...
    @property
    def entity_id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def assigned_by_id(self) -> int | None: ...
    @property
    def assigned_by_extension(self) -> str | None: ...
    @property
    def timeman_status(self) -> str | None: ...


class CrmSearch(Protocol):
    """The part of the REST client that is needed here."""

    async def search_crm_entities(self, phone: str, /) -> Sequence[CrmEntityAnswer]: ...


class PortalClientFinder:
    """Finds clients with `telephony.externalCall.searchCrmEntities`.

    The portal returns matches in its own order of preference; the first is the client. Source: the method's page in
    the Bitrix24 REST documentation (api-reference/telephony/telephony-external-call-search-crm-entities).
    """

    def __init__(self, search: CrmSearch) -> None:
        self._search = search

    async def find(self, e164: str) -> Client | None:
        rows = await self._search.search_crm_entities(e164)
        if not rows:
            return None
        row = rows[0]
        status = str(row.timeman_status or "")
        return Client(
            entity_type=str(row.entity_type),
            entity_id=int(row.entity_id),
            name=str(row.name or ""),
            user_id=int(row.assigned_by_id) if row.assigned_by_id else None,
            extension=extension_of(row.assigned_by_extension),
            working_day=WorkingDay(status) if status in set(WorkingDay) else WorkingDay.UNKNOWN,
        )
