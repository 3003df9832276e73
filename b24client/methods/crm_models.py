"""What a portal's CRM holds (https://apidocs.bitrix24.com/api-reference/crm/index.html).

The older methods name fields in capitals (`ASSIGNED_BY_ID`), the universal ones in camel case (`assignedById`); here
both read `assigned_by_id`. `fields` holds a row as the portal sent it, custom fields (`UF_CRM_...`) among them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator
from pydantic.alias_generators import to_camel

from b24client.php import Identifier, Moment, Number, Reply, Text, Truth, as_list


class EntityType(IntEnum):
    """The kinds of entities every portal has; smart processes have ids from 128 on."""

    LEAD = 1
    DEAL = 2
    CONTACT = 3
    COMPANY = 4


class CrmMode(IntEnum):
    """How a portal's CRM works: with leads, or without (an unknown caller becomes a contact with a deal)."""

    CLASSIC = 1
    SIMPLE = 2


class Multifield(Reply):
    """A phone, e-mail, ... of an entity; `id` is needed to change or remove it."""

    id: Identifier = None
    type_id: Text = ""
    """PHONE, EMAIL, WEB, IM or LINK."""
    value_type: Text = ""
    """WORK, MOBILE, HOME, FAX, PAGER, MAILING, OTHER."""
    value: Text = ""

    @model_validator(mode="before")
    @classmethod
    def _either_dialect(cls, value: Any) -> Any:
        names = {"id": "ID", "typeId": "TYPE_ID", "valueType": "VALUE_TYPE", "value": "VALUE"}
        return {names.get(key, key): item for key, item in value.items()} if isinstance(value, dict) else value


Multifields = Annotated[list[Multifield], BeforeValidator(lambda value: as_list(value or []))]
Identifiers = Annotated[list[int], BeforeValidator(lambda value: as_list(value or []))]


class _Row(Reply):
    id: int
    assigned_by_id: Identifier = None
    fields: dict[str, Any] = Field(default_factory=dict, repr=False)

    @model_validator(mode="before")
    @classmethod
    def _whole(cls, value: Any) -> Any:
        return {**value, "fields": dict(value)} if isinstance(value, dict) else value


class _Entity(_Row):
    date_create: Moment = None
    date_modify: Moment = None
    source_id: Text = ""
    phones: Multifields = Field(default_factory=list, alias="PHONE")
    """In a list only if `select` names PHONE."""
    emails: Multifields = Field(default_factory=list, alias="EMAIL")
    """In a list only if `select` names EMAIL."""


class _Person(_Entity):
    first_name: Text = Field(default="", alias="NAME")
    second_name: Text = ""
    last_name: Text = ""
    post: Text = ""
    company_id: Identifier = None

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}".strip()


class Contact(_Person):
    """A person."""

    type_id: Text = ""
    lead_id: Identifier = None


class Company(_Entity):
    """A company."""

    title: Text = ""
    company_type: Text = ""


class Lead(_Person):
    """A first approach; `status_semantic_id` is P while it is open, S after success, F after failure."""

    title: Text = ""
    company_title: Text = ""
    contact_id: Identifier = None
    status_id: Text = ""
    status_semantic_id: Text = ""


class Deal(_Row):
    """A deal; `stage_semantic_id` is P while it is open, S after success, F after failure."""

    title: Text = ""
    type_id: Text = ""
    category_id: Number = 0
    stage_id: Text = ""
    stage_semantic_id: Text = ""
    closed: Truth = False
    contact_id: Identifier = None
    company_id: Identifier = None
    lead_id: Identifier = None
    opportunity: Annotated[float, BeforeValidator(lambda value: value or 0)] = 0.0
    currency_id: Text = ""
    date_create: Moment = None
    date_modify: Moment = None


class CrmItem(_Row):
    """An entity of any kind, as the universal methods give it. What its kind does not have is empty."""

    model_config = Reply.model_config | {"alias_generator": to_camel}

    entity_type_id: Number = 0
    title: Text = ""
    first_name: Text = Field(default="", alias="name")
    last_name: Text = ""
    category_id: Identifier = None
    stage_id: Text = ""
    stage_semantic_id: Text = ""
    closed: Truth = False
    contact_id: Identifier = None
    contact_ids: Identifiers = Field(default_factory=list)
    company_id: Identifier = None
    opportunity: Annotated[float, BeforeValidator(lambda value: value or 0)] = 0.0
    created_time: Moment = None
    updated_time: Moment = None
    multifields: Multifields = Field(default_factory=list, alias="fm")
    """In a list only for `select=["*"]`."""

    @property
    def name(self) -> str:
        """What people call it."""
        return self.title or f"{self.first_name} {self.last_name}".strip()

    @property
    def phones(self) -> list[str]:
        """Its phone numbers."""
        return [entry.value for entry in self.multifields if entry.type_id == "PHONE"]


class CrmField(Reply):
    """What a field of an entity is."""

    model_config = Reply.model_config | {"alias_generator": to_camel}

    type: Text = ""
    title: Text = ""
    is_required: Truth = False
    is_read_only: Truth = False
    is_multiple: Truth = False


class CrmStatus(Reply):
    """An entry of a directory: a source, a stage, a type. `semantics` is S for a stage of success, F for failure."""

    id: int
    entity_id: Text = ""
    status_id: Text = ""
    name: Text = ""
    sort: Number = 0
    category_id: Identifier = None
    semantics: Text = ""


class Category(Reply):
    """A pipeline; the general one of deals has the id 0."""

    model_config = Reply.model_config | {"alias_generator": to_camel}

    id: Number
    name: Text = ""
    sort: Number = 0
    is_default: Truth = False


class SmartProcess(Reply):
    """A kind of entity a portal has made for itself; `entity_type_id` is what the universal methods want."""

    model_config = Reply.model_config | {"alias_generator": to_camel}

    id: int
    title: Text = ""
    entity_type_id: int


class ContactLink(Reply):
    """A contact of a deal, lead or company."""

    contact_id: int
    sort: Number = 0
    is_primary: Truth = False


class CompanyLink(Reply):
    """A company of a contact."""

    company_id: int
    sort: Number = 0
    is_primary: Truth = False


@dataclass(frozen=True, slots=True)
class Duplicates:
    """The ids of those who have a phone or e-mail."""

    leads: tuple[int, ...] = field(default=())
    contacts: tuple[int, ...] = field(default=())
    companies: tuple[int, ...] = field(default=())

    def __bool__(self) -> bool:
        return bool(self.leads or self.contacts or self.companies)

    @classmethod
    def of(cls, found: Iterable[tuple[str, int]]) -> Duplicates:
        """From pairs of LEAD, CONTACT or COMPANY and an id; each id once."""
        ids: dict[str, dict[int, None]] = {"LEAD": {}, "CONTACT": {}, "COMPANY": {}}
        for kind, number in found:
            ids[kind][number] = None
        return cls(tuple(ids["LEAD"]), tuple(ids["CONTACT"]), tuple(ids["COMPANY"]))
