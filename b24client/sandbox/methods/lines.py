"""`telephony.externalLine.*`: the application's outside lines; `voximplant.line.*`: the one outgoing calls take.

https://apidocs.bitrix24.com/api-reference/telephony/voximplant/lines/index.html; the sandbox has no rented numbers and
no SIP lines of its own.
"""

from __future__ import annotations

from typing import Any

from b24client.sandbox.methods.registry import Context, method
from b24client.sandbox.state import BASE_NUMBER
from b24client.sandbox.wire import RestError, core_error

_APP_LINE = "REST_APP:3"


@method("telephony.externalLine.add", "telephony", app_only=True)
async def add(context: Context) -> Any:
    """A new line; its id is a number."""
    number, lines = _number(context), context.sandbox.lines
    if number in lines:
        raise core_error("Line already exists")
    lines[number] = {"ID": len(lines) + 7, "NUMBER": number, "NAME": "", "CRM_AUTO_CREATE": "Y", **_fields(context)}
    return {"ID": lines[number]["ID"]}


@method("telephony.externalLine.update", "telephony", app_only=True)
async def update(context: Context) -> Any:
    """Change a line; its id is a string here."""
    line, fields = _line(context), _fields(context)
    if not fields:
        raise core_error("There are no fields to update")
    line.update(fields)
    return {"ID": str(line["ID"])}


@method("telephony.externalLine.delete", "telephony", app_only=True)
async def delete(context: Context) -> Any:
    """Remove a line."""
    del context.sandbox.lines[str(_line(context)["NUMBER"])]
    return []


@method("telephony.externalLine.get", "telephony", app_only=True)
async def get(context: Context) -> Any:
    """All lines."""
    lines = context.sandbox.lines.values()
    return [{name: line[name] for name in ("NUMBER", "NAME", "CRM_AUTO_CREATE")} for line in lines]


@method("voximplant.line.get", "telephony")
async def available(context: Context) -> Any:
    """The rented and SIP lines by id; none here, and an empty map is a list."""
    _demand_management(context)
    return []


@method("voximplant.line.outgoing.get", "telephony")
async def outgoing(context: Context) -> str:
    """The line outgoing calls take."""
    _demand_management(context)
    return context.sandbox.outgoing_line


@method("voximplant.line.outgoing.set", "telephony")
async def set_outgoing(context: Context) -> int:
    """Choose it; an unknown id changes nothing and is answered alike."""
    _demand_management(context)
    if (wanted := context.params.text("LINE_ID")) in (BASE_NUMBER, _APP_LINE):
        context.sandbox.outgoing_line = wanted
    return 1


def _demand_management(context: Context) -> None:
    """The right to manage numbers: here, administrators have it."""
    user = context.sandbox.people.user(context.visitor.user_id)
    if user is None or not user.admin:
        raise RestError(403, "ACCESS_DENIED", "Access denied!")


def _number(context: Context) -> str:
    number = context.params.text("NUMBER")
    if not number:
        raise core_error("NUMBER should not be empty")
    return number


def _line(context: Context) -> dict[str, str | int]:
    number = _number(context)
    if number not in context.sandbox.lines:
        raise core_error(f"Could not find line with number {number}")
    return context.sandbox.lines[number]


def _fields(context: Context) -> dict[str, str | int]:
    fields: dict[str, str | int] = {}
    if context.params.get("NAME") is not None:
        fields["NAME"] = context.params.text("NAME")
    if context.params.get("CRM_AUTO_CREATE") is not None:
        fields["CRM_AUTO_CREATE"] = "N" if context.params.text("CRM_AUTO_CREATE").upper() == "N" else "Y"
    return fields
