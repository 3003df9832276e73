"""What the CRM of a sandbox portal holds when it starts: the `[crm]` part of the seed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Value = str | int | float | list[int] | list[str]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SeedItem(_Table):
    """A row of the CRM. `fields` are the portal's own, upper-case: NAME, TITLE, COMPANY_ID, STAGE_ID, UF_CRM_..."""

    id: int = Field(gt=0)
    assigned_by: int
    phones: list[str] = Field(default_factory=list)
    emails: list[str] = Field(default_factory=list)
    fields: dict[str, Value] = Field(default_factory=dict)


class SeedCategory(_Table):
    """A pipeline besides the general one, whose id is 0. It gets stages of its own."""

    id: int = Field(gt=0)
    name: str
    sort: int = 200


class SeedStatus(_Table):
    """An entry of a directory besides the usual ones, such as a source or a stage."""

    entity_id: str
    status_id: str
    name: str
    sort: int = 500
    semantics: Literal["", "S", "F"] = ""


class SeedType(_Table):
    """A smart process and its items."""

    entity_type_id: int = Field(ge=128)
    title: str
    items: list[SeedItem] = Field(default_factory=list)


class SeedCrm(_Table):
    """The CRM. `mode`: classic has leads; in simple mode an unknown caller becomes a contact with a deal."""

    mode: Literal["classic", "simple"] = "classic"
    contacts: list[SeedItem] = Field(default_factory=list)
    companies: list[SeedItem] = Field(default_factory=list)
    leads: list[SeedItem] = Field(default_factory=list)
    deals: list[SeedItem] = Field(default_factory=list)
    categories: list[SeedCategory] = Field(default_factory=list)
    statuses: list[SeedStatus] = Field(default_factory=list)
    types: list[SeedType] = Field(default_factory=list)

    @model_validator(mode="after")
    def _no_twins(self) -> SeedCrm:
        for name, rows in self.tables():
            ids = [row.id for row in rows]
            if len(ids) != len(set(ids)):
                raise ValueError(f"crm.{name}: two have the same id")
        numbers = [kind.entity_type_id for kind in self.types]
        if len(numbers) != len(set(numbers)):
            raise ValueError("crm.types: two have the same entity_type_id")
        return self

    def tables(self) -> Iterator[tuple[str, list[SeedItem]]]:
        """All rows, by the name of their table."""
        yield "contacts", self.contacts
        yield "companies", self.companies
        yield "leads", self.leads
        yield "deals", self.deals
        for kind in self.types:
            yield f"types.{kind.entity_type_id}", kind.items
