"""`telephony.externalCall.*` but for recordings (https://apidocs.bitrix24.com/api-reference/telephony/index.html)."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from b24client.sandbox.calls import Call, Finish, new_call_id
from b24client.sandbox.config import SeedUser
from b24client.sandbox.methods.crm_rows import announce
from b24client.sandbox.methods.registry import Context, method
from b24client.sandbox.people import Client
from b24client.sandbox.wire import RestError, core_error, iso

_TYPES = {1: "Outgoing call", 2: "Incoming call", 3: "Incoming call", 4: "Callback", 5: "Information call"}
_NO_USER = "User is not found or is not active"


@method("telephony.externalCall.register", "telephony", app_only=True)
async def register(context: Context) -> Any:
    """A call begins."""
    params, sandbox = context.params, context.sandbox
    user = _user(context)
    if params.number("TYPE") not in _TYPES:
        raise core_error("Unknown TYPE")
    started = _start_date(params.text("CALL_START_DATE"))
    number = params.text("PHONE_NUMBER")
    digits = sandbox.people.numbers.digits(number)
    if not digits and (sandbox.config.switches.strict_numbers or not any(c.isalpha() for c in number)):
        raise core_error("Unsupported phone number format")
    call = Call(
        call_id=new_call_id(),
        app=context.visitor.name,
        type=params.number("TYPE"),
        user_id=user.id,
        phone_number=number,
        digits=digits,
        line_number=params.text("LINE_NUMBER"),
        external_call_id=params.text("EXTERNAL_CALL_ID"),
        registered_at=time.time(),
        call_start_date=started,
        client=None,
        created_lead=None,
    )
    known = sandbox.calls.add(call)
    context.call_id = known.call_id
    if known is call:
        call.client = _bound(context) or next(iter(sandbox.people.search(number)), None)
        if call.client is None and params.number("CRM_CREATE") and digits:
            call.created = sandbox.people.create(f"{number} - {_TYPES[call.type]}", number, user.id)
            call.client = call.created[0]
            call.created_lead = call.client.id if call.client.entity_type == "LEAD" else None
            for client in call.created:
                announce(context, client.item, "ADD")
        if params.number("SHOW", 1):
            call.show(user.id, "register", visible=user.online)
        sandbox.calls.changed(call)
        data = {"CALL_ID": call.call_id, "CALL_TYPE": call.type, "CALLER_ID": number, "REST_APP_ID": 3}
        sandbox.postman.emit("ONVOXIMPLANTCALLINIT", data, user.id, context.base)
    return {
        "CALL_ID": known.call_id,
        "CRM_CREATED_LEAD": known.created_lead,
        "CRM_CREATED_ENTITIES": [{"ENTITY_TYPE": made.entity_type, "ENTITY_ID": made.id} for made in known.created],
        "CRM_ENTITY_TYPE": known.client.entity_type if known.client else "",
        "CRM_ENTITY_ID": known.client.id if known.client else None,
    }


@method("telephony.externalCall.finish", "telephony", app_only=True)
async def finish(context: Context) -> Any:
    """A call ends; only the first time counts."""
    params, sandbox = context.params, context.sandbox
    if not isinstance(params.get("CALL_ID"), str):
        raise RestError(400, "INVALID_ARGUMENT", "CALL_ID must be a string")
    user = _user(context)
    context.call_id = params.text("CALL_ID")
    call = sandbox.calls.open_call(context.call_id)
    if call is None:
        if finished := sandbox.calls.get(context.call_id):
            finished.finishes_refused += 1
        raise core_error("Call is not found (call should be registered prior to finishing)")
    duration = max(0, params.number("DURATION"))
    ended = Finish(
        user_id=user.id,
        duration=duration,
        status_code=params.text("STATUS_CODE") or ("200" if duration else "304"),
        failed_reason=params.text("FAILED_REASON"),
        at=time.time(),
        statistic_id=sandbox.calls.next_statistic(),
        activity_id=None,
        cost=params.amount("COST"),
        cost_currency=params.text("COST_CURRENCY"),
        vote=params.number("VOTE"),
        add_to_chat=bool(params.number("ADD_TO_CHAT", sandbox.config.switches.add_to_chat_default)),
    )
    for made in call.created:
        if sandbox.crm.get(made.item.entity_type_id, made.id) is made.item:
            sandbox.crm.update(made.item, {"ASSIGNED_BY_ID": user.id}, (), user.id)
            announce(context, made.item, "UPDATE")
    activity = sandbox.activities.add_call(call, ended)
    if activity is not None:
        ended.activity_id = activity.id
        sandbox.postman.emit("ONCRMACTIVITYADD", {"FIELDS": {"ID": activity.id}}, user.id, context.base)
    sandbox.calls.end(call, ended)
    sandbox.postman.emit("ONVOXIMPLANTCALLEND", _call_end(call, ended), user.id, context.base)
    return _finished(context, call, ended)


@method("telephony.externalCall.show", "telephony")
async def show(context: Context) -> bool:
    """Cards open; false for a call that is unknown or over."""
    call = _open_call(context)
    if call is None:
        if finished := context.sandbox.calls.get(context.call_id):
            finished.shows_refused += 1
        return False
    for user_id in context.params.numbers("USER_ID") or [call.user_id]:
        if user := context.sandbox.people.user(user_id):
            call.show(user.id, "show", visible=user.online and user.active)
    context.sandbox.calls.changed(call)
    return True


@method("telephony.externalCall.hide", "telephony")
async def hide(context: Context) -> bool:
    """Cards close; false for a call that is unknown or over."""
    call = _open_call(context)
    if call is None:
        return False
    for user_id in context.params.numbers("USER_ID") or [call.user_id]:
        call.hide(user_id, "hide")
    context.sandbox.calls.changed(call)
    return True


@method("telephony.externalCall.searchCrmEntities", "telephony")
async def search_crm_entities(context: Context) -> Any:
    """Whose number is this, and who is responsible for him."""
    number = context.params.text("PHONE_NUMBER")
    if not number:
        raise core_error("PHONE_NUMBER is empty")
    return [_found(context, client) for client in context.sandbox.people.search(number)]


def _found(context: Context, client: Client) -> dict[str, Any]:
    user = context.sandbox.people.user(client.assigned_by)
    return {
        "CRM_ENTITY_TYPE": client.entity_type,
        "CRM_ENTITY_ID": client.id,
        "ASSIGNED_BY_ID": client.assigned_by,
        "NAME": client.name,
        "ASSIGNED_BY": {
            "ID": str(user.id),
            "TIMEMAN_STATUS": user.timeman,
            "USER_PHONE_INNER": user.extension or None,
            "WORK_PHONE": None,
            "PERSONAL_PHONE": None,
            "PERSONAL_MOBILE": user.mobile or None,
        }
        if user
        else [],
    }


def _user(context: Context) -> SeedUser:
    """The employee a request names by id or extension."""
    params, people = context.params, context.sandbox.people
    user_id, extension = params.number("USER_ID"), params.text("USER_PHONE_INNER")
    if not user_id and not extension:
        raise core_error("USER_ID or USER_PHONE_INNER should be set")
    user = people.user(user_id) if user_id else people.by_extension(extension)
    if user is None or not user.active:
        raise core_error(_NO_USER)
    return user


def _bound(context: Context) -> Client | None:
    """The client a registration names itself."""
    params = context.params
    return context.sandbox.people.entity(params.text("CRM_ENTITY_TYPE").upper(), params.number("CRM_ENTITY_ID"))


def _open_call(context: Context) -> Call | None:
    context.call_id = context.params.text("CALL_ID")
    return context.sandbox.calls.open_call(context.call_id)


def _start_date(text: str) -> float:
    if not text:
        return time.time()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise core_error("CALL_START_DATE should be in the ISO-8601 format")
    return moment.timestamp()


def _call_end(call: Call, ended: Finish) -> dict[str, Any]:
    return {
        "CALL_ID": call.call_id,
        "CALL_TYPE": call.type,
        "PHONE_NUMBER": call.digits or call.phone_number,
        "PORTAL_NUMBER": call.line_number or "REST_APP:",
        "PORTAL_USER_ID": ended.user_id,
        "CALL_DURATION": ended.duration,
        "CALL_START_DATE": iso(call.call_start_date),
        "COST": ended.cost,
        "COST_CURRENCY": ended.cost_currency,
        "CALL_FAILED_CODE": ended.status_code,
        "CALL_FAILED_REASON": ended.failed_reason,
        "CRM_ACTIVITY_ID": ended.activity_id,
    }


def _finished(context: Context, call: Call, ended: Finish) -> dict[str, Any]:
    return {
        "CALL_ID": call.call_id,
        "EXTERNAL_CALL_ID": call.external_call_id or None,
        "PORTAL_USER_ID": ended.user_id,
        "PHONE_NUMBER": call.digits or call.phone_number,
        "PORTAL_NUMBER": call.line_number,
        "INCOMING": str(call.type),
        "CALL_DURATION": ended.duration,
        "CALL_START_DATE": {},
        "CALL_STATUS": int(ended.status_code == "200"),
        "CALL_VOTE": ended.vote,
        "COST": ended.cost,
        "COST_CURRENCY": ended.cost_currency,
        "CALL_FAILED_CODE": ended.status_code,
        "CALL_FAILED_REASON": ended.failed_reason,
        "REST_APP_ID": "3",
        "REST_APP_NAME": context.sandbox.config.app.name,
        "CRM_ACTIVITY_ID": ended.activity_id,
        "COMMENT": None,
        "CRM_ENTITY_TYPE": call.client.entity_type if call.client else "",
        "CRM_ENTITY_ID": call.client.id if call.client else None,
        "ID": ended.statistic_id,
    }
