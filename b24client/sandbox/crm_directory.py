"""The CRM's directories: sources, types, the stages of leads, deals and smart processes.

https://apidocs.bitrix24.com/api-reference/crm/status/index.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from b24client.sandbox.crm_fields import DEAL, DYNAMIC, LEAD
from b24client.sandbox.crm_seed import SeedCategory, SeedCrm

_EXTRA = {"": "process", "S": "success", "F": "failure"}
_USUAL = {
    "SOURCE": ("CALL:Call", "EMAIL:E-Mail", "WEB:Website", "ADVERTISING:Advertising", "PARTNER:Existing client",
               "RECOMMENDATION:By recommendation", "TRADE_SHOW:Show", "WEBFORM:CRM form", "CALLBACK:Callback",
               "STORE:Online store", "OTHER:Other"),
    "CONTACT_TYPE": ("CLIENT:Clients", "SUPPLIER:Suppliers", "PARTNER:Partners", "OTHER:Other"),
    "COMPANY_TYPE": ("CUSTOMER:Client", "SUPPLIER:Supplier", "COMPETITOR:Competitor", "PARTNER:Partner",
                     "OTHER:Other"),
    "DEAL_TYPE": ("SALE:Sales", "COMPLEX:Integrated sales", "GOODS:Goods", "SERVICES:Services",
                  "SERVICE:After-sales service"),
    "STATUS": ("NEW:Unassigned", "IN_PROCESS:In progress", "PROCESSED:Processed", "CONVERTED:Good lead:S",
               "JUNK:Junk lead:F"),
}  # fmt: skip
_DEAL_STAGES = (
    "NEW:New", "PREPARATION:Create paperwork", "PREPAYMENT_INVOICE:Invoice", "EXECUTING:In progress",
    "FINAL_INVOICE:Final invoice", "WON:Close deal:S", "LOSE:Deal lost:F", "APOLOGY:Analyze failure:F",
)  # fmt: skip
_SMART_STAGES = ("NEW:Start", "PREPARATION:Preparation", "CLIENT:Approval", "SUCCESS:Success:S", "FAIL:Failure:F")


@dataclass(frozen=True, slots=True)
class Status:
    """An entry of a directory. `semantics`: S for a stage of success, F for one of failure."""

    id: int
    entity_id: str
    status_id: str
    name: str
    sort: int
    semantics: str = ""
    category_id: int | None = None
    system: bool = True

    def row(self) -> dict[str, Any]:
        """As `crm.status.list` tells it."""
        return {
            "ID": str(self.id),
            "ENTITY_ID": self.entity_id,
            "STATUS_ID": self.status_id,
            "NAME": self.name,
            "NAME_INIT": self.name if self.system else "",
            "SORT": str(self.sort),
            "SYSTEM": "Y" if self.system else "N",
            "CATEGORY_ID": None if self.category_id is None else str(self.category_id),
            "COLOR": "",
            "SEMANTICS": self.semantics or None,
            "EXTRA": {"SEMANTICS": _EXTRA[self.semantics], "COLOR": ""},
        }


class Directory:
    """All directories and pipelines of a portal."""

    def __init__(self, seed: SeedCrm) -> None:
        self.categories = {DEAL: [SeedCategory.model_construct(id=0, name="General", sort=300), *seed.categories]}
        self.statuses: list[Status] = []
        for entity_id, entries in _USUAL.items():
            self._fill(entity_id, entries)
        for category in self.categories[DEAL]:
            suffix, prefix = (f"_{category.id}", f"C{category.id}:") if category.id else ("", "")
            self._fill(f"DEAL_STAGE{suffix}", _DEAL_STAGES, prefix, category.id or None)
        for kind in seed.types:
            self.add_type(kind.entity_type_id)
        for entry in seed.statuses:
            self._put(entry.entity_id, entry.status_id, entry.name, entry.sort, entry.semantics, None, system=False)

    def add_type(self, entity_type_id: int) -> None:
        """Give a smart process its pipeline; its category ids are unlike those of deals."""
        category = SeedCategory.model_construct(id=entity_type_id % 1000 + 10, name="Common", sort=500)
        self.categories[entity_type_id] = [category]
        entity_id = f"DYNAMIC_{entity_type_id}_STAGE_{category.id}"
        self._fill(entity_id, _SMART_STAGES, f"DT{entity_type_id}_{category.id}:", category.id)

    def stages(self, entity_type_id: int, category_id: int) -> list[Status]:
        """The stages of a pipeline in order; none for an entity without stages or an unknown pipeline."""
        if entity_type_id == LEAD:
            wanted = "STATUS"
        elif entity_type_id == DEAL:
            wanted = f"DEAL_STAGE_{category_id}" if category_id else "DEAL_STAGE"
        elif entity_type_id >= DYNAMIC:
            wanted = f"DYNAMIC_{entity_type_id}_STAGE_{category_id}"
        else:
            return []
        return sorted((s for s in self.statuses if s.entity_id == wanted), key=lambda s: (s.sort, s.id))

    def _fill(self, entity_id: str, entries: tuple[str, ...], prefix: str = "", category: int | None = None) -> None:
        for index, entry in enumerate(entries):
            status_id, name, *semantics = entry.split(":")
            self._put(entity_id, prefix + status_id, name, 10 * (index + 1), "".join(semantics), category, system=True)

    def _put(
        self,
        entity_id: str,
        status_id: str,
        name: str,
        sort: int,
        semantics: str,
        category: int | None,
        *,
        system: bool,
    ) -> None:
        number = 101 + 2 * len(self.statuses)
        self.statuses.append(Status(number, entity_id, status_id, name, sort, semantics, category, system))
