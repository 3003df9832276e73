"""`crm.item.*`: the universal methods of the CRM, camelCase, numbers as numbers; smart processes have no others.

https://apidocs.bitrix24.com/api-reference/crm/universal/index.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from b24client.sandbox.crm import Item
from b24client.sandbox.crm_fields import LEAD, camel, free_field, item_specs, reachable, specs, upper
from b24client.sandbox.methods.crm_rows import announce, entries, in_order, names, row_of
from b24client.sandbox.methods.filtering import matches, split_operator
from b24client.sandbox.methods.registry import Context, method
from b24client.sandbox.methods.statistic import cut
from b24client.sandbox.wire import Page, RestError, php_int

_NO_TYPE = RestError(400, "NOT_FOUND", "SPA not found")
_NO_ITEM = RestError(400, "NOT_FOUND", "Item not found")


def _wrong(text: str) -> RestError:
    return RestError(400, "INVALID_ARG_VALUE", text)


@method("crm.item.list", "crm")
async def list_(context: Context) -> Page:
    """Entities that match; multifields only for `select: ["*"]`."""
    kind, params = _kind(context), context.params
    wanted = _conditions(kind, params.get("filter"))
    order = {_field(kind, name, "order"): _direction(name, way) for name, way in entries(params.get("order"))}
    found = [item for item in context.sandbox.crm.all(kind) if wanted(row_of(item))]
    page = cut(in_order(found, order or {"ID": "ASC"}), params.number("start"))
    select = names(params.get("select"))
    rows = [_selected(_row(context, item), select) for item in page.rows]
    return Page(rows, page.total, page.next, key="items")


@method("crm.item.get", "crm")
async def get(context: Context) -> Any:
    """One entity with everything."""
    return {"item": _row(context, _item(context, _kind(context)))}


@method("crm.item.add", "crm")
async def add(context: Context) -> Any:
    """A new entity, told back."""
    kind = _kind(context)
    fields, multifields = _fields(context, kind)
    item = context.sandbox.crm.add(kind, fields, multifields, context.visitor.user_id)
    announce(context, item, "ADD")
    return {"item": _row(context, item)}


@method("crm.item.update", "crm")
async def update(context: Context) -> Any:
    """Change an entity, told back."""
    kind = _kind(context)
    item = _item(context, kind)
    fields, multifields = _fields(context, kind, item)
    context.sandbox.crm.update(item, fields, multifields, context.visitor.user_id)
    announce(context, item, "UPDATE")
    return {"item": _row(context, item)}


@method("crm.item.delete", "crm")
async def delete(context: Context) -> Any:
    """Remove an entity."""
    item = _item(context, _kind(context))
    context.sandbox.crm.delete(item)
    announce(context, item, "DELETE")
    return []


@method("crm.item.fields", "crm")
async def fields(context: Context) -> Any:
    """What an entity of a type consists of."""
    kind = _kind(context)
    told = {spec.item_name: spec.told(item=True) for spec in specs(kind).values()}
    if reachable(kind):
        described = {"type": "crm_multifield", "isRequired": False, "isReadOnly": False, "isImmutable": False}
        told["fm"] = described | {"isMultiple": True, "isDynamic": False, "title": "Multifields", "upperName": "FM"}
    return {"fields": told}


def _kind(context: Context) -> int:
    if context.params.get("entityTypeId") is None:
        raise _missing("entityTypeId")
    kind = context.params.number("entityTypeId")
    if not context.sandbox.crm.knows(kind):
        raise _NO_TYPE
    return kind


def _item(context: Context, kind: int) -> Item:
    if context.params.get("id") is None:
        raise _missing("id")
    item = context.sandbox.crm.get(kind, context.params.number("id"))
    if item is None:
        raise _NO_ITEM
    return item


def _missing(name: str) -> RestError:
    return RestError(400, "100", f"Could not find value for parameter {{{name}}}")


def _conditions(kind: int, given: Any) -> Callable[[Mapping[str, Any]], bool]:
    """A filter as a test of rows: conditions and nested filters, joined by its `logic`. Raises RestError."""
    tests: list[Callable[[Mapping[str, Any]], bool]] = []
    together: Callable[[Iterator[bool]], bool] = all
    for key, value in entries(given):
        if key.lower() == "logic":
            together = any if str(value).upper() == "OR" else all
        elif key.isdigit():
            tests.append(_conditions(kind, value))
        else:
            tests.append(_condition(kind, key, value))
    return lambda row: together(test(row) for test in tests)


def _condition(kind: int, key: str, value: Any) -> Callable[[Mapping[str, Any]], bool]:
    operator, name = split_operator(key)
    column = _field(kind, name, "filter")
    if isinstance(value, Mapping) and any(not str(index).isdigit() for index in value):
        raise _wrong(f"Invalid filter: field '{name}' has invalid value")
    return lambda row: matches({column: None, **row}, {operator + column: value})


def _field(kind: int, name: str, place: str) -> str:
    """The column of a field named in a filter or an order. Raises RestError."""
    spec = item_specs(kind).get(name)
    if spec is not None:
        return spec.name
    column = name if name.isupper() else upper(name)
    if free_field(column):
        return column
    raise _wrong(f"Invalid {place}: field '{name}' is not allowed in {place}")


def _direction(name: str, way: Any) -> str:
    if str(way).upper() not in ("ASC", "DESC"):
        text = f"Invalid order: allowed sort directions are ASC, DESC. But got '{way}' for field '{name}'"
        raise _wrong(text)
    return str(way)


def _fields(context: Context, kind: int, item: Item | None = None) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The fields and multifields of a request. Raises RestError for values a field can't have."""
    given = context.params.get("fields")
    if not isinstance(given, dict | list):
        raise _missing("fields")
    taken: dict[str, Any] = {}
    multifields: list[dict[str, Any]] = []
    known = item_specs(kind)
    for name, value in entries(given):
        if name == "fm":
            multifields = list(_multifields(value))
        elif name in known:
            if known[name].multiple and value is not None and not isinstance(value, list | dict):
                text = f"Expected iterable value for multiple field, but got {type(value).__name__} instead"
                raise RestError(400, "100", text)
            taken[known[name].name] = value
        elif free_field(column := name if name.isupper() else upper(name)):
            taken[column] = value
    _check_stage(context, kind, taken, item)
    if "ASSIGNED_BY_ID" in taken and context.sandbox.people.user(php_int(taken["ASSIGNED_BY_ID"], 0)) is None:
        raise _not_valid("assignedById")
    return taken, multifields


def _multifields(value: Any) -> Iterator[dict[str, Any]]:
    """`fm`: a list, or a map keyed by the ids of existing values."""
    for key, entry in entries(value):
        if not isinstance(entry, Mapping):
            continue
        number = entry.get("id", key if isinstance(value, Mapping) else None)
        yield {
            "ID": number,
            "TYPE_ID": entry.get("typeId", ""),
            "VALUE_TYPE": entry.get("valueType", ""),
            "VALUE": entry.get("value", ""),
            "DELETE": entry.get("delete", ""),
        }


def _check_stage(context: Context, kind: int, taken: Mapping[str, Any], item: Item | None) -> None:
    stage = taken.get("STATUS_ID" if kind == LEAD else "STAGE_ID")
    if stage is None:
        return
    directory = context.sandbox.crm.directory
    kept = item.fields.get("CATEGORY_ID") if item else directory.categories[kind][0].id if kind != LEAD else 0
    category = php_int(taken.get("CATEGORY_ID"), php_int(kept, 0))
    if stage not in [status.status_id for status in directory.stages(kind, category)]:
        raise _not_valid("stageId")


def _not_valid(name: str) -> RestError:
    return RestError(400, "CRM_FIELD_ERROR_VALUE_NOT_VALID", f'Invalid value for field "{name}"')


def _row(context: Context, item: Item) -> dict[str, Any]:
    """An entity with all its fields."""
    original = context.params.text("useOriginalUfNames").upper() == "Y"
    known = specs(item.entity_type_id)
    row: dict[str, Any] = {}
    for name, value in item.fields.items():
        spec = known.get(name)
        if spec is None:
            row[name if original and name.startswith("UF_") else camel(name)] = value
        else:
            row[spec.item_name] = (value or []) if spec.multiple else value
    if reachable(item.entity_type_id):
        row["fm"] = [
            {"id": entry.id, "valueType": entry.value_type, "value": entry.value, "typeId": entry.type_id}
            for entry in item.multifields
        ]
    return row | {"entityTypeId": item.entity_type_id}


def _selected(row: dict[str, Any], select: list[str]) -> dict[str, Any]:
    if "*" in select:
        return row
    if not select:
        return {name: value for name, value in row.items() if name != "fm"}
    return {name: row[name] for name in select if name in row}


@method("crm.type.list", "crm")
async def types(context: Context) -> Any:
    """The smart processes."""
    rows = [
        {
            "id": index + 1,
            "title": title,
            "code": "",
            "createdBy": 1,
            "entityTypeId": number,
            "customSectionId": None,
            "isCategoriesEnabled": "N",
            "isStagesEnabled": "Y",
            "isClientEnabled": "Y",
            "isAutomationEnabled": "Y",
        }
        for index, (number, title) in enumerate(sorted(context.sandbox.crm.types.items()))
    ]
    wanted = {key: value for key, value in entries(context.params.get("filter")) if not key.isdigit()}
    found = [row for row in rows if matches({name.upper(): value for name, value in row.items()}, wanted)]
    page = cut(found, context.params.number("start"))
    return Page(page.rows, page.total, page.next, key="types")


@method("crm.category.list", "crm")
async def categories(context: Context) -> Any:
    """The pipelines of deals or of a smart process."""
    kind = _kind(context)
    known = context.sandbox.crm.directory.categories.get(kind)
    if known is None:
        raise RestError(400, "ENTITY_TYPE_NOT_SUPPORTED", f"Entity type `{kind}` is not supported")
    rows = []
    for category in sorted(known, key=lambda category: (category.sort, category.id)):
        default = category is known[0]
        row = {"id": category.id, "name": category.name, "sort": category.sort, "entityTypeId": kind}
        rows.append(row | ({"isDefault": "Y"} if default else {"isDefault": "N", "originId": "", "originatorId": ""}))
    return Page(rows, len(rows), key="categories")
