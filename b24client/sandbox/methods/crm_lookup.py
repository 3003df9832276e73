"""What one asks the CRM before acting: duplicates, directories, its mode."""

from __future__ import annotations

from typing import Any

from b24client.sandbox.crm_fields import COMPANY, CONTACT, LEAD, NAMES
from b24client.sandbox.methods.crm_rows import entries
from b24client.sandbox.methods.filtering import matches
from b24client.sandbox.methods.registry import Context, method
from b24client.sandbox.methods.statistic import cut
from b24client.sandbox.wire import Page, RestError, php_array

_MOST_VALUES = 20
_MOST_FOUND = 20


@method("crm.duplicate.findbycomm", "crm")
async def find_by_comm(context: Context) -> Any:
    """Leads, contacts and companies with a phone or e-mail.

    Numbers are compared whole, as written, but for everything that is not a digit; an extension behind # does not count
    (https://apidocs.bitrix24.com/api-reference/crm/duplicates/crm-duplicate-find-by-comm.html).
    """
    params = context.params
    kind, wanted_type = params.text("type").upper(), params.text("entity_type").upper()
    values = [value for _, value in entries(params.get("values"))][:_MOST_VALUES]
    if not kind:
        raise RestError(400, "", "Communication type is not defined.")
    if kind not in ("PHONE", "EMAIL"):
        raise RestError(400, "", f"Communication type '{kind}' is not supported in current context.")
    if not values:
        raise RestError(400, "", "Communication values is not defined.")
    wanted = {_comparable(kind, value) for value in values} - {""}
    found: dict[str, list[int]] = {}
    for number in (LEAD, CONTACT, COMPANY):
        if wanted_type not in ("", NAMES[number]):
            continue
        hits = [
            item.id
            for item in context.sandbox.crm.all(number)
            if wanted & {_comparable(kind, value) for value in item.values(kind)}
        ]
        if hits:
            found[NAMES[number]] = hits
        if len(hits) >= _MOST_FOUND:
            break
    return php_array(found)


def _comparable(kind: str, value: Any) -> str:
    text = str(value).strip()
    if kind == "EMAIL":
        return text.lower()
    return "".join(character for character in text.partition("#")[0] if character in "0123456789")


@method("crm.status.list", "crm")
async def statuses(context: Context) -> Page:
    """Entries of the directories, ordered by `order` or as they are kept."""
    params = context.params
    wanted = {key: value for key, value in entries(params.get("filter")) if not key.isdigit()}
    rows = [row for status in context.sandbox.crm.directory.statuses if matches(row := status.row(), wanted)]
    for name, way in reversed(list(entries(params.get("order")))):
        key = name.upper()
        numeric = key in ("ID", "SORT")
        rows.sort(key=lambda row: int(row[key]) if numeric else str(row.get(key)), reverse=str(way).upper() == "DESC")
    return cut(rows, params.number("start"))


@method("crm.status.entity.types", "crm")
async def status_types(context: Context) -> Any:
    """The directories there are."""
    known = dict.fromkeys(status.entity_id for status in context.sandbox.crm.directory.statuses)
    return [{"ID": name, "NAME": name.replace("_", " ").capitalize()} for name in known]


@method("crm.settings.mode.get", "crm")
async def mode(context: Context) -> int:
    """1: with leads, 2: without (https://dev.1c-bitrix.ru/rest_help/crm/mode/crm_settings_mode_get.php)."""
    return 1 if context.sandbox.crm.mode == "classic" else 2
