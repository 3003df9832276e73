"""`event.*`: what the portal posts to whom (https://apidocs.bitrix24.com/api-reference/events/index.html)."""

from __future__ import annotations

from typing import Any

from b24client.sandbox.methods.registry import Context, method
from b24client.sandbox.postman import QUEUE_EVENT, Binding
from b24client.sandbox.wire import RestError, argument_error

_CRM = ("CONTACT", "COMPANY", "LEAD", "DEAL", "ACTIVITY", "TIMELINECOMMENT", "DYNAMICITEM")
BY_SCOPE: dict[str, tuple[str, ...]] = {
    "": ("ONAPPINSTALL", "ONAPPUNINSTALL", "ONAPPUPDATE", "ONAPPTEST", "ONAPPMETHODCONFIRM", QUEUE_EVENT),
    "telephony": (
        "ONEXTERNALCALLSTART", "ONEXTERNALCALLBACKSTART", "ONVOXIMPLANTCALLINIT", "ONVOXIMPLANTCALLSTART",
        "ONVOXIMPLANTCALLEND",
    ),
    "crm": tuple(f"ONCRM{entity}{change}" for entity in _CRM for change in ("ADD", "UPDATE", "DELETE")),
    "user": ("ONUSERADD",),
    "task": ("ONTASKADD", "ONTASKUPDATE", "ONTASKDELETE", "ONTASKCOMMENTADD"),
}  # fmt: skip
EVENTS = tuple(event for events in BY_SCOPE.values() for event in events)
_OFFLINE = {event for scope in ("crm", "user", "task") for event in BY_SCOPE[scope]}
"""Changes of something kept. The documentation does not say that telephone calls may be fetched later."""
_RIGHTS = "Access denied! {} requires administrator access rights"


@method("event.bind", app_only=True)
async def bind(context: Context) -> bool:
    """Have an event posted to an address, or kept in the queue."""
    params, postman = context.params, context.sandbox.postman
    event, handler = params.text("event").upper(), params.text("handler")
    offline = params.text("event_type").lower() == "offline"
    if not event:
        raise argument_error("EVENT")
    if event not in EVENTS or (offline and event not in _OFFLINE):
        raise RestError(400, "ERROR_EVENT_NOT_FOUND", "Event not found")
    auth_type = _auth_type(context, offline=offline)
    if offline:
        connector = params.text("auth_connector")
        known = any(b.event == event and b.offline and b.auth_connector == connector for b in postman.bindings)
    else:
        connector, known = "", _bound(context, event, handler, auth_type)
    if known:
        raise RestError(400, "ERROR_CORE", "Unable to set event handler: Handler already binded")
    timeout = params.map("options").get("minTimeout", 1)
    postman.bind(
        event, "" if offline else handler, auth_type, offline=offline, auth_connector=connector,
        min_timeout=int(timeout) if str(timeout).isdecimal() else 1,
    )  # fmt: skip
    return True


def _auth_type(context: Context, *, offline: bool) -> int:
    """As whom an event is posted. Raises RestError when the caller may not choose."""
    user = context.sandbox.people.user(context.visitor.user_id)
    wanted = context.params.number("auth_type")
    if user is not None and user.admin:
        return wanted
    if offline:
        raise RestError(403, "ACCESS_DENIED", _RIGHTS.format("Offline events binding"))
    if wanted not in (0, context.visitor.user_id):
        raise RestError(403, "ACCESS_DENIED", _RIGHTS.format("Event binding with AUTH_TYPE"))
    return context.visitor.user_id


def _bound(context: Context, event: str, handler: str, auth_type: int) -> bool:
    if not handler:
        raise argument_error("HANDLER")
    if not handler.startswith(("http://", "https://")):
        raise RestError(400, "ERROR_UNSUPPORTED_PROTOCOL", "Unsupported event handler protocol")
    return any(
        (b.event, b.handler, b.auth_type, b.offline) == (event, handler, auth_type, False)
        for b in context.sandbox.postman.bindings
    )


@method("event.get", app_only=True)
async def get(context: Context) -> Any:
    """What is bound."""
    return [_told(binding) for binding in context.sandbox.postman.bindings]


def _told(binding: Binding) -> dict[str, Any]:
    if binding.offline:
        told: dict[str, Any] = {"event": binding.event, "offline": 1}
        return told | ({"auth_connector": binding.auth_connector} if binding.auth_connector else {})
    return {
        "event": binding.event,
        "handler": binding.handler,
        "auth_type": str(binding.auth_type),
        "offline": 0,
    }


@method("event.unbind", app_only=True)
async def unbind(context: Context) -> Any:
    """Stop posting, or keeping; without parameters everything."""
    params, postman = context.params, context.sandbox.postman
    event, handler = params.text("event").upper(), params.text("handler")
    kind = params.text("event_type").lower() or ("online" if event else "")
    as_whom = params.number("auth_type") if params.get("auth_type") is not None else None
    gone = [
        b
        for b in postman.bindings
        if event in ("", b.event)
        and handler in ("", b.handler)
        and as_whom in (None, b.auth_type)
        and kind in ("", "offline" if b.offline else "online")
    ]
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
    """The names of the events: of one scope, of the caller's own, or of all with FULL."""
    params = context.params
    if params.get("SCOPE") is not None:
        return list(BY_SCOPE.get(params.text("SCOPE"), ()))
    full = params.text("FULL").lower() in ("1", "true", "y")
    granted = {"", *context.visitor.scope}
    return [event for scope, names in BY_SCOPE.items() if full or scope in granted for event in names]
