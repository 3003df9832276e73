"""`event.*`: what the portal posts to whom (https://apidocs.bitrix24.com/api-reference/events/index.html)."""

from __future__ import annotations

from typing import Any

from b24client.sandbox.methods.registry import Context, method
from b24client.sandbox.wire import RestError

EVENTS = (
    "ONAPPINSTALL", "ONAPPUNINSTALL", "ONAPPTEST", "ONEXTERNALCALLSTART", "ONEXTERNALCALLBACKSTART",
    "ONVOXIMPLANTCALLINIT", "ONVOXIMPLANTCALLSTART", "ONVOXIMPLANTCALLEND",
    "ONCRMACTIVITYADD", "ONCRMACTIVITYUPDATE", "ONCRMACTIVITYDELETE",
    "ONCRMCONTACTADD", "ONCRMCONTACTUPDATE", "ONCRMCONTACTDELETE", "ONCRMCOMPANYADD", "ONCRMCOMPANYUPDATE",
    "ONCRMCOMPANYDELETE", "ONCRMLEADADD", "ONCRMLEADUPDATE", "ONCRMLEADDELETE", "ONCRMDEALADD", "ONCRMDEALUPDATE",
    "ONCRMDEALDELETE", "ONCRMDYNAMICITEMADD", "ONCRMDYNAMICITEMUPDATE", "ONCRMDYNAMICITEMDELETE", "ONUSERADD",
)  # fmt: skip


@method("event.bind", app_only=True)
async def bind(context: Context) -> bool:
    """Have an event posted to an address."""
    params, postman = context.params, context.sandbox.postman
    event, handler = params.text("event").upper(), params.text("handler")
    if event not in EVENTS:
        raise RestError(400, "ERROR_EVENT_NOT_FOUND", "Event not found")
    if not handler.startswith(("http://", "https://")):
        raise RestError(400, "ERROR_UNSUPPORTED_PROTOCOL", "Unsupported event handler protocol")
    if any(binding.handler == handler for binding in postman.bound(event)):
        raise RestError(400, "ERROR_CORE", "Unable to set event handler: Handler already binded")
    postman.bind(event, handler, params.number("auth_type"))
    return True


@method("event.get", app_only=True)
async def get(context: Context) -> Any:
    """What is bound."""
    return [
        {"event": binding.event, "handler": binding.handler, "auth_type": str(binding.auth_type), "offline": 0}
        for binding in context.sandbox.postman.bindings
    ]


@method("event.unbind", app_only=True)
async def unbind(context: Context) -> Any:
    """Stop posting; without parameters everything."""
    params, postman = context.params, context.sandbox.postman
    event, handler = params.text("event").upper(), params.text("handler")
    gone = [b for b in postman.bindings if event in ("", b.event) and handler in ("", b.handler)]
    postman.bindings = [binding for binding in postman.bindings if binding not in gone]
    return {"count": len(gone)}


@method("event.test", app_only=True)
async def test(context: Context) -> int:
    """Post ONAPPTEST to whom it may concern."""
    data = {"QUERY": context.params.raw, "LANGUAGE_ID": "en"}
    context.sandbox.postman.emit("ONAPPTEST", data, context.visitor.user_id, context.base)
    return 1


@method("events")
async def events(context: Context) -> Any:
    """The names of all events."""
    return list(EVENTS)
