"""`im.*`: notifications and messages (https://apidocs.bitrix24.com/api-reference/chats/notifications/index.html)."""

from __future__ import annotations

from typing import Any, Literal

import orjson

from b24client.sandbox.methods.registry import Context, method
from b24client.sandbox.wire import RestError

ATTACH_MOST = 60_000
"""Longest attachment, characters of JSON."""


@method("im.notify", "im")
async def notify(context: Context) -> Any:
    """A notification; its id, or false when there is nobody to get it."""
    return _notified(context, "SYSTEM" if context.params.text("TYPE").upper() == "SYSTEM" else "USER")


@method("im.notify.personal.add", "im")
async def notify_personal(context: Context) -> Any:
    """A notification in the caller's name."""
    return _notified(context, "USER")


@method("im.notify.system.add", "im")
async def notify_system(context: Context) -> Any:
    """A notification in nobody's name."""
    return _notified(context, "SYSTEM")


@method("im.message.add", "im")
async def message_add(context: Context) -> int:
    """A message to an employee (his number) or into a chat (`chat` and a number); its id."""
    params = context.params
    dialog = params.text("DIALOG_ID")
    if dialog.lower().startswith("chat"):
        if not dialog[4:].isdecimal():
            raise RestError(400, "CHAT_ID_EMPTY", "Chat ID can't be empty")
    elif not dialog.isdecimal() or int(dialog) <= 0:
        raise RestError(400, "USER_ID_EMPTY", "User ID can't be empty")
    elif context.sandbox.people.user(int(dialog)) is None:
        raise RestError(400, "ACCESS_ERROR", "You don't have access to send a message to this dialog")
    message, attach = params.text("MESSAGE"), _attach(context)
    if not message and attach is None:
        raise RestError(400, "MESSAGE_EMPTY", "Message can't be empty")
    return context.sandbox.notices.add(
        "MESSAGE",
        user_id=int(dialog) if dialog.isdecimal() else 0,
        dialog_id=dialog,
        author_id=context.visitor.user_id,
        app=context.visitor.name,
        message=message,
        attach=attach,
    ).id


def _notified(context: Context, kind: Literal["USER", "SYSTEM"]) -> Any:
    params = context.params
    user_id, message = params.number("USER_ID"), params.text("MESSAGE")
    if user_id <= 0:
        raise RestError(400, "USER_ID_EMPTY", "User ID can't be empty")
    if not message:
        raise RestError(400, "MESSAGE_EMPTY", "Message can't be empty")
    attach = _attach(context)
    user = context.sandbox.people.user(user_id)
    if user is None or not user.active:
        return False
    owner = context.visitor.app or params.text("CLIENT_ID")
    return context.sandbox.notices.add(
        kind,
        user_id=user_id,
        dialog_id=str(user_id),
        author_id=context.visitor.user_id if kind == "USER" else 0,
        app=owner,
        message=message,
        message_out=params.text("MESSAGE_OUT"),
        tag=params.text("TAG") if owner else "",
        sub_tag=params.text("SUB_TAG") if owner else "",
        attach=attach,
    ).id


def _attach(context: Context) -> Any:
    """The attachment, which may come as JSON text."""
    given = context.params.get("ATTACH")
    if given in (None, "", [], {}):
        return None
    if isinstance(given, str):
        if len(given) > ATTACH_MOST:
            raise _oversize()
        try:
            given = orjson.loads(given)
        except orjson.JSONDecodeError:
            given = None
    if not isinstance(given, dict | list) or not given:
        raise RestError(400, "ATTACH_ERROR", "Incorrect attach params")
    if len(orjson.dumps(given)) > ATTACH_MOST:
        raise _oversize()
    return given


def _oversize() -> RestError:
    return RestError(400, "ATTACH_OVERSIZE", "You have exceeded the maximum allowable size of attach")
