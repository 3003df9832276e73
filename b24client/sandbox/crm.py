"""The CRM of the portal: leads, deals, contacts, companies, smart processes, in one place for all who ask."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from b24client.sandbox.crm_directory import Directory
from b24client.sandbox.crm_fields import (
    COMPANY,
    CONTACT,
    DEAL,
    DYNAMIC,
    LEAD,
    FieldSpec,
    free_field,
    reachable,
    specs,
)
from b24client.sandbox.crm_seed import SeedCrm, SeedItem
from b24client.sandbox.wire import iso, php_int

_FIRST_ID = 1001
"""What the portal makes itself gets ids above those of a seed written by hand."""


@dataclass(slots=True)
class Multifield:
    """A phone, e-mail, ... of an entity. `type_id`: PHONE, EMAIL, WEB, IM, LINK; `value_type`: WORK, MOBILE, ..."""

    id: int
    type_id: str
    value_type: str
    value: str


@dataclass(slots=True, eq=False)
class Item:
    """An entity: its fields by upper-case name, and its multifields."""

    entity_type_id: int
    id: int
    fields: dict[str, Any]
    multifields: list[Multifield] = field(default_factory=list)

    def values(self, type_id: str) -> list[str]:
        """The values of one kind of multifield."""
        return [entry.value for entry in self.multifields if entry.type_id == type_id]

    @property
    def name(self) -> str:
        """What people call it."""
        title = self.fields.get("TITLE") or ""
        person = " ".join(filter(None, (self.fields.get("NAME"), self.fields.get("LAST_NAME"))))
        return str(title or person)


class Crm:
    """All entities. `digits` reads a phone number the way the portal's country does."""

    def __init__(self, seed: SeedCrm, digits: Callable[[str], str]) -> None:
        self.mode = seed.mode
        self.directory = Directory(seed)
        self.types = {kind.entity_type_id: kind.title for kind in seed.types}
        self._digits = digits
        self._items: dict[int, dict[int, Item]] = {number: {} for number in (LEAD, DEAL, CONTACT, COMPANY, *self.types)}
        self._by_phone: dict[str, list[Item]] = {}
        self._next_multifield = 100
        tables = {CONTACT: seed.contacts, COMPANY: seed.companies, LEAD: seed.leads, DEAL: seed.deals}
        tables |= {kind.entity_type_id: kind.items for kind in seed.types}
        for entity_type_id, rows in tables.items():
            for row in rows:
                self.plant(entity_type_id, row)

    def knows(self, entity_type_id: int) -> bool:
        """Whether there is such an entity type."""
        return entity_type_id in self._items

    def all(self, entity_type_id: int) -> Iterator[Item]:
        """The entities of a type by ascending id."""
        items = self._items[entity_type_id]
        return (items[number] for number in sorted(items))

    def get(self, entity_type_id: int, item_id: int) -> Item | None:
        """One entity."""
        return self._items.get(entity_type_id, {}).get(item_id)

    def by_phone(self, number: str) -> list[Item]:
        """The entities with a phone number, however it is written."""
        digits = self._digits(number)
        return list(self._by_phone.get(digits, ())) if digits else []

    def plant(self, entity_type_id: int, row: SeedItem) -> Item:
        """Put a row of the seed."""
        values = [("PHONE", number) for number in row.phones] + [("EMAIL", address) for address in row.emails]
        entries = [{"TYPE_ID": kind, "VALUE": value} for kind, value in values]
        fields = {name.upper(): value for name, value in row.fields.items()} | {"ASSIGNED_BY_ID": row.assigned_by}
        return self.add(entity_type_id, fields, entries, row.assigned_by, item_id=row.id)

    def add(
        self,
        entity_type_id: int,
        fields: Mapping[str, Any],
        multifields: Iterable[Mapping[str, Any]],
        user_id: int,
        *,
        item_id: int | None = None,
    ) -> Item:
        """A new entity; who is not named as responsible is the user who adds it."""
        items = self._items[entity_type_id]
        number = item_id or max(_FIRST_ID, max(items, default=0) + 1)
        now = iso(time.time())
        item = Item(entity_type_id, number, {name: spec.default for name, spec in specs(entity_type_id).items()})
        made: dict[str, Any] = {"ID": number, "ASSIGNED_BY_ID": user_id}
        made |= dict.fromkeys(("CREATED_BY_ID", "MODIFY_BY_ID", "LAST_ACTIVITY_BY"), user_id)
        made |= dict.fromkeys(("DATE_CREATE", "DATE_MODIFY", "LAST_ACTIVITY_TIME"), now)
        item.fields.update({name: value for name, value in made.items() if name in item.fields})
        if entity_type_id >= DYNAMIC:
            item.fields["CATEGORY_ID"] = self.directory.categories[entity_type_id][0].id
        items[number] = item
        self._take(item, fields)
        self._settle_stage(item, user_id, before=None)
        if "TITLE" in item.fields and not item.fields["TITLE"]:
            kind = {LEAD: "Lead", DEAL: "Deal", COMPANY: "Company"}.get(entity_type_id, self.types.get(entity_type_id))
            item.fields["TITLE"] = f"{kind} #{number}"
        self._take_multifields(item, multifields)
        return item

    def update(
        self, item: Item, fields: Mapping[str, Any], multifields: Iterable[Mapping[str, Any]], user_id: int
    ) -> None:
        """Change an entity; fields that are not named stay as they are."""
        before = item.fields.get(_stage_field(item))
        self._take(item, fields)
        self._settle_stage(item, user_id, before)
        self._take_multifields(item, multifields)
        for name, value in (("MODIFY_BY_ID", user_id), ("DATE_MODIFY", iso(time.time()))):
            item.fields[name] = value

    def delete(self, item: Item) -> None:
        """Remove an entity."""
        self._forget_phones(item)
        del self._items[item.entity_type_id][item.id]

    def dump(self) -> dict[str, Any]:
        """All entities as JSON values."""
        items = (item for kept in self._items.values() for item in kept.values())
        return {"items": [asdict(item) for item in items], "next_multifield": self._next_multifield}

    def load(self, kept: Mapping[str, Any]) -> None:
        """Take over what `dump` gave. Raises KeyError or TypeError for anything else."""
        items: dict[int, dict[int, Item]] = {number: {} for number in self._items}
        for row in kept["items"]:
            item = Item(**row | {"multifields": [Multifield(**entry) for entry in row["multifields"]]})
            items[item.entity_type_id][item.id] = item
        self._items, self._next_multifield, self._by_phone = items, kept["next_multifield"], {}
        for item in (item for found in items.values() for item in found.values()):
            self._note_phones(item)

    def _take(self, item: Item, fields: Mapping[str, Any]) -> None:
        """Take the fields that may be written; what is unknown or not writable is passed over, as a portal does."""
        known = specs(item.entity_type_id)
        for name, value in fields.items():
            spec = known.get(name)
            if spec is None and not free_field(name):
                continue
            if spec is None:
                item.fields[name] = value
            elif not spec.read_only:
                item.fields[name] = _cast(spec, value)
        for one, many in (("CONTACT_ID", "CONTACT_IDS"), ("COMPANY_ID", "COMPANY_IDS")):
            if many in known and (one in fields or many in fields):
                _link(item.fields, one, many, fields)

    def _settle_stage(self, item: Item, user_id: int, before: Any) -> None:
        """Keep stage, its meaning and the pipeline in step; a stage the pipeline lacks is not taken."""
        category = php_int(item.fields.get("CATEGORY_ID"), 0)
        stages = {status.status_id: status for status in self.directory.stages(item.entity_type_id, category)}
        if not stages:
            return
        name = _stage_field(item)
        stage = stages.get(str(item.fields[name])) or stages.get(str(before)) or next(iter(stages.values()))
        item.fields[name] = stage.status_id
        if stage.status_id != before:
            item.fields |= {"MOVED_BY_ID": user_id, "MOVED_TIME": iso(time.time())}
            if "PREVIOUS_STAGE_ID" in item.fields:
                item.fields["PREVIOUS_STAGE_ID"] = before
        semantics = stage.semantics or "P"
        if item.entity_type_id == LEAD:
            item.fields["STATUS_SEMANTIC_ID"] = semantics
        elif item.entity_type_id == DEAL:
            item.fields |= {"STAGE_SEMANTIC_ID": semantics, "CLOSED": "N" if semantics == "P" else "Y"}

    def _take_multifields(self, item: Item, entries: Iterable[Mapping[str, Any]]) -> None:
        """Entries with the id of an existing value change it, or remove it when they leave it empty; others are added.

        https://apidocs.bitrix24.com/api-reference/crm/contacts/crm-contact-update.html
        """
        if not reachable(item.entity_type_id):
            return
        self._forget_phones(item)
        for entry in entries:
            value = "" if str(entry.get("DELETE", "")).upper() == "Y" else str(entry.get("VALUE") or "").strip()
            known = next((m for m in item.multifields if m.id == php_int(entry.get("ID"), 0)), None)
            if known is not None and not value:
                item.multifields.remove(known)
            elif known is not None:
                known.value, known.value_type = value, str(entry.get("VALUE_TYPE") or known.value_type)
            elif value:
                self._next_multifield += 1
                kind, use = str(entry.get("TYPE_ID", "")).upper(), str(entry.get("VALUE_TYPE") or "WORK")
                item.multifields.append(Multifield(self._next_multifield, kind, use, value))
        for kind in ("PHONE", "EMAIL"):
            item.fields[f"HAS_{kind}"] = "Y" if item.values(kind) else "N"
        self._note_phones(item)

    def _note_phones(self, item: Item) -> None:
        for digits in self._phones(item):
            self._by_phone.setdefault(digits, []).append(item)

    def _forget_phones(self, item: Item) -> None:
        for digits in self._phones(item):
            if item in (entries := self._by_phone.get(digits, [])):
                entries.remove(item)

    def _phones(self, item: Item) -> set[str]:
        return {digits for number in item.values("PHONE") if (digits := self._digits(number))}


def _stage_field(item: Item) -> str:
    return "STATUS_ID" if item.entity_type_id == LEAD else "STAGE_ID"


def _cast(spec: FieldSpec, value: Any) -> Any:
    """A value as it is kept, whichever dialect it came in."""
    if spec.multiple:
        values = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else [value]
        return [php_int(entry, 0) if spec.numeric else entry for entry in values if entry not in ("", None)]
    if value is None or isinstance(value, list | dict):
        return spec.default
    if spec.numeric:
        return php_int(value, 0)
    if spec.type == "double":
        try:
            amount = float(value)
        except ValueError:
            return 0.0
        return amount if math.isfinite(amount) else 0.0
    if spec.type == "char" or isinstance(value, bool):
        return "Y" if str(value).upper() in ("Y", "1", "TRUE") else "N"
    return str(value)


def _link(kept: dict[str, Any], one: str, many: str, given: Mapping[str, Any]) -> None:
    """Keep the main link and the list of all links in step: the main one is the first of the list."""
    main, links = kept.get(one), list(kept.get(many) or [])
    if many in given:
        main = main if one in given and main in links else next(iter(links), 0)
    elif main and main not in links:
        links.insert(0, main)
    elif not main:
        links = []
    kept[one], kept[many] = main, sorted(set(links), key=lambda link: (link != main, links.index(link)))
