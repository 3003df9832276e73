"""`voximplant.statistic.get`: the calls that are finished."""

from __future__ import annotations

from typing import Any

from b24client.sandbox.calls import Call
from b24client.sandbox.methods.filtering import matches
from b24client.sandbox.methods.registry import Context, method
from b24client.sandbox.wire import Page, iso

PAGE = 50


@method("voximplant.statistic.get", "telephony")
async def statistic(context: Context) -> Page:
    """Rows of the call statistics."""
    params, book = context.params, context.sandbox.calls
    wanted = params.map("FILTER")
    calls: list[Call]
    if wanted.get("EXTERNAL_CALL_ID") and isinstance(wanted["EXTERNAL_CALL_ID"], str):
        calls = book.by_external.get(wanted["EXTERNAL_CALL_ID"], [])
    elif isinstance(wanted.get("CALL_ID"), str):
        calls = [call] if (call := book.get(wanted["CALL_ID"])) else []
    else:
        calls = list(book.calls.values())
    rows = [row for call in calls if call.finish and matches(row := _row(context, call), wanted)]
    key = params.text("SORT").upper() or "ID"
    rows.sort(key=lambda row: _sort_key(row.get(key)), reverse=params.text("ORDER").upper() == "DESC")
    return cut(rows, params.number("start"))


def cut(rows: list[Any], start: int) -> Page:
    """A page of 50 with `total` and `next`; a start of -1 counts nothing."""
    if start < 0:
        return Page(rows[:PAGE])
    end = start + PAGE
    return Page(rows[start:end], len(rows), end if end < len(rows) else None)


def _sort_key(value: Any) -> tuple[int, float, str]:
    text = str(value or "")
    return (0, float(text), "") if text.isdigit() else (1, 0.0, text)


def _row(context: Context, call: Call) -> dict[str, Any]:
    ended, record = call.finish, call.record
    assert ended is not None
    return {
        "ID": str(ended.statistic_id),
        "PORTAL_USER_ID": str(ended.user_id),
        "PORTAL_NUMBER": call.line_number,
        "PHONE_NUMBER": call.digits or call.phone_number,
        "CALL_ID": call.call_id,
        "EXTERNAL_CALL_ID": call.external_call_id or None,
        "CALL_CATEGORY": "external",
        "CALL_LOG": None,
        "CALL_DURATION": str(ended.duration),
        "CALL_START_DATE": iso(call.call_start_date),
        "CALL_RECORD_URL": f"{context.base}/sandbox/api/records/{record.file_id}" if record else "",
        "CALL_VOTE": str(ended.vote),
        "COST": f"{ended.cost:.4f}",
        "COST_CURRENCY": ended.cost_currency,
        "CALL_FAILED_CODE": ended.status_code,
        "CALL_FAILED_REASON": ended.failed_reason,
        "CRM_ENTITY_TYPE": call.client.entity_type if call.client else None,
        "CRM_ENTITY_ID": str(call.client.id) if call.client else None,
        "CRM_ACTIVITY_ID": str(ended.activity_id) if ended.activity_id else None,
        "REST_APP_ID": "3",
        "REST_APP_NAME": context.sandbox.config.app.name,
        "TRANSCRIPT_ID": str(call.transcript.id) if call.transcript else None,
        "TRANSCRIPT_PENDING": "N",
        "SESSION_ID": None,
        "REDIAL_ATTEMPT": None,
        "COMMENT": None,
        "RECORD_DURATION": str(record.seconds) if record else None,
        "RECORD_FILE_ID": record.file_id if record else None,
        "CALL_TYPE": str(call.type),
    }
