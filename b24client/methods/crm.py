"""`crm.*`: the clients of a portal, its deals and smart processes, and the directories behind them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, Literal, TypeVar

from b24client.batch import MAX_COMMANDS, Command
from b24client.budget import Priority
from b24client.caller import Caller
from b24client.errors import BadReply
from b24client.habits import list_method
from b24client.lists import iterate
from b24client.methods.crm_entities import Entities
from b24client.methods.crm_items import Items
from b24client.methods.crm_models import (
    Category,
    Company,
    CompanyLink,
    Contact,
    ContactLink,
    CrmMode,
    CrmStatus,
    Deal,
    Duplicates,
    Lead,
    SmartProcess,
)
from b24client.php import as_list, as_map, read, read_all

Comm = Literal["PHONE", "EMAIL"]
ClientType = Literal["LEAD", "CONTACT", "COMPANY"]
T = TypeVar("T")
Link = TypeVar("Link", ContactLink, CompanyLink)
_FIND = "crm.duplicate.findbycomm"
_SEARCHED: tuple[ClientType, ...] = ("LEAD", "CONTACT", "COMPANY")
_MOST_VALUES = 20
_MOST_FOUND = 20


class Crm:
    """The CRM; scope `crm`. All raise B24Error."""

    def __init__(self, portal: Caller) -> None:
        self._portal = portal

    @cached_property
    def contacts(self) -> Entities[Contact]:
        """`crm.contact.*`."""
        return Entities(self._portal, "contact", Contact)

    @cached_property
    def companies(self) -> Entities[Company]:
        """`crm.company.*`."""
        return Entities(self._portal, "company", Company)

    @cached_property
    def leads(self) -> Entities[Lead]:
        """`crm.lead.*`."""
        return Entities(self._portal, "lead", Lead)

    @cached_property
    def deals(self) -> Entities[Deal]:
        """`crm.deal.*`."""
        return Entities(self._portal, "deal", Deal)

    @cached_property
    def duplicates(self) -> DuplicateSearch:
        """`crm.duplicate.*`."""
        return DuplicateSearch(self._portal)

    def items(self, entity_type_id: int) -> Items:
        """Entities of any kind by the universal methods: an `EntityType`, or a smart process (see `types`)."""
        return Items(self._portal, int(entity_type_id))

    async def statuses(self, entity_id: str | None = None) -> list[CrmStatus]:
        """The entries of a directory (SOURCE, STATUS, DEAL_STAGE, DEAL_STAGE_<category>, ...), of all without a name.

        https://apidocs.bitrix24.com/api-reference/crm/status/crm-status-list.html
        """
        method = list_method("crm.status.list")
        wanted = {"ENTITY_ID": entity_id} if entity_id else {}
        params = {"order": {"SORT": "ASC"}, "filter": wanted}
        return [read(CrmStatus, method.name, row) async for row in iterate(self._portal, method, params)]

    async def categories(self, entity_type_id: int) -> list[Category]:
        """The pipelines of deals or of a smart process. Refused for what has none.

        https://apidocs.bitrix24.com/api-reference/crm/universal/category/crm-category-list.html
        """
        method = list_method("crm.category.list")
        params = {"entityTypeId": int(entity_type_id)}
        return [read(Category, method.name, row) async for row in iterate(self._portal, method, params)]

    async def types(self) -> list[SmartProcess]:
        """The smart processes; needs the right to configure the CRM.

        https://apidocs.bitrix24.com/api-reference/crm/universal/user-defined-object-types/crm-type-list.html
        """
        method = list_method("crm.type.list")
        return [read(SmartProcess, method.name, row) async for row in iterate(self._portal, method)]

    async def mode(self) -> CrmMode:
        """Whether the CRM has leads (https://dev.1c-bitrix.ru/rest_help/crm/mode/crm_settings_mode_get.php)."""
        told = await self._portal.call("crm.settings.mode.get", priority=Priority.SYNC)
        try:
            return CrmMode(int(told))
        except (TypeError, ValueError):
            raise BadReply("crm.settings.mode.get", "", "result: neither 1 nor 2") from None

    async def deal_contacts(self, deal_id: int, *, priority: Priority = Priority.SYNC) -> list[ContactLink]:
        """The contacts of a deal, the main one first."""
        return await self._links("crm.deal.contact.items.get", deal_id, ContactLink, priority)

    async def company_contacts(self, company_id: int, *, priority: Priority = Priority.SYNC) -> list[ContactLink]:
        """The contacts of a company."""
        return await self._links("crm.company.contact.items.get", company_id, ContactLink, priority)

    async def contact_companies(self, contact_id: int, *, priority: Priority = Priority.SYNC) -> list[CompanyLink]:
        """The companies of a contact, the main one first."""
        return await self._links("crm.contact.company.items.get", contact_id, CompanyLink, priority)

    async def _links(self, method: str, owner: int, model: type[Link], priority: Priority) -> list[Link]:
        return read_all(model, method, await self._portal.call(method, {"id": owner}, priority=priority))


class DuplicateSearch:
    """Who has a phone or e-mail."""

    def __init__(self, portal: Caller) -> None:
        self._portal = portal

    async def find_by_comm(
        self,
        type: Comm,  # noqa: A002
        values: Iterable[str],
        entity_type: ClientType | None = None,
        *,
        priority: Priority = Priority.LOOKUP,
        timeout: float | None = None,
    ) -> Duplicates:
        """Those who have one of `values`, however many these are; a request holds up to 1,000 of them.

        The portal compares whole numbers: ask for all spellings a number may have there (+7..., 7..., 8...).
        https://apidocs.bitrix24.com/api-reference/crm/duplicates/crm-duplicate-find-by-comm.html
        """
        chunks = _chunks(list(dict.fromkeys(values)), _MOST_VALUES)
        requests = [_request(type, chunk, entity_type) for chunk in chunks]
        found: list[tuple[ClientType, int]] = []
        while requests:
            answers = await self._ask(requests, priority, timeout)
            following: list[dict[str, Any]] = []
            for request, answer in zip(requests, answers, strict=True):
                hits = _hits(answer)
                found += [(kind, number) for kind, numbers in hits.items() for number in numbers]
                if "entity_type" not in request:
                    following += [{**request, "entity_type": kind} for kind in _passed_over(hits)]
            requests = following
        return Duplicates.of(found)

    async def _ask(self, requests: list[dict[str, Any]], priority: Priority, timeout: float | None) -> list[Any]:
        if len(requests) == 1:
            return [await self._portal.call(_FIND, requests[0], priority=priority, timeout=timeout)]
        answers: list[Any] = []
        for some in _chunks(requests, MAX_COMMANDS):
            commands = [Command(str(at), _FIND, request) for at, request in enumerate(some)]
            results = await self._portal.batch(commands, priority=priority, timeout=timeout)
            answers += [results[command.key].unwrap() for command in commands]
        return answers


def _chunks(values: Sequence[T], size: int) -> Iterator[list[T]]:
    return (list(values[at : at + size]) for at in range(0, len(values), size))


def _request(type: Comm, values: list[str], entity_type: ClientType | None) -> dict[str, Any]:  # noqa: A002
    request: dict[str, Any] = {"type": type, "values": values}
    return request | ({"entity_type": entity_type} if entity_type else {})


def _hits(answer: Any) -> dict[ClientType, list[int]]:
    try:
        told = as_map(answer)
        return {kind: [int(number) for number in as_list(told.get(kind))] for kind in _SEARCHED}
    except (TypeError, ValueError):
        raise BadReply(_FIND, "", "result: no lists of ids") from None


def _passed_over(hits: dict[ClientType, list[int]]) -> Iterator[ClientType]:
    """The kinds a portal did not look at any more because it had found enough of an earlier one."""
    enough = False
    for kind in _SEARCHED:
        if enough and not hits[kind]:
            yield kind
        enough = enough or len(hits[kind]) >= _MOST_FOUND
