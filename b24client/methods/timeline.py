"""The timelines of the CRM's entities (https://apidocs.bitrix24.com/api-reference/crm/timeline/index.html)."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping
from typing import Any

from b24client.budget import Priority
from b24client.caller import Caller
from b24client.errors import BadReply
from b24client.lists import ListMethod, iterate
from b24client.php import Identifier, Moment, Reply, Text, new_id, read, read_all

_ADD = "crm.timeline.comment.add"
_LIST = ListMethod("crm.timeline.comment.list", by_id=False)
_LOG = "crm.timeline.logmessage.add"


class Comment(Reply):
    """A comment in a timeline."""

    id: int
    entity_id: Identifier = None
    entity_type: Text = ""
    created: Moment = None
    comment: Text = ""
    author_id: Identifier = None


class LogEntry(Reply):
    """An entry of the log in a timeline."""

    model_config = Reply.model_config | {"alias_generator": None}

    id: int
    created: Moment = None
    title: Text = ""
    text: Text = ""


class Timeline:
    """`crm.timeline.*`; scope `crm`. Entities are named by type (`contact`, `dynamic_128`) and id."""

    def __init__(self, portal: Caller) -> None:
        self._portal = portal

    async def comment(
        self,
        entity_type: str,
        entity_id: int,
        text: str,
        *,
        author_id: int | None = None,
        files: Mapping[str, bytes] | None = None,
        priority: Priority = Priority.SYNC,
    ) -> int:
        """Write a comment, with files by name perhaps; its id. Raises ValueError for an empty one."""
        if not text.strip():
            raise ValueError("comment: it is empty")
        fields: dict[str, Any] = {"ENTITY_TYPE": entity_type.lower(), "ENTITY_ID": entity_id, "COMMENT": text}
        if author_id is not None:
            fields["AUTHOR_ID"] = author_id
        if files:
            fields["FILES"] = [[name, base64.b64encode(content).decode()] for name, content in files.items()]
        return new_id(_ADD, await self._portal.call(_ADD, {"fields": fields}, priority=priority))

    async def comments(self, entity_type: str, entity_id: int) -> AsyncIterator[Comment]:
        """The comments of an entity, the oldest first."""
        wanted = {"ENTITY_TYPE": entity_type.lower(), "ENTITY_ID": entity_id}
        async for row in iterate(self._portal, _LIST, {"filter": wanted}):
            yield read(Comment, _LIST.name, row)

    async def latest_comments(
        self, entity_type: str, entity_id: int, *, priority: Priority = Priority.SYNC
    ) -> list[Comment]:
        """The last comments of an entity, the newest first: a page of them (50)."""
        wanted = {"ENTITY_TYPE": entity_type.lower(), "ENTITY_ID": entity_id}
        page = await self._portal.call(_LIST.name, {"filter": wanted, "order": {"ID": "DESC"}}, priority=priority)
        return read_all(Comment, _LIST.name, page)

    async def log(self, entity_type_id: int, entity_id: int, title: str, text: str, *, icon: str = "info") -> LogEntry:
        """Write an entry of the log; `icon` is a code of `crm.timeline.icon.list`."""
        fields = {"entityTypeId": int(entity_type_id), "entityId": entity_id, "title": title, "text": text}
        result = await self._portal.call(_LOG, {"fields": {**fields, "iconCode": icon}}, priority=Priority.SYNC)
        if not isinstance(result, Mapping):
            raise BadReply(_LOG, "", "result: no logMessage")
        return read(LogEntry, _LOG, result.get("logMessage"))
