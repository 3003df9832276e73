"""`crm.contact|company|lead|deal.*`: the older methods of the CRM, everything a string.

https://apidocs.bitrix24.com/api-reference/crm/contacts/index.html and its neighbours. They alone give and filter
phones and e-mails in lists.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from b24client.sandbox.crm import Item, Multifield
from b24client.sandbox.crm_fields import (
    COMPANY,
    CONTACT,
    DEAL,
    LEAD,
    MULTIFIELDS,
    NAMES,
    FieldSpec,
    free_field,
    reachable,
    specs,
)
from b24client.sandbox.methods.crm_rows import announce, entries, in_order, names, row_of
from b24client.sandbox.methods.filtering import matches
from b24client.sandbox.methods.registry import Context, method
from b24client.sandbox.methods.statistic import cut
from b24client.sandbox.wire import Page, RestError, core_error


def _refused(text: str) -> RestError:
    """Refusals of these methods have a text and no code."""
    return RestError(400, "", text)


def _serve(kind: int) -> None:
    """Register the methods of one entity type."""
    name = NAMES[kind].lower()

    @method(f"crm.{name}.list", "crm")
    async def list_(context: Context) -> Page:
        params = context.params
        wanted = {key: value for key, value in entries(params.get("filter")) if not key.isdigit()}
        order = {key.upper(): str(value) for key, value in entries(params.get("order"))} or {"ID": "ASC"}
        found = [item for item in context.sandbox.crm.all(kind) if matches(row_of(item), wanted)]
        page = cut(in_order(found, order), params.number("start"))
        select = [field.upper() for field in names(params.get("select"))] or ["*", "UF_*"]
        return Page([_row(item, select) for item in page.rows], page.total, page.next)

    @method(f"crm.{name}.get", "crm")
    async def get(context: Context) -> Any:
        return _row(_item(context, kind, _refused("Not found")), ["*", "UF_*", *MULTIFIELDS])

    @method(f"crm.{name}.add", "crm")
    async def add(context: Context) -> int:
        fields, multifields = _fields(context)
        item = context.sandbox.crm.add(kind, fields, multifields, context.visitor.user_id)
        announce(context, item, "ADD")
        return item.id

    @method(f"crm.{name}.update", "crm")
    async def update(context: Context) -> bool:
        item = _item(context, kind, _refused(f"{name.capitalize()} is not found"))
        fields, multifields = _fields(context)
        context.sandbox.crm.update(item, fields, multifields, context.visitor.user_id)
        announce(context, item, "UPDATE")
        return True

    @method(f"crm.{name}.delete", "crm")
    async def delete(context: Context) -> bool:
        item = _item(context, kind, core_error("Element not found"))
        context.sandbox.crm.delete(item)
        announce(context, item, "DELETE")
        return True

    @method(f"crm.{name}.fields", "crm")
    async def fields(context: Context) -> Any:
        told = {spec.name: spec.told(item=False) for spec in specs(kind).values()}
        if reachable(kind):
            told |= {
                multi: FieldSpec(multi, multi, "crm_multifield", multi.capitalize(), multiple=True).told(item=False)
                for multi in MULTIFIELDS
            }
        return told


for _kind in (CONTACT, COMPANY, LEAD, DEAL):
    _serve(_kind)


@method("crm.multifield.fields", "crm")
async def multifield_fields(context: Context) -> Any:
    """What a multifield consists of."""
    parts = (("ID", "integer"), ("TYPE_ID", "string"), ("VALUE", "string"), ("VALUE_TYPE", "string"))
    return {name: FieldSpec(name, name, kind, name, read_only=name == "ID").told(item=False) for name, kind in parts}


@method("crm.deal.contact.items.get", "crm")
async def deal_contacts(context: Context) -> Any:
    """The contacts of a deal."""
    return _links(context, DEAL, "CONTACT_ID")


@method("crm.lead.contact.items.get", "crm")
async def lead_contacts(context: Context) -> Any:
    """The contacts of a lead."""
    return _links(context, LEAD, "CONTACT_ID")


@method("crm.contact.company.items.get", "crm")
async def contact_companies(context: Context) -> Any:
    """The companies of a contact."""
    return _links(context, CONTACT, "COMPANY_ID")


@method("crm.company.contact.items.get", "crm")
async def company_contacts(context: Context) -> Any:
    """The contacts of a company."""
    company = _owner(context, COMPANY)
    contacts = context.sandbox.crm.all(CONTACT)
    return _told_links("CONTACT_ID", [c.id for c in contacts if company.id in (c.fields["COMPANY_IDS"] or ())])


def _links(context: Context, kind: int, name: str) -> list[dict[str, Any]]:
    return _told_links(name, _owner(context, kind).fields.get(f"{name}S") or [])


def _owner(context: Context, kind: int) -> Item:
    if context.params.number("id") < 1:
        raise _refused("The parameter ownerEntityID is invalid or not defined.")
    return _item(context, kind, _refused("Not found."))


def _told_links(name: str, links: list[int]) -> list[dict[str, Any]]:
    return [
        {name: link, "SORT": 10 * (at + 1), "ROLE_ID": 0, "IS_PRIMARY": "N" if at else "Y"}
        for at, link in enumerate(links)
    ]


def _item(context: Context, kind: int, missing: RestError) -> Item:
    number = context.params.number("id")
    if number < 1:
        raise _refused("ID is not defined or invalid.")
    item = context.sandbox.crm.get(kind, number)
    if item is None:
        raise missing
    return item


def _fields(context: Context) -> tuple[dict[str, Any], list[Mapping[str, Any]]]:
    """The fields and the multifields of a request."""
    given = context.params.get("fields")
    if not isinstance(given, dict | list):
        raise _refused("Parameter 'fields' must be array.")
    fields = {key.upper(): value for key, value in entries(given)}
    multifields: list[Mapping[str, Any]] = []
    for kind in MULTIFIELDS:
        for _, entry in entries(fields.pop(kind, None)):
            if isinstance(entry, Mapping):
                multifields.append({str(key).upper(): value for key, value in entry.items()} | {"TYPE_ID": kind})
    return fields, multifields


def _row(item: Item, select: list[str]) -> dict[str, Any]:
    known = specs(item.entity_type_id)
    row: dict[str, Any] = {}
    for name, value in item.fields.items():
        spec = known.get(name)
        if spec is not None and spec.multiple:
            continue  # the links to several entities have methods of their own
        mask = "UF_*" if free_field(name) else "*"
        if mask in select or name in select:
            row[name] = _written(value)
    for kind in MULTIFIELDS:
        if kind in select and (values := [_told(entry) for entry in _of_kind(item, kind)]):
            row[kind] = values
    return row


def _of_kind(item: Item, kind: str) -> Iterator[Multifield]:
    return (entry for entry in item.multifields if entry.type_id == kind)


def _told(entry: Multifield) -> dict[str, str]:
    return {"ID": str(entry.id), "VALUE_TYPE": entry.value_type, "VALUE": entry.value, "TYPE_ID": entry.type_id}


def _written(value: Any) -> Any:
    if isinstance(value, bool) or value is None or isinstance(value, list | dict):
        return value
    return f"{value:.2f}" if isinstance(value, float) else str(value)
