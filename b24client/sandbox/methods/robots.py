"""`bizproc.*`: an application's robots and workflow actions (https://apidocs.bitrix24.com/api-reference/bizproc/)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from b24client.sandbox.methods.registry import Context, method
from b24client.sandbox.robots import Kind, Robot, Run
from b24client.sandbox.wire import RestError

_CODE = re.compile(r"[A-Za-z0-9._-]+")
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_FIELDS = (
    "HANDLER", "AUTH_USER_ID", "USE_SUBSCRIPTION", "NAME", "DESCRIPTION", "PROPERTIES", "RETURN_PROPERTIES",
    "DOCUMENT_TYPE", "FILTER", "USE_PLACEMENT", "PLACEMENT_HANDLER",
)  # fmt: skip
_DENIED = RestError(400, "ACCESS_DENIED", "Access denied!")


@method("bizproc.robot.add", "bizproc")
async def robot_add(context: Context) -> bool:
    """A new robot."""
    return _add(context, "robot")


@method("bizproc.robot.update", "bizproc")
async def robot_update(context: Context) -> bool:
    """Change a robot."""
    return _update(context, "robot")


@method("bizproc.robot.delete", "bizproc")
async def robot_delete(context: Context) -> bool:
    """Remove a robot."""
    return _delete(context, "robot")


@method("bizproc.robot.list", "bizproc")
async def robot_list(context: Context) -> Any:
    """The codes of the application's robots."""
    return [robot.code for robot in context.sandbox.robots.of(_app(context), "robot")]


@method("bizproc.activity.add", "bizproc")
async def activity_add(context: Context) -> bool:
    """A new action for workflows."""
    return _add(context, "activity")


@method("bizproc.activity.update", "bizproc")
async def activity_update(context: Context) -> bool:
    """Change an action."""
    return _update(context, "activity")


@method("bizproc.activity.delete", "bizproc")
async def activity_delete(context: Context) -> bool:
    """Remove an action."""
    return _delete(context, "activity")


@method("bizproc.activity.list", "bizproc")
async def activity_list(context: Context) -> Any:
    """The codes of the application's actions."""
    return [robot.code for robot in context.sandbox.robots.of(_app(context), "activity")]


@method("bizproc.activity.log", "bizproc")
async def activity_log(context: Context) -> bool:
    """A line in the log of a process that waits for an answer."""
    message = context.params.text("LOG_MESSAGE")
    if not message:
        raise RestError(400, "ERROR_EMPTY_LOG_MESSAGE", "Empty log message!")
    _run(context).log.append(message)
    return True


@method("bizproc.event.send", "bizproc")
async def event_send(context: Context) -> bool:
    """The answer a robot's process waits for; it is taken once."""
    run = _run(context)
    run.return_values = context.params.map("RETURN_VALUES")
    run.log.append(context.params.text("LOG_MESSAGE") or "Received response from the application.")
    run.answered = True
    return True


def _run(context: Context) -> Run:
    run = context.sandbox.robots.waiting(context.params.text("EVENT_TOKEN"))
    if run is None:
        raise _DENIED
    return run


def _app(context: Context) -> str:
    """The application, acting for an administrator."""
    if not context.visitor.app:
        raise RestError(400, "ACCESS_DENIED", "Application context required")
    user = context.sandbox.people.user(context.visitor.user_id)
    if user is None or not user.admin:
        raise _DENIED
    return context.visitor.app


def _add(context: Context, kind: Kind) -> bool:
    app, params, robots = _app(context), context.params, context.sandbox.robots
    if not params.raw:
        raise _invalid("Empty data!")
    code = _code(context)
    handler = _handler(params.text("HANDLER"))
    if not params.get("NAME"):
        raise _invalid("Empty activity NAME!")
    fields = {name: params.get(name) for name in _FIELDS if params.get(name) is not None}
    _check(fields)
    if robots.find(app, kind, code) is not None:
        raise RestError(400, "ERROR_ACTIVITY_ALREADY_INSTALLED", "Activity or Robot already installed!")
    robots.known.append(Robot(app, kind, code, handler, fields))
    return True


def _update(context: Context, kind: Kind) -> bool:
    robot = _found(context, kind)
    given = {key.upper(): value for key, value in context.params.map("FIELDS").items()}
    fields = {name: given[name] for name in _FIELDS if name in given}
    if not fields:
        raise _invalid("No fields to update")
    if "HANDLER" in fields:
        robot.handler = _handler(str(fields["HANDLER"]))
    _check(fields)
    robot.fields.update(fields)
    return True


def _delete(context: Context, kind: Kind) -> bool:
    context.sandbox.robots.known.remove(_found(context, kind))
    return True


def _found(context: Context, kind: Kind) -> Robot:
    robot = context.sandbox.robots.find(_app(context), kind, _code(context))
    if robot is None:
        raise RestError(400, "ERROR_ACTIVITY_NOT_FOUND", "Activity or Robot not found!")
    return robot


def _code(context: Context) -> str:
    code = context.params.text("CODE")
    if not code:
        raise _invalid("Empty activity code!")
    if not _CODE.fullmatch(code):
        raise _invalid("Wrong activity code!")
    return code


def _handler(address: str) -> str:
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        raise RestError(400, "ERROR_WRONG_HANDLER_URL", "Wrong handler URL") from None
    if parts.scheme and parts.scheme not in ("http", "https"):
        raise RestError(400, "ERROR_UNSUPPORTED_PROTOCOL", "Unsupported handler protocol")
    if not parts.scheme or not host:
        raise RestError(400, "ERROR_WRONG_HANDLER_URL", "Wrong handler URL")
    return address


def _check(fields: dict[str, Any]) -> None:
    for name in ("PROPERTIES", "RETURN_PROPERTIES"):
        described = fields.get(name)
        if described in (None, "", []):
            continue
        if not isinstance(described, dict):
            raise _invalid("Wrong properties array!")
        for key, about in described.items():
            if not _KEY.fullmatch(key):
                raise _invalid(f"Wrong property key {key}!")
            if not isinstance(about, dict) or not any(k.upper() == "NAME" and v for k, v in about.items()):
                raise _invalid(f"Empty property NAME {key}!")
    if "FILTER" in fields and not (
        isinstance(fields["FILTER"], dict) and {*fields["FILTER"]} <= {"INCLUDE", "EXCLUDE"}
    ):
        raise _invalid("Wrong activity FILTER!")
    kind = fields.get("DOCUMENT_TYPE")
    if kind is not None and not (
        isinstance(kind, list) and len(kind) == 3 and all(isinstance(part, str) for part in kind)
    ):
        raise _invalid("Wrong activity DOCUMENT_TYPE!")


def _invalid(text: str) -> RestError:
    return RestError(400, "ERROR_ACTIVITY_VALIDATION_FAILURE", text)
