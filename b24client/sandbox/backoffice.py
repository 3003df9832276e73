"""The part of `/sandbox/api/` that is about people and what they have to do, and about robots."""

from __future__ import annotations

import time
from typing import Any

from aiohttp import web
from pydantic import Field

from b24client.sandbox.control import Order, body
from b24client.sandbox.state import SANDBOX
from b24client.sandbox.wire import json_response

_WAIT_SECONDS = 3600
"""How long a process waits for an application's answer, as told to its handler."""

routes = web.RouteTableDef()


class RobotOrder(Order):
    """A document has reached a robot. `document`: module, kind and name of it, such as DEAL_10."""

    code: str
    kind: str = Field(default="robot", pattern="^(robot|activity)$")
    document: list[str] = Field(
        default_factory=lambda: ["crm", "CCrmDocumentDeal", "DEAL_1"], min_length=3, max_length=3
    )
    properties: dict[str, Any] = Field(default_factory=dict)


class ConfirmOrder(Order):
    """An administrator's word on an application's wish to call a method."""

    method: str = Field(min_length=1)
    allow: bool = True


@routes.get("/sandbox/api/notifications")
async def notifications(request: web.Request) -> web.Response:
    """What reached the employees, or one of them (`user_id`)."""
    notices = request.app[SANDBOX].notices
    wanted = request.query.get("user_id", "")
    found = notices.of(int(wanted)) if wanted.isdecimal() else notices.all
    return json_response([notice.told() for notice in found])


@routes.get("/sandbox/api/activities")
async def activities(request: web.Request) -> web.Response:
    """The activities of the CRM."""
    return json_response([activity.told() for activity in request.app[SANDBOX].activities.all.values()])


@routes.get("/sandbox/api/timeline")
async def timeline(request: web.Request) -> web.Response:
    """Comments and log entries."""
    return json_response([entry.told() for entry in request.app[SANDBOX].timeline.all])


@routes.get("/sandbox/api/tasks")
async def tasks(request: web.Request) -> web.Response:
    """The tasks."""
    return json_response(list(request.app[SANDBOX].tasks.all.values()))


@routes.get("/sandbox/api/robots")
async def robots(request: web.Request) -> web.Response:
    """The robots there are, and their runs."""
    kept = request.app[SANDBOX].robots
    known = [{"kind": robot.kind, "code": robot.code, "handler": robot.handler, **robot.fields} for robot in kept.known]
    return json_response({"robots": known, "runs": [run.told() for run in kept.runs.values()]})


@routes.post("/sandbox/api/robot")
async def run_robot(request: web.Request) -> web.Response:
    """A document reaches a robot: its handler gets the form; `status` is what it answered (0: nothing)."""
    sandbox, base = request.app[SANDBOX], request.app[SANDBOX].base(request)
    order: RobotOrder = await body(request, RobotOrder)
    robot = next((r for r in sandbox.robots.known if (r.kind, r.code) == (order.kind, order.code)), None)
    if robot is None:
        raise web.HTTPNotFound(text="no such robot")
    run = sandbox.robots.start(robot, order.document, order.properties)
    module, kind, document = order.document
    fields = {
        "workflow_id": run.workflow_id,
        "code": robot.code,
        "document_id": [module, kind, document],
        "document_type": [module, kind, document.rpartition("_")[0] or document],
        "event_token": run.event_token,
        "properties": run.properties,
        "use_subscription": "Y" if robot.subscribed else "N",
        "timeout_duration": _WAIT_SECONDS if robot.subscribed else 0,
        "ts": int(time.time()),
        "auth": sandbox.postman.auth_block(robot.auth_user_id or _administrator(request), base),
    }
    delivery = await sandbox.postman.post(robot.handler, fields)
    return json_response({"event_token": run.event_token, "status": delivery.status})


@routes.post("/sandbox/api/confirm")
async def confirm(request: web.Request) -> web.Response:
    """Allow an application a method that needs an administrator's word, or deny it."""
    order: ConfirmOrder = await body(request, ConfirmOrder)
    request.app[SANDBOX].confirmations[order.method.lower()] = order.allow
    return json_response({"method": order.method, "allow": order.allow})


def _administrator(request: web.Request) -> int:
    users = request.app[SANDBOX].people.users
    return next((user.id for user in users.values() if user.admin), min(users, default=1))
