"""`crm.timeline.*`: comments and log entries (https://apidocs.bitrix24.com/api-reference/crm/timeline/index.html)."""

from __future__ import annotations

import base64
import binascii
import time
from typing import Any

from b24client.sandbox.methods.listing import items, missing, ordered, selected
from b24client.sandbox.methods.registry import Context, method
from b24client.sandbox.methods.statistic import cut
from b24client.sandbox.owners import TYPE_NAMES, exists, type_number
from b24client.sandbox.timeline import Entry
from b24client.sandbox.wire import Page, RestError, iso, php_int

_NO_OWNER = RestError(400, "OWNER_NOT_FOUND", "Owner not found")


@method("crm.timeline.comment.add", "crm")
async def comment_add(context: Context) -> int:
    """A comment, with files perhaps; its id."""
    fields = _fields(context)
    for name in ("ENTITY_ID", "ENTITY_TYPE", "COMMENT"):
        if name not in fields:
            raise missing(name)
    kind, number = type_number(str(fields["ENTITY_TYPE"])), php_int(fields["ENTITY_ID"], 0)
    if not exists(context.sandbox.people, kind, number):
        raise _NO_OWNER
    text = str(fields["COMMENT"]).strip()
    if not text:
        raise RestError(400, "INVALID_ARG_VALUE", "Comment is empty")
    author = php_int(fields.get("AUTHOR_ID"), 0) or context.visitor.user_id
    files = _files(fields.get("FILES"), author)
    return context.sandbox.timeline.add("comment", (kind, number), author, text, files=files).id


@method("crm.timeline.comment.list", "crm")
async def comment_list(context: Context) -> Page:
    """The comments of an entity, which has to be named."""
    params = context.params
    wanted = {key.upper().lstrip("="): value for key, value in params.map("filter").items()}
    kind, number = type_number(str(wanted.get("ENTITY_TYPE", ""))), php_int(wanted.get("ENTITY_ID"), 0)
    if not exists(context.sandbox.people, kind, number):
        raise RestError(400, "", "Access denied.")
    entries = [e for e in context.sandbox.timeline.all if (e.entity_type_id, e.entity_id) == (kind, number)]
    rows = [_comment(entry) for entry in entries if entry.kind == "comment"]
    order = {key.upper(): value for key, value in params.map("order").items()}
    chosen = items(params.get("select"))
    return cut([selected(row, chosen) for row in ordered(rows, order or {"ID": "asc"})], params.number("start"))


@method("crm.timeline.logmessage.add", "crm")
async def logmessage_add(context: Context) -> Any:
    """An entry of the log, with an icon."""
    fields = _fields(context)
    for name in ("entityTypeId", "entityId", "title", "text", "iconCode"):
        if not str(fields.get(name, "")).strip():
            raise missing(name)
    entity = php_int(fields["entityTypeId"], 0), php_int(fields["entityId"], 0)
    if not exists(context.sandbox.people, *entity):
        raise _NO_OWNER
    title, icon = str(fields["title"]), str(fields["iconCode"])
    author, text = context.visitor.user_id, str(fields["text"])
    entry = context.sandbox.timeline.add("logMessage", entity, author, text, title=title, icon_code=icon)
    return {
        "logMessage": {
            "id": entry.id,
            "created": iso(entry.created),
            "authorId": entry.author_id,
            "title": entry.title,
            "text": entry.text,
            "iconCode": entry.icon_code,
        }
    }


def _fields(context: Context) -> dict[str, Any]:
    """The fields; here the portal takes the parameter in lower case only."""
    fields = context.params.raw.get("fields")
    if not isinstance(fields, dict) or not fields:
        raise missing("fields")
    return fields


def _files(given: Any, author_id: int) -> dict[str, dict[str, Any]]:
    """Files sent as pairs of name and base64; what can't be read is left out."""
    kept: dict[str, dict[str, Any]] = {}
    for file in items(given):
        try:
            name, content = file
            size = len(base64.b64decode(content, validate=True))
        except (TypeError, ValueError, binascii.Error):
            continue
        number = len(kept) + 1
        kept[str(number)] = {
            "id": number,
            "date": iso(time.time()),
            "type": "file",
            "name": str(name),
            "size": size,
            "authorId": author_id,
        }
    return kept


def _comment(entry: Entry) -> dict[str, Any]:
    return {
        "ID": str(entry.id),
        "ENTITY_ID": str(entry.entity_id),
        "ENTITY_TYPE": TYPE_NAMES.get(entry.entity_type_id, f"dynamic_{entry.entity_type_id}").lower(),
        "CREATED": iso(entry.created),
        "COMMENT": entry.text,
        "AUTHOR_ID": str(entry.author_id),
        "FILES": entry.files or [],
    }
