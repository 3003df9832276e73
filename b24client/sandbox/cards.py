"""What a call card tells the application shown in it.

Facts: https://apidocs.bitrix24.com/api-reference/widgets/telephony/call-card.html
"""

from __future__ import annotations

from typing import Any

import orjson

from b24client.sandbox.calls import Call
from b24client.sandbox.state import Sandbox

_DIRECTIONS = {1: "outgoing", 2: "incoming", 3: "incoming", 4: "callback", 5: "outgoing"}


def card_status(sandbox: Sandbox, call: Call) -> dict[str, Any]:
    """The card with numbers and booleans as JavaScript has them, as `getStatus` answers."""
    client, line = call.client, sandbox.lines.get(call.line_number, {})
    status: dict[str, Any] = {
        "CALL_ID": call.call_id,
        "LINE_NUMBER": call.line_number,
        "LINE_NAME": str(line.get("NAME", "")),
        "CRM_ENTITY_TYPE": client.entity_type if client else "",
        "CRM_ENTITY_ID": client.id if client else 0,
        "CRM_BINDINGS": [{"ENTITY_TYPE": client.entity_type, "ENTITY_ID": client.id}] if client else [],
        "CALL_DIRECTION": _DIRECTIONS.get(call.type, "incoming"),
        "CALL_STATE": "idle" if call.finish else "connecting",
        "CALL_LIST_MODE": False,
    }
    if call.digits:
        status["PHONE_NUMBER"] = call.phone_number
    return status


def card_options(status: dict[str, Any]) -> dict[str, Any]:
    """The card as PLACEMENT_OPTIONS tell it: everything is a string, what is not there says so in its own way."""
    options: dict[str, Any] = {"CRM_ACTIVITY_ID": "undefined"}
    for name, value in status.items():
        if isinstance(value, bool):
            options[name] = "true" if value else "false"
        elif isinstance(value, list):
            if value:
                options[name] = [{key: str(item) for key, item in binding.items()} for binding in value]
        else:
            options[name] = str(value)
    return options


def as_json(options: dict[str, Any]) -> str:
    """PLACEMENT_OPTIONS as they are posted."""
    return orjson.dumps(options).decode()
