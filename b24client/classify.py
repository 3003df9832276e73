"""From a portal's error answer to the error that says what to do.

Live portals send codes in any case, with documented or undocumented HTTP statuses, and at times no code at all, so the
code decides first, then the text, then the status. Sources: https://apidocs.bitrix24.com/error-codes.html and
https://apidocs.bitrix24.com/limits.html.
"""

from __future__ import annotations

from b24client.errors import AccessDenied, B24Error, ExpiredToken, LimitExceeded, Refused, Temporary, UnknownOutcome

_EXPIRED = {"expired_token", "invalid_token"}
_ACCESS = {
    "access_denied", "allowed_only_intranet_user", "application_not_found", "authorization_error", "authorize_error",
    "bad_verification_code", "error_method_not_found", "error_oauth", "insufficient_scope", "invalid_client",
    "invalid_credentials", "invalid_grant", "invalid_scope", "method_confirm_denied",
    "method_confirm_waiting", "no_auth_found", "not_installed", "payment_required", "portal_deleted",
    "user_access_error", "wrong_auth_type", "wrong_client",
}  # fmt: skip
_TEMPORARY = {"internal_server_error", "error_unexpected_answer"}
_WAIT = {"query_limit_exceeded": 1.0, "operation_time_limit": 60.0, "overload_limit": 300.0}
_ACCESS_TEXTS = ("authorization type is denied", "higher privileges", "application context required", "https required")
_TEMPORARY_TEXTS = ("unexpected database error", "db error")


def classify(method: str, status: int, code: str, description: str, retry_after: float | None = None) -> B24Error:
    """The error a portal's answer means. `retry_after` (seconds) is what the answer itself asks for, if it does."""
    key, text = code.lower(), description.lower()
    if key in _WAIT or status == 429 or (status == 503 and "too many requests" in text):
        wait = retry_after if retry_after is not None else _WAIT.get(key, 60.0 if status == 429 else 1.0)
        return LimitExceeded(method, code, description, status, retry_after=wait)
    if key in _EXPIRED:
        return ExpiredToken(method, code, description, status)
    told = any(needle in text for needle in _ACCESS_TEXTS)
    of_all = told or method.lower().startswith("bizproc.")
    if key == "access_denied" and status == 400 and not of_all:  # a single CRM item that is not ours to see
        return Refused(method, code, description, status)
    if key in _ACCESS or status in (401, 403) or told:
        return AccessDenied(method, code, description, status)
    if key in _TEMPORARY or status >= 500 or any(needle in text for needle in _TEMPORARY_TEXTS):
        return Temporary(method, code, description, status)
    return Refused(method, code, description, status)


def told_of(error: B24Error, *, harmless: bool) -> B24Error:
    """What a portal's own failure says of the request: how far it came with it nobody knows.

    With one that may be sent again that does not matter (`harmless`); a portal that answers 503 has not begun.
    """
    if harmless or not isinstance(error, Temporary) or error.status == 503:
        return error
    return UnknownOutcome(error.method, error.code, error.description, error.status)


_REPEATABLE_ENDINGS = (".get", ".list", ".fields", ".search", ".status", ".settings", ".current", ".findbycomm")
_REPEATABLE = {
    "app.info", "event.offline.clear", "event.offline.error", "events", "methods", "profile", "scope", "server.time",
    "user.admin",
    "bizproc.robot.update", "crm.activity.todo.update", "crm.activity.todo.updatecolor",
    "crm.activity.todo.updatedeadline", "crm.activity.todo.updatedescription",
    "crm.activity.todo.updateresponsibleuser", "crm.activity.update", "tasks.task.update",
    "telephony.externalcall.attachrecord", "telephony.externalcall.hide", "telephony.externalcall.searchcrmentities",
    "telephony.externalcall.show",
}  # fmt: skip
_NOT_REPEATABLE = {"event.offline.get"}  # hands out the events once


def repeatable(method: str) -> bool:
    """Whether sending the same request again does no harm, so that a lost answer needs no inquiry."""
    name = method.lower()
    return name in _REPEATABLE or (name.endswith(_REPEATABLE_ENDINGS) and name not in _NOT_REPEATABLE)
