"""The REST address of the portal: from a request to a method and back."""

from __future__ import annotations

import asyncio
import re
import time
from fnmatch import fnmatchcase
from typing import Any

from aiohttp import web

from b24client.forms import decode_form
from b24client.sandbox.access import Visitor
from b24client.sandbox.methods import REGISTRY, Context
from b24client.sandbox.state import SANDBOX, Sandbox
from b24client.sandbox.trouble import fault_names, moved, spoiled, stricken
from b24client.sandbox.wire import Params, RestError, envelope, json_response, php_array, read_params, time_block

MAX_BATCH = 50
_REFERENCE = re.compile(r"\$result((?:\[[^\]]*\])+)")
_NOT_IN_BATCH = RestError(405, "ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage")
_WRONG_AUTH = RestError(403, "WRONG_AUTH_TYPE", "Current authorization type is denied for this method")


async def handle(request: web.Request) -> web.StreamResponse:
    """Answer `/rest/{user}/{secret}/{method}` and `/rest/{method}`."""
    sandbox = request.app[SANDBOX]
    started = time.time()
    path = request.match_info["path"].strip("/").split("/")
    name = path[-1]
    for suffix in (".json", ".xml"):
        name = name.removesuffix(suffix)
    visitor, context, raw = None, None, {}
    try:
        raw = await read_params(request)
        if (elsewhere := moved(request)) is not None:
            sandbox.journal.note(name, started=started, status=elsewhere.status, error="fault: moved", params=raw)
            return elsewhere
        faults = sandbox.faults.hit([name, *_command_names(name, raw)])
        if (early := await stricken(request, faults, by_token=len(path) == 1)) is not None:
            sandbox.journal.note(name, started=started, status=early.status, error=fault_names(faults), params=raw)
            return early
        if sandbox.config.switches.portal_deleted:
            raise RestError(sandbox.config.switches.portal_deleted_status, "PORTAL_DELETED", "Portal was deleted")
        sandbox.gate.enter(request.remote or "")
        visitor = _visitor(sandbox, path, raw)
        context = Context(sandbox, visitor, Params(raw), sandbox.base(request))
        extra = sum(fault.seconds for fault in faults if fault.kind == "delay")
        if name.lower() == "batch":
            body = envelope(await _batch(context, extra))
            body["time"] = time_block(started, 0.0, int(started) + 600)
        else:
            body = await _run(context, name, extra)
    except RestError as error:
        told = _told(sandbox, error)
        call_id = context.call_id if context else ""
        who = visitor.name if visitor else ""
        sandbox.journal.note(
            name, started=started, visitor=who, status=error.status, error=told["error"],
            description=error.text, call_id=call_id, params=raw,
        )  # fmt: skip
        return json_response(told, error.status)
    sandbox.journal.note(name, started=started, visitor=visitor.name, call_id=context.call_id, params=raw)
    return spoiled(request, faults, json_response(body))


async def _run(context: Context, name: str, extra: float) -> dict[str, Any]:
    """Carry out one method: rights, working time, the work. Raises RestError."""
    sandbox, visitor = context.sandbox, context.visitor
    method = REGISTRY.get(name.lower())
    if method is None:
        status = sandbox.config.switches.method_not_found_status
        raise RestError(status, "ERROR_METHOD_NOT_FOUND", "Method not found!")
    if method.scopes and not method.scopes & set(visitor.scope):
        kind = "access token" if visitor.app else "webhook token"
        text = f"The request requires higher privileges than provided by the {kind}"
        raise RestError(sandbox.config.switches.scope_status, "insufficient_scope", text)
    if method.app_only and not visitor.app and not sandbox.config.switches.allow_webhook_telephony:
        raise _WRONG_AUTH
    sandbox.working_time.check(visitor.name, method.name)
    started = time.time()
    seconds = _latency(sandbox, method.name) + extra
    if seconds:
        await asyncio.sleep(seconds)
    try:
        result = await method.run(context)
    finally:
        sandbox.working_time.spend(visitor.name, method.name, time.time() - started)
        if call := sandbox.calls.get(context.call_id):
            call.requests.append((method.name, time.time()))
    return envelope(result, time_block(started, *sandbox.working_time.told(visitor.name, method.name)))


async def _batch(context: Context, extra: float) -> dict[str, Any]:
    """Carry out commands one after another."""
    commands = context.params.get("cmd")
    if isinstance(commands, list):
        commands = {str(index): command for index, command in enumerate(commands)}
    if not isinstance(commands, dict):
        commands = {}
    if len(commands) > MAX_BATCH:
        raise RestError(400, "ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded")
    halt = context.params.number("halt")
    parts: dict[str, dict[str, Any]] = {"result": {}, "error": {}, "total": {}, "next": {}, "time": {}}
    for key, command in commands.items():
        await _command(context, str(key), str(command), parts, extra)
        if halt and parts["error"]:
            break
    return {
        "result": php_array(parts["result"]),
        "result_error": php_array(parts["error"]),
        "result_total": php_array(parts["total"]),
        "result_next": php_array(parts["next"]),
        "result_time": php_array(parts["time"]),
    }


async def _command(context: Context, key: str, command: str, parts: dict[str, dict[str, Any]], extra: float) -> None:
    sandbox, started = context.sandbox, time.time()
    name, _, query = command.partition("?")
    name = name.strip().strip("/").removesuffix(".json")
    own = Context(sandbox, context.visitor, Params({}), context.base, in_batch=True)
    failed: RestError | None = None
    try:
        own.params = Params(_resolved(decode_form(query), parts["result"]))
        if name.lower() == "batch":
            raise _NOT_IN_BATCH
        body = await _run(own, name, extra)
        parts["result"][key] = body["result"]
        parts["time"][key] = body["time"]
        for count in ("total", "next"):
            if count in body:
                parts[count][key] = body[count]
    except RestError as error:
        failed = error
        parts["error"][key] = _told(sandbox, error)
    sandbox.journal.note(
        name, started=started, visitor=context.visitor.name, status=failed.status if failed else 200,
        error=_told(sandbox, failed)["error"] if failed else None, description=failed.text if failed else "",
        call_id=own.call_id, in_batch=True, params=own.params.raw,
    )  # fmt: skip


def _resolved(value: Any, results: dict[str, Any]) -> Any:
    """Put earlier results where `$result[key][FIELD]` stands; what is not there is empty."""
    if isinstance(value, dict):
        return {key: _resolved(item, results) for key, item in value.items()}
    if isinstance(value, list):
        return [_resolved(item, results) for item in value]
    if not isinstance(value, str) or "$result" not in value:
        return value
    if whole := _REFERENCE.fullmatch(value):
        return _looked_up(whole[1], results)
    return _REFERENCE.sub(lambda match: str(_looked_up(match[1], results)), value)


def _looked_up(path: str, results: dict[str, Any]) -> Any:
    value: Any = results
    for part in re.findall(r"\[([^\]]*)\]", path):
        if isinstance(value, dict):
            value = value.get(part, "")
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return ""
    return "" if value is None else value


def _visitor(sandbox: Sandbox, path: list[str], raw: dict[str, Any]) -> Visitor:
    token = raw.pop("auth", None)
    if len(path) == 3 and path[0].isdigit():
        return sandbox.access.webhook(path[0], path[1])
    if len(path) != 1:
        raise RestError(401, "NO_AUTH_FOUND", "Wrong authorization data")
    return sandbox.access.token(token)


def _latency(sandbox: Sandbox, name: str) -> float:
    lowered = name.lower()
    for pattern, seconds in sandbox.config.latencies.items():
        if fnmatchcase(lowered, pattern.lower()):
            return seconds
    return sandbox.config.latency


def _told(sandbox: Sandbox, error: RestError) -> dict[str, Any]:
    code = "" if error.code == "ERROR_CORE" and sandbox.config.switches.empty_error_codes else error.code
    told = {"error": code, "error_description": error.text}
    return told | {"argument": error.argument} if error.argument else told


def _command_names(name: str, raw: dict[str, Any]) -> list[str]:
    if name.lower() != "batch":
        return []
    commands = raw.get("cmd")
    values = commands.values() if isinstance(commands, dict) else commands if isinstance(commands, list) else []
    return [str(command).partition("?")[0] for command in values]
