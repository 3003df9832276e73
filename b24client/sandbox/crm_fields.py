"""The fields of the CRM's entities, under their names in both dialects of the REST API.

A field is kept under its upper-case name (`ASSIGNED_BY_ID`); the universal methods call it `assignedById`, and a few
of them something else altogether (https://apidocs.bitrix24.com/api-reference/crm/universal/object-fields.html).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

LEAD, DEAL, CONTACT, COMPANY = 1, 2, 3, 4
NAMES = {LEAD: "LEAD", DEAL: "DEAL", CONTACT: "CONTACT", COMPANY: "COMPANY"}
NUMBERS = {name: number for number, name in NAMES.items()}
DYNAMIC = 128
"""From this entity type id on it is a smart process."""
MULTIFIELDS = ("PHONE", "EMAIL", "WEB", "IM", "LINK")
_NUMERIC = {"integer", "user", "crm_company", "crm_contact", "crm_lead", "crm_category"}


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """A field: its upper-case name, its name in the universal methods, what it holds."""

    name: str
    item_name: str
    type: str
    title: str
    default: Any = None
    read_only: bool = False
    multiple: bool = False

    @property
    def numeric(self) -> bool:
        """Whether its value is an integer."""
        return self.type in _NUMERIC

    def told(self, *, item: bool) -> dict[str, Any]:
        """Its description, for `.fields` of the universal methods (`item`) or of the older ones."""
        description: dict[str, Any] = {
            "type": self.type,
            "isRequired": False,
            "isReadOnly": self.read_only,
            "isImmutable": False,
            "isMultiple": self.multiple,
            "isDynamic": False,
            "title": self.title,
        }
        return description | ({"upperName": self.name} if item else {})


def camel(name: str) -> str:
    """The universal methods' spelling of an upper-case name: LAST_NAME is lastName, UF_CRM_2_1639 is ufCrm2_1639."""
    head, *rest = name.lower().split("_")
    if head == "uf" and rest and rest[-1].isdigit():
        rest[-1] = f"_{rest[-1]}"
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def upper(name: str) -> str:
    """The way back from `camel`, for custom and parent fields."""
    return re.sub(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[0-9])(?=[A-Z])", "_", name).upper()


def free_field(name: str) -> bool:
    """Whether an upper-case name is a custom field or a link to a smart process; any of these may be filled in."""
    return name.startswith(("UF_", "PARENT_ID_"))


_OTHER_NAMES = {
    "DATE_CREATE": "createdTime", "DATE_MODIFY": "updatedTime", "CREATED_BY_ID": "createdBy",
    "MODIFY_BY_ID": "updatedBy", "MOVED_BY_ID": "movedBy", "STATUS_ID": "stageId", "COMPANY_TYPE": "typeId",
    "STATUS_SEMANTIC_ID": "stageSemanticId",
}  # fmt: skip


def _field(
    name: str, kind: str = "string", default: Any = None, *, read_only: bool = False, multiple: bool = False
) -> FieldSpec:
    title = name.replace("_", " ").capitalize()
    return FieldSpec(name, _OTHER_NAMES.get(name) or camel(name), kind, title, default, read_only, multiple)


_EVERYWHERE = (
    _field("ID", "integer", read_only=True),
    _field("ASSIGNED_BY_ID", "user"),
    _field("CREATED_BY_ID", "user", read_only=True),
    _field("MODIFY_BY_ID", "user", read_only=True),
    _field("DATE_CREATE", "datetime", read_only=True),
    _field("DATE_MODIFY", "datetime", read_only=True),
    _field("LAST_ACTIVITY_BY", "user", read_only=True),
    _field("LAST_ACTIVITY_TIME", "datetime", read_only=True),
    _field("OPENED", "char", "Y"),
    _field("COMMENTS"),
    _field("SOURCE_ID", "crm_status"),
    _field("SOURCE_DESCRIPTION"),
    *(_field(f"UTM_{part}") for part in ("SOURCE", "MEDIUM", "CAMPAIGN", "CONTENT", "TERM")),
)
_ORIGIN = (_field("ORIGINATOR_ID"), _field("ORIGIN_ID"))
_REACHABLE = tuple(_field(f"HAS_{kind}", "char", "N", read_only=True) for kind in ("PHONE", "EMAIL", "IMOL"))
_PERSON = (
    _field("HONORIFIC", "crm_status"),
    _field("NAME"),
    _field("SECOND_NAME"),
    _field("LAST_NAME"),
    _field("BIRTHDATE", "date"),
    _field("POST"),
)
_CLIENT = (
    _field("COMPANY_ID", "crm_company", 0),
    _field("CONTACT_ID", "crm_contact", 0),
    _field("CONTACT_IDS", "crm_contact", multiple=True),
)
_MONEY = (
    _field("CURRENCY_ID", "crm_currency", "RUB"),
    _field("OPPORTUNITY", "double", 0.0),
    _field("IS_MANUAL_OPPORTUNITY", "char", "N"),
)
_MOVED = (_field("MOVED_BY_ID", "user", read_only=True), _field("MOVED_TIME", "datetime", read_only=True))
_FIELDS: dict[int, tuple[FieldSpec, ...]] = {
    CONTACT: (
        *_EVERYWHERE, *_ORIGIN, *_REACHABLE, *_PERSON, _field("TYPE_ID", "crm_status", "CLIENT"),
        _field("EXPORT", "char", "Y"), _field("COMPANY_ID", "crm_company"),
        _field("COMPANY_IDS", "crm_company", multiple=True), _field("LEAD_ID", "crm_lead"), _field("ORIGIN_VERSION"),
    ),
    COMPANY: (
        *_EVERYWHERE, *_ORIGIN, *_REACHABLE, _field("TITLE"), _field("COMPANY_TYPE", "crm_status", "CUSTOMER"),
        _field("INDUSTRY", "crm_status"), _field("EMPLOYEES", "crm_status"), _field("BANKING_DETAILS"),
        _field("CURRENCY_ID", "crm_currency", "RUB"), _field("REVENUE", "double", 0.0),
        _field("IS_MY_COMPANY", "char", "N"), _field("LEAD_ID", "crm_lead"), _field("ORIGIN_VERSION"),
    ),
    LEAD: (
        *_EVERYWHERE, *_ORIGIN, *_REACHABLE, *_PERSON, *_CLIENT, *_MONEY, *_MOVED, _field("TITLE"),
        _field("COMPANY_TITLE"), _field("STATUS_ID", "crm_status", "NEW"), _field("STATUS_DESCRIPTION"),
        _field("STATUS_SEMANTIC_ID", default="P", read_only=True), _field("DATE_CLOSED", "datetime", read_only=True),
        _field("IS_RETURN_CUSTOMER", "char", "N"),
    ),
    DEAL: (
        *_EVERYWHERE, *_ORIGIN, *_CLIENT, *_MONEY, *_MOVED, _field("TITLE"), _field("TYPE_ID", "crm_status", "SALE"),
        _field("CATEGORY_ID", "crm_category", 0), _field("STAGE_ID", "crm_status", "NEW"),
        _field("STAGE_SEMANTIC_ID", default="P", read_only=True), _field("CLOSED", "char", "N"),
        _field("PROBABILITY", "integer"), _field("TAX_VALUE", "double", 0.0), _field("BEGINDATE", "date"),
        _field("CLOSEDATE", "date"), _field("LEAD_ID", "crm_lead"), _field("ADDITIONAL_INFO"),
        _field("IS_RETURN_CUSTOMER", "char", "N"),
    ),
}  # fmt: skip
_SMART = (
    *(spec for spec in _EVERYWHERE if spec.name != "COMMENTS"), *_CLIENT, *_MONEY, *_MOVED, _field("TITLE"),
    _field("XML_ID"), _field("CATEGORY_ID", "crm_category", 0), _field("STAGE_ID", "crm_status"),
    _field("PREVIOUS_STAGE_ID", "crm_status", read_only=True), _field("BEGINDATE", "date"),
    _field("CLOSEDATE", "date"),
)  # fmt: skip


@cache
def specs(entity_type_id: int) -> dict[str, FieldSpec]:
    """The fields of an entity type by upper-case name."""
    return {spec.name: spec for spec in _FIELDS.get(entity_type_id, _SMART)}


@cache
def item_specs(entity_type_id: int) -> dict[str, FieldSpec]:
    """The fields of an entity type by their names in the universal methods."""
    return {spec.item_name: spec for spec in specs(entity_type_id).values()}


def reachable(entity_type_id: int) -> bool:
    """Whether it has phones, e-mails and other multifields."""
    return entity_type_id in (LEAD, CONTACT, COMPANY)
