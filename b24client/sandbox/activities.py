"""The activities of the CRM: calls that were, meetings, to-dos.

https://apidocs.bitrix24.com/api-reference/crm/timeline/activities/index.html
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from b24client.sandbox.calls import Call, Finish
from b24client.sandbox.owners import TYPE_NUMBERS
from b24client.sandbox.wire import iso

MEETING, CALL, TASK, EMAIL, PROVIDER = "1", "2", "3", "4", "6"
WAITING, COMPLETED = "1", "2"
_PROVIDERS = {MEETING: ("CRM_MEETING", "MEETING"), CALL: ("VOXIMPLANT_CALL", "CALL"), EMAIL: ("CRM_EMAIL", "EMAIL")}
_INCOMING = (2, 3)
_FIRST_ID = 7001


@dataclass(slots=True)
class Activity:
    """An activity: its row as `crm.activity.*` tells it, and what hangs on it."""

    row: dict[str, Any]
    bindings: list[tuple[int, int]]
    """Type and id of the entities it belongs to, its owner first."""
    communications: list[dict[str, Any]] = field(default_factory=list)
    ping_offsets: list[int] = field(default_factory=list)
    """Minutes before the deadline at which the responsible is reminded."""
    color_id: str = ""
    parent_id: int = 0

    @property
    def id(self) -> int:
        """Its number."""
        return int(self.row["ID"])

    @property
    def completed(self) -> bool:
        """Whether it is done."""
        return bool(self.row["COMPLETED"] == "Y")

    def change(self, fields: dict[str, str], editor_id: int) -> None:
        """Write fields. A deadline follows the beginning of a call or meeting; what is completed has its status."""
        self.row.update(fields)
        if "START_TIME" in fields and self.row["TYPE_ID"] in (MEETING, CALL):
            self.row["DEADLINE"] = fields["START_TIME"]
        self.row["STATUS"] = COMPLETED if self.completed else WAITING
        self.row["EDITOR_ID"] = str(editor_id)
        self.row["LAST_UPDATED"] = iso(time.time())

    def told(self) -> dict[str, Any]:
        """The activity for people and programs that watch the sandbox."""
        return {
            **self.row,
            "BINDINGS": [{"OWNER_TYPE_ID": kind, "OWNER_ID": number} for kind, number in self.bindings],
            "COMMUNICATIONS": self.communications,
            "PING_OFFSETS": self.ping_offsets,
            "COLOR_ID": self.color_id,
        }


class Activities:
    """All activities of the portal."""

    def __init__(self) -> None:
        self.all: dict[int, Activity] = {}
        self._next_id = _FIRST_ID

    def get(self, activity_id: int) -> Activity | None:
        """An activity by id."""
        return self.all.get(activity_id)

    def add(
        self,
        fields: dict[str, str],
        bindings: list[tuple[int, int]],
        author_id: int,
        communications: list[dict[str, Any]] | None = None,
    ) -> Activity:
        """A new activity; `fields` in the portal's names and notation."""
        number, now = self._next_id, iso(time.time())
        self._next_id += 1
        kind = fields["TYPE_ID"]
        provider, provider_type = _PROVIDERS.get(kind, (None, None))
        row: dict[str, Any] = {
            "ID": str(number),
            "OWNER_ID": str(bindings[0][1]),
            "OWNER_TYPE_ID": str(bindings[0][0]),
            "TYPE_ID": kind,
            "PROVIDER_ID": provider,
            "PROVIDER_TYPE_ID": provider_type,
            "PROVIDER_GROUP_ID": None,
            "ASSOCIATED_ENTITY_ID": "0",
            "SUBJECT": "",
            "CREATED": now,
            "LAST_UPDATED": now,
            "START_TIME": now,
            "END_TIME": now,
            "DEADLINE": "",
            "COMPLETED": "N",
            "STATUS": WAITING,
            "RESPONSIBLE_ID": str(author_id),
            "PRIORITY": "2",
            "NOTIFY_TYPE": "0",
            "NOTIFY_VALUE": "0",
            "DESCRIPTION": "",
            "DESCRIPTION_TYPE": "1",
            "DIRECTION": "0",
            "LOCATION": "",
            "SETTINGS": [],
            "ORIGINATOR_ID": None,
            "ORIGIN_ID": None,
            "AUTHOR_ID": str(author_id),
            "EDITOR_ID": str(author_id),
            "PROVIDER_PARAMS": [],
            "PROVIDER_DATA": None,
            "RESULT_MARK": "0",
            "RESULT_VALUE": None,
            "RESULT_SUM": None,
            "RESULT_CURRENCY_ID": None,
            "RESULT_STATUS": "0",
            "RESULT_STREAM": "0",
            "RESULT_SOURCE_ID": None,
            "AUTOCOMPLETE_RULE": "0",
        }
        activity = self.all[number] = Activity(row, bindings, communications or [])
        activity.change({"START_TIME": now, **fields}, author_id)
        return activity

    def add_call(self, call: Call, ended: Finish) -> Activity | None:
        """What the telephony writes down of a call; nothing when it belongs to nobody in the CRM.

        A missed call stays to be done by the one it is credited to.
        """
        if call.client is None:
            return None
        incoming = call.type in _INCOMING
        missed = incoming and ended.status_code != "200"
        owner = (TYPE_NUMBERS[call.client.entity_type], call.client.id)
        begun, over = iso(call.call_start_date), iso(max(call.call_start_date, ended.at))
        fields = {
            "TYPE_ID": CALL,
            "SUBJECT": f"{'Incoming' if incoming else 'Outgoing'} call {call.client.name}",
            "START_TIME": begun,
            "END_TIME": over,
            "COMPLETED": "N" if missed else "Y",
            "RESPONSIBLE_ID": str(ended.user_id),
            "DIRECTION": "1" if incoming else "2",
            "ORIGIN_ID": f"VI_{call.call_id}",
        }
        communication = {
            "TYPE": "PHONE",
            "VALUE": call.phone_number,
            "ENTITY_ID": str(owner[1]),
            "ENTITY_TYPE_ID": str(owner[0]),
        }
        return self.add(fields, [owner], ended.user_id, [communication])

    def remove(self, activity_id: int) -> None:
        """Delete one."""
        del self.all[activity_id]

    def dump(self) -> dict[str, Any]:
        """All as JSON values."""
        return {"next_id": self._next_id, "all": [asdict(activity) for activity in self.all.values()]}

    def load(self, kept: Mapping[str, Any]) -> None:
        """Take over what `dump` gave."""
        known = [
            Activity(**{**row, "bindings": [(kind, number) for kind, number in row["bindings"]]}) for row in kept["all"]
        ]
        self.all = {activity.id: activity for activity in known}
        self._next_id = int(kept["next_id"])

    def clear(self) -> None:
        """Forget all."""
        self.all.clear()
