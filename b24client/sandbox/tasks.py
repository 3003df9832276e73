"""The tasks of the portal (https://apidocs.bitrix24.com/api-reference/tasks/index.html)."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any

from b24client.sandbox.wire import iso

WAITING, UNDER_WAY, FOR_CONTROL, COMPLETED, DEFERRED = "2", "3", "4", "5", "6"
STATUSES = (WAITING, UNDER_WAY, FOR_CONTROL, COMPLETED, DEFERRED)
_FIRST_ID = 3701


class Tasks:
    """All tasks, as rows by id; the fields in upper case as they come in."""

    def __init__(self) -> None:
        self.all: dict[int, dict[str, Any]] = {}
        self._next_id = _FIRST_ID

    def add(self, fields: dict[str, Any], author_id: int) -> dict[str, Any]:
        """A new task."""
        number, now = self._next_id, iso(time.time())
        self._next_id += 1
        row: dict[str, Any] = {
            "ID": str(number),
            "PARENT_ID": None,
            "TITLE": "",
            "DESCRIPTION": "",
            "MARK": None,
            "PRIORITY": "1",
            "CREATED_BY": str(author_id),
            "CREATED_DATE": now,
            "RESPONSIBLE_ID": str(author_id),
            "CHANGED_BY": str(author_id),
            "CHANGED_DATE": now,
            "STATUS_CHANGED_BY": None,
            "CLOSED_BY": None,
            "CLOSED_DATE": None,
            "ACTIVITY_DATE": now,
            "DATE_START": None,
            "DEADLINE": None,
            "START_DATE_PLAN": None,
            "END_DATE_PLAN": None,
            "GUID": f"{{{secrets.token_hex(16)}}}",
            "XML_ID": None,
            "ALLOW_CHANGE_DEADLINE": "N",
            "TASK_CONTROL": "N",
            "STATUS": WAITING,
            "STATUS_CHANGED_DATE": now,
            "GROUP_ID": "0",
            "AUDITORS": [],
            "ACCOMPLICES": [],
            "UF_CRM_TASK": [],
        }
        row.update(fields)
        self.all[number] = row
        return row

    def change(self, row: dict[str, Any], fields: dict[str, Any], editor_id: int) -> None:
        """Write fields."""
        now, before = iso(time.time()), row["STATUS"]
        row.update(fields)
        row |= {"CHANGED_BY": str(editor_id), "CHANGED_DATE": now}
        if row["STATUS"] != before:
            row |= {"STATUS_CHANGED_BY": str(editor_id), "STATUS_CHANGED_DATE": now}
            done = row["STATUS"] == COMPLETED
            row |= {"CLOSED_BY": str(editor_id) if done else "0", "CLOSED_DATE": now if done else None}

    def dump(self) -> dict[str, Any]:
        """All as JSON values."""
        return {"next_id": self._next_id, "all": list(self.all.values())}

    def load(self, kept: Mapping[str, Any]) -> None:
        """Take over what `dump` gave."""
        self.all = {int(row["ID"]): dict(row) for row in kept["all"]}
        self._next_id = int(kept["next_id"])

    def clear(self) -> None:
        """Forget all."""
        self.all.clear()
