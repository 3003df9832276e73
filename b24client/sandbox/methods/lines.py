"""`telephony.externalLine.*`: the application's outside lines."""

from __future__ import annotations

from typing import Any

from b24client.sandbox.methods.registry import Context, method
from b24client.sandbox.wire import core_error


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
