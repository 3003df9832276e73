"""How important is a client? Asked of the CRM beside the call: nobody waits for the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol

from stasis_app.crm.client import Client
from stasis_app.crm.trouble import Troubles


class Mark(StrEnum):
    """What makes a client go first."""

    VIP = "vip"  # a field of the contact, company or lead says so
    OPEN_DEAL = "open_deal"  # a deal with him is not closed


class ClientQuestions(Protocol):
    """What is asked of the CRM. Raises anything when it can't be asked."""

    async def fields(self, entity_type: str, entity_id: int) -> Mapping[str, Any]:
        """The fields of a client as the portal names them."""
        ...

    async def has_open_deal(self, entity_type: str, entity_id: int) -> bool:
        """Whether a deal with the client is not closed."""
        ...


class Importance:
    """Weighs clients. `patience` is how many seconds the CRM may take."""

    def __init__(self, questions: ClientQuestions | None, *, patience: float = 10.0) -> None:
        self._questions = questions
        self._patience = patience
        self.troubles = Troubles("Asking the portal how important a client is")

    async def of(self, client: Client, first: Sequence[Mark], field: str, values: Sequence[str]) -> int:
        """The weight of a client: the more the earlier in `first` the first mark he has; 0 without any. Never raises.

        A client is VIP when `field` of his contact, company or lead has one of `values`.
        """
        if self._questions is None:
            return 0
        try:
            async with asyncio.timeout(self._patience):
                for at, mark in enumerate(first):
                    if await self._has(self._questions, mark, client, field, values):
                        return len(first) - at
        except Exception as error:  # whoever can't be weighed waits like everybody else
            self.troubles.note(error)
            return 0
        self.troubles.over()
        return 0

    async def _has(
        self, questions: ClientQuestions, mark: Mark, client: Client, field: str, values: Sequence[str]
    ) -> bool:
        if mark is Mark.OPEN_DEAL:
            return await questions.has_open_deal(client.entity_type, client.entity_id)
        told = (await questions.fields(client.entity_type, client.entity_id)).get(field)
        several = told if isinstance(told, list) else [told]
        return any(_text(value) in values for value in several)


def _text(value: object) -> str:
    """A value as it is written in the plan: a yes-or-no field of the portal is Y or 1."""
    if isinstance(value, bool):
        return "1" if value else "0"
    return "" if value is None else str(value)
