"""The other side of the sandbox, for tests, demonstrations and people: `/sandbox/api/...`, JSON, no authorisation."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict
from typing import Any

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from b24client.sandbox.audit import audit
from b24client.sandbox.calls import Call, new_call_id
from b24client.sandbox.faults import ScheduledFault
from b24client.sandbox.state import SANDBOX, Sandbox
from b24client.sandbox.wire import json_response
from b24client.sandbox.workdays import Status

routes = web.RouteTableDef()


class Order(BaseModel):
    """What a request to the control side asks for."""

    model_config = ConfigDict(extra="forbid")


class InstallBody(Order):
    """Where to post ONAPPINSTALL, and for which user."""

    handler: str = Field(pattern=r"^https?://")
    user_id: int | None = None


class CallStartBody(Order):
    """An employee clicks a number."""

    user_id: int
    phone_number: str = Field(min_length=1)
    line_number: str = ""
    is_mobile: bool = False


class CallbackBody(Order):
    """A client fills in a callback form."""

    phone_number: str = Field(min_length=1)
    text: str = "Callback requested"
    line_number: str = ""


class IssueBody(Order):
    """For whom tokens are."""

    user_id: int | None = None


class UserBody(Order):
    """What changes about an employee."""

    online: bool | None = None
    active: bool | None = None
    timeman: Status | None = None


@routes.get("/sandbox/api/calls")
async def calls(request: web.Request) -> web.Response:
    """All calls, or those of one EXTERNAL_CALL_ID or CALL_ID."""
    book = request.app[SANDBOX].calls
    found = list(book.calls.values())
    if "external_call_id" in request.query:
        found = book.by_external.get(request.query["external_call_id"], [])
    if "call_id" in request.query:
        found = [call for call in found if call.call_id == request.query["call_id"]]
    return json_response([call.told() for call in found])


@routes.get(r"/sandbox/api/records/{file_id:\d+}")
async def record(request: web.Request) -> web.StreamResponse:
    """The audio of a recording."""
    kept = request.app[SANDBOX].calls.file(int(request.match_info["file_id"]))
    if kept is None:
        raise web.HTTPNotFound(text="no such recording")
    kind = "audio/mpeg" if kept.path.endswith(".mp3") else "audio/wav"
    return web.FileResponse(kept.path, headers={"Content-Type": kind, "X-Content-Type-Options": "nosniff"})


@routes.get("/sandbox/api/requests")
async def requests(request: web.Request) -> web.Response:
    """The latest requests; `method`, `call_id`, `since` (unix seconds) and `limit` narrow them."""
    query = request.query
    try:
        since, limit = float(query.get("since", 0)), int(query.get("limit", 500))
    except ValueError:
        return wrong("since and limit have to be numbers")
    journal = request.app[SANDBOX].journal
    entries = journal.told(
        method=query.get("method", ""), call_id=query.get("call_id", ""), since=since,
        errors_only=query.get("errors", "") in ("1", "true"), limit=max(0, limit),
    )  # fmt: skip
    return json_response(entries)


@routes.get("/sandbox/api/status")
async def status(request: web.Request) -> web.Response:
    """Counts, how full the request bucket is, what trouble is on."""
    sandbox = request.app[SANDBOX]
    return json_response(
        {
            "requests": sandbox.journal.requests,
            "commands": sandbox.journal.commands,
            "errors": dict(sandbox.journal.errors),
            "limit_overruns": sandbox.gate.overruns,
            "bucket": sandbox.gate.levels(),
            "calls": len(sandbox.calls.calls),
            "installed": sandbox.access.installed,
            "unfinished": sandbox.access.unfinished,
            "faults": [fault.model_dump() for fault in sandbox.faults.active()],
            "bindings": [asdict(binding) for binding in sandbox.postman.bindings],
            "placements": [asdict(placement) for placement in sandbox.placements.all],
            "offline_events": len(sandbox.postman.queue.rows),
        }
    )


@routes.get("/sandbox/api/audit")
async def findings(request: web.Request) -> web.Response:
    """The broken invariants; `since` (unix seconds) and `invariant` narrow them."""
    query = request.query
    try:
        since = float(query.get("since", 0))
    except ValueError:
        return wrong("since has to be a number")
    found = audit(request.app[SANDBOX], since)
    return json_response([f for f in found if query.get("invariant", "") in ("", f["invariant"])])


@routes.get("/sandbox/api/people")
async def people(request: web.Request) -> web.Response:
    """Employees and clients."""
    sandbox = request.app[SANDBOX]
    return json_response(
        {
            "title": sandbox.config.title,
            "users": [user.model_dump() for user in sandbox.people.users.values()],
            "clients": [client.told() for client in sandbox.people.clients],
        }
    )


@routes.patch(r"/sandbox/api/users/{user_id:\d+}")
async def change_user(request: web.Request) -> web.Response:
    """Let an employee close the portal's page, be dismissed, end his working day."""
    sandbox = request.app[SANDBOX]
    user = sandbox.people.user(int(request.match_info["user_id"]))
    if user is None:
        raise web.HTTPNotFound(text="no such user")
    change = await body(request, UserBody)
    if change.timeman is not None:
        sandbox.workdays.set(user, change.timeman)
    changed = type(user).model_validate(
        {**sandbox.people.users[user.id].model_dump(), **change.model_dump(exclude_none=True)}
    )
    sandbox.people.users[user.id] = changed
    return json_response(changed.model_dump())


@routes.post("/sandbox/api/faults")
async def add_fault(request: web.Request) -> web.Response:
    """Begin trouble."""
    fault = await body(request, ScheduledFault)
    request.app[SANDBOX].faults.add(fault)
    return json_response(fault.model_dump(), 201)


@routes.get("/sandbox/api/faults")
async def told_faults(request: web.Request) -> web.Response:
    """The trouble that is on and that to come."""
    return json_response(request.app[SANDBOX].faults.told())


@routes.delete("/sandbox/api/faults")
async def clear_faults(request: web.Request) -> web.Response:
    """End all trouble."""
    request.app[SANDBOX].faults.clear()
    return json_response([])


@routes.post("/sandbox/api/reset")
async def reset(request: web.Request) -> web.Response:
    """Forget calls and requests."""
    request.app[SANDBOX].reset()
    return json_response({})


@routes.post("/sandbox/api/install")
async def install(request: web.Request) -> web.Response:
    """Install the local application: ONAPPINSTALL goes to its handler; `status` is what it answered (0: nothing)."""
    sandbox = request.app[SANDBOX]
    order = await body(request, InstallBody)
    sandbox.access.finish_installation()
    fields = {
        "event": "ONAPPINSTALL",
        "event_handler_id": 1000,
        "data": {"VERSION": 1, "ACTIVE": "Y", "INSTALLED": "Y", "LANGUAGE_ID": "en"},
        "ts": int(time.time()),
        "auth": sandbox.postman.auth_block(user_id_of(request, order.user_id), sandbox.base(request), install=True),
    }
    delivery = await sandbox.postman.post(order.handler, fields)
    return json_response({"status": delivery.status})


@routes.post("/sandbox/api/uninstall")
async def uninstall(request: web.Request) -> web.Response:
    """Remove the application: ONAPPUNINSTALL without tokens to those bound to it, then its bindings and tokens go."""
    sandbox = request.app[SANDBOX]
    base, statuses = sandbox.base(request), []
    auth = sandbox.postman.auth_block(user_id_of(request, None), base)
    for name in ("access_token", "expires", "expires_in", "user_id"):
        del auth[name]
    for binding in sandbox.postman.bound("ONAPPUNINSTALL"):
        fields = {
            "event": binding.event,
            "event_handler_id": binding.id,
            "data": {"LANGUAGE_ID": "en", "CLEAN": 0},
            "ts": int(time.time()),
            "auth": auth,
        }
        statuses.append((await sandbox.postman.post(binding.handler, fields)).status)
    sandbox.postman.bindings.clear()
    sandbox.robots.forget(sandbox.config.app.client_id)
    sandbox.placements.remove(sandbox.placements.all)
    sandbox.access.revoke_all()
    return json_response({"statuses": statuses})


@routes.post("/sandbox/api/issue_tokens")
async def issue_tokens(request: web.Request) -> web.Response:
    """Tokens as the OAuth server gives them, with the application token."""
    sandbox = request.app[SANDBOX]
    order = await body(request, IssueBody)
    sandbox.access.installed = True
    tokens = sandbox.access.grant(user_id_of(request, order.user_id), sandbox.base(request))
    return json_response({**tokens, "application_token": sandbox.access.application_token})


@routes.post("/sandbox/api/expire_tokens")
async def expire_tokens(request: web.Request) -> web.Response:
    """Let every access token expire now."""
    return json_response({"expired": request.app[SANDBOX].access.expire_all()})


@routes.post("/sandbox/api/expire_uploads")
async def expire_uploads(request: web.Request) -> web.Response:
    """Let every address given for an upload expire now."""
    return json_response({"expired": request.app[SANDBOX].uploads.expire_all()})


@routes.post("/sandbox/api/call_start")
async def call_start(request: web.Request) -> web.Response:
    """An employee clicks a number: the portal registers the call and posts ONEXTERNALCALLSTART."""
    sandbox = request.app[SANDBOX]
    order = await body(request, CallStartBody)
    user = sandbox.people.user(order.user_id)
    if user is None:
        return wrong(f"user_id: there is no user {order.user_id}")
    client = next(iter(sandbox.people.search(order.phone_number)), None)
    now = time.time()
    call = Call(
        call_id=new_call_id(), app=sandbox.config.app.client_id, type=1, user_id=user.id,
        phone_number=order.phone_number, digits=sandbox.people.numbers.digits(order.phone_number),
        line_number=order.line_number, external_call_id="", registered_at=now, call_start_date=now,
        client=client, created_lead=None,
    )  # fmt: skip
    call = sandbox.calls.add(call)
    call.show(user.id, "register", visible=user.online)
    sandbox.calls.changed(call)
    data = {
        "PHONE_NUMBER": order.phone_number, "PHONE_NUMBER_INTERNATIONAL": f"+{call.digits}", "EXTENSION": "",
        "USER_ID": user.id, "CALL_LIST_ID": 0, "LINE_NUMBER": order.line_number,
        "IS_MOBILE": _mobile(sandbox, order.is_mobile),
        "CALL_ID": call.call_id, "CRM_ENTITY_TYPE": client.entity_type if client else "",
        "CRM_ENTITY_ID": client.id if client else 0,
    }  # fmt: skip
    return await _posted(request, "ONEXTERNALCALLSTART", data, user.id, call.call_id)


@routes.post("/sandbox/api/callback")
async def callback(request: web.Request) -> web.Response:
    """A client asks to be called back: ONEXTERNALCALLBACKSTART; the call is not registered."""
    sandbox = request.app[SANDBOX]
    order = await body(request, CallbackBody)
    client = next(iter(sandbox.people.search(order.phone_number)), None)
    data = {
        "PHONE_NUMBER": order.phone_number, "TEXT": order.text, "VOICE": "ruinternalfemale",
        "CRM_ENTITY_TYPE": client.entity_type if client else "", "CRM_ENTITY_ID": client.id if client else 0,
        "LINE_NUMBER": order.line_number,
    }  # fmt: skip
    return await _posted(request, "ONEXTERNALCALLBACKSTART", data, user_id_of(request, None), "")


async def _posted(request: web.Request, event: str, data: dict[str, Any], user_id: int, call_id: str) -> web.Response:
    sandbox = request.app[SANDBOX]
    tasks = sandbox.postman.emit(event, data, user_id, sandbox.base(request))
    deliveries = await asyncio.gather(*tasks)
    return json_response({"call_id": call_id, "deliveries": [asdict(delivery) for delivery in deliveries]})


def _mobile(sandbox: Sandbox, is_mobile: bool) -> int | str:
    if sandbox.config.switches.mobile_style == "letter":
        return "Y" if is_mobile else "N"
    return int(is_mobile)


def user_id_of(request: web.Request, wanted: int | None) -> int:
    users = request.app[SANDBOX].people.users
    if wanted is not None and wanted in users:
        return wanted
    return next((user.id for user in users.values() if user.admin), min(users, default=1))


async def body(request: web.Request, model: type[Any]) -> Any:
    """The JSON body as a model. Answers 400 saying what is wrong with it."""
    raw = await request.read()
    try:
        return model.model_validate(orjson.loads(raw) if raw.strip() else {})
    except orjson.JSONDecodeError:
        raise web.HTTPBadRequest(text="the body is not JSON") from None
    except ValidationError as error:
        mistakes = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise web.HTTPBadRequest(text=mistakes) from None


def wrong(text: str) -> web.Response:
    return web.Response(text=text, status=400)
