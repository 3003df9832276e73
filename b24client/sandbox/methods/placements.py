"""`placement.*`: showing the application in the portal's pages.

https://apidocs.bitrix24.com/api-reference/widgets/placement-bind.html and its neighbours. Some refusals come under HTTP
200, as the documentation lists them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from b24client.sandbox.methods.registry import Context, method
from b24client.sandbox.placements import ALONE, SCOPES, WORKER, Placement
from b24client.sandbox.wire import RestError, argument_error, php_array

_NO_APP = RestError(
    403, "WRONG_AUTH_TYPE", "Current authorization type is denied for this method Application context required"
)
_TEXTS = ("TITLE", "DESCRIPTION", "GROUP_NAME")


@method("placement.bind", "placement")
async def bind(context: Context) -> bool:
    """Put a handler in a place."""
    _app(context)
    _admin(context)
    params, placements = context.params, context.sandbox.placements
    code, handler, user_id = _text(context, "PLACEMENT"), _text(context, "HANDLER"), params.number("USER_ID")
    if code not in SCOPES:
        raise RestError(400, "ERROR_PLACEMENT_NOT_FOUND", "Placement not found")
    if SCOPES[code] not in ("", *context.visitor.scope):
        raise RestError(400, "ERROR_PLACEMENT_NOT_FOUND", "Placement not found")
    _check_address(handler)
    if user_id and code != WORKER:
        raise RestError(200, "ERROR_PLACEMENT_USER_MODE", "User mode is not available")
    options = params.map("OPTIONS") if code in (WORKER,) or code.startswith("IM_") else {}
    if code == WORKER and not options.get("errorHandlerUrl"):
        raise RestError(200, "EMPTY_ERROR_HANDLER_URL", "Option errorHandlerUrl is required")
    there = placements.find(code)
    if code in ALONE and any(p.user_id == user_id for p in there):
        raise RestError(200, "ERROR_PLACEMENT_MAX_COUNT", "Placement max count is exceeded")
    if any(p.handler == handler and p.user_id == user_id and p.title == _title(context) for p in there):
        raise RestError(400, "ERROR_CORE", "Unable to set placement handler: Handler already binded")
    placements.add(
        Placement(
            id=0, placement=code, handler=handler, user_id=user_id, title=_title(context),
            description=params.text("DESCRIPTION"), group=params.text("GROUP_NAME"),
            lang_all=_languages(params.map("LANG_ALL")), options=dict(options),
        )
    )  # fmt: skip
    context.sandbox.desks.reset()
    return True


@method("placement.unbind", "placement")
async def unbind(context: Context) -> Any:
    """Take handlers out of a place. The portal counts each twice: when it is found and when it is gone."""
    _app(context)
    _admin(context)
    params, placements = context.params, context.sandbox.placements
    code, handler = _text(context, "PLACEMENT", 400), params.text("HANDLER")
    gone = [
        placement
        for placement in placements.find(code)
        if handler in ("", placement.handler)
        and (params.get("USER_ID") is None or placement.user_id == params.number("USER_ID"))
    ]
    placements.remove(gone)
    context.sandbox.desks.reset()
    return {"count": 2 * len(gone)}


@method("placement.get", "placement")
async def get(context: Context) -> Any:
    """The handlers of the application."""
    _app(context)
    _admin(context)
    return [_told(placement) for placement in context.sandbox.placements.all]


@method("placement.list", "placement")
async def list_(context: Context) -> Any:
    """The places there are: of one scope, of the caller's own, or of all with FULL."""
    _app(context)
    params = context.params
    if scope := params.text("SCOPE"):
        return [code for code, needed in SCOPES.items() if needed == scope]
    full = params.text("FULL").lower() in ("1", "true", "y")
    return [code for code, needed in SCOPES.items() if full or needed in ("", *context.visitor.scope)]


def _app(context: Context) -> None:
    if not context.visitor.app:
        raise _NO_APP


def _admin(context: Context) -> None:
    user = context.sandbox.people.user(context.visitor.user_id)
    if user is None or not user.admin:
        raise RestError(403, "ACCESS_DENIED", "Access denied!")


def _text(context: Context, name: str, status: int = 200) -> str:
    """A required string."""
    value = context.params.get(name)
    if value in (None, "", [], {}):
        raise argument_error(name, status)
    if not isinstance(value, str):
        text = f"The value of an argument '{name}' must be of type string"
        raise RestError(400, "ERROR_ARGUMENT", text, argument=name)
    return value.strip() if name == "HANDLER" else value.strip().upper()


def _check_address(handler: str) -> None:
    try:
        parts = urlsplit(handler)
    except ValueError:
        raise RestError(400, "ERROR_WRONG_HANDLER_URL", "Wrong handler URL") from None
    if parts.scheme not in ("http", "https"):
        raise RestError(400, "ERROR_UNSUPPORTED_PROTOCOL", "Unsupported handler protocol")
    if not parts.hostname:
        raise RestError(400, "ERROR_WRONG_HANDLER_URL", "Wrong handler URL")


def _title(context: Context) -> str:
    return context.params.text("TITLE")


def _languages(given: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    return {
        str(language): {name: str(texts.get(name, "")) for name in _TEXTS}
        for language, texts in given.items()
        if isinstance(texts, Mapping)
    }


def _told(placement: Placement) -> dict[str, Any]:
    return {
        "placement": placement.placement,
        "userId": placement.user_id,
        "handler": placement.handler,
        "options": php_array(placement.options),
        "title": placement.title,
        "description": placement.description,
        "langAll": php_array(placement.lang_all),
    }
