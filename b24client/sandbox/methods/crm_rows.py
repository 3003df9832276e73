"""What the methods of the CRM share: telling of changes, sorting and cutting lists, reading what was sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from b24client.sandbox.crm import Item
from b24client.sandbox.crm_fields import MULTIFIELDS, NAMES
from b24client.sandbox.methods.registry import Context


def announce(context: Context, item: Item, change: str) -> None:
    """Post the event of a change (ADD, UPDATE, DELETE): it names the entity, what changed has to be asked for.

    https://apidocs.bitrix24.com/api-reference/crm/contacts/events/index.html
    """
    told: dict[str, Any] = {"ID": item.id}
    kind = NAMES.get(item.entity_type_id)
    if kind is None:
        kind, told["ENTITY_TYPE_ID"] = "DYNAMICITEM", item.entity_type_id
    context.sandbox.postman.emit(f"ONCRM{kind}{change}", {"FIELDS": told}, context.visitor.user_id, context.base)


def row_of(item: Item) -> dict[str, Any]:
    """An entity's fields as filters and sorting see them, the values of its multifields among them."""
    return {**item.fields, **{kind: item.values(kind) for kind in MULTIFIELDS}}


def in_order(items: Iterable[Item], order: Mapping[str, str]) -> list[Item]:
    """Entities sorted by upper-case fields; `order` names a direction for each."""
    found = list(items)
    for name, direction in reversed(list(order.items())):
        found.sort(key=lambda item: _rank(item.fields.get(name)), reverse=direction.upper() == "DESC")
    return found


def _rank(value: Any) -> tuple[int, float, str]:
    if isinstance(value, int | float):
        return 1, float(value), ""
    return (0, 0.0, "") if value in (None, "") else (2, 0.0, str(value).lower())


def entries(value: Any) -> Iterator[tuple[str, Any]]:
    """The members of a PHP array, a list or a map, with their keys."""
    if isinstance(value, Mapping):
        for key, entry in value.items():
            yield str(key), entry
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield str(index), entry


def names(value: Any) -> list[str]:
    """The strings of a `select`, which may also be a single one."""
    if isinstance(value, str):
        return [value]
    return [entry for _, entry in entries(value) if isinstance(entry, str)]
