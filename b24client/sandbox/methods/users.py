"""`user.*` and `profile` (https://apidocs.bitrix24.com/api-reference/user/index.html)."""

from __future__ import annotations

from typing import Any

from b24client.sandbox.config import SeedUser
from b24client.sandbox.methods.filtering import matches
from b24client.sandbox.methods.registry import Context, method
from b24client.sandbox.methods.statistic import cut
from b24client.sandbox.wire import Page

_SCOPES = ("user", "user_basic", "user_brief")


@method("user.get", *_SCOPES)
async def user_get(context: Context) -> Page:
    """Employees that match."""
    params = context.params
    wanted = params.map("FILTER") or ({"ID": params.get("ID")} if params.get("ID") is not None else {})
    rows = [_row(context, user) for user in context.sandbox.people.users.values()]
    rows = [row for row in rows if matches({"UF_PHONE_INNER": "", **row}, wanted)]
    rows.sort(key=lambda row: int(row["ID"]), reverse=params.text("ORDER").upper() == "DESC")
    return cut(rows, params.number("start"))


@method("user.current", *_SCOPES)
async def user_current(context: Context) -> Any:
    """The user we act for."""
    user = context.sandbox.people.user(context.visitor.user_id)
    return _row(context, user) if user else []


@method("profile")
async def profile(context: Context) -> Any:
    """The user we act for, in brief."""
    user = context.sandbox.people.user(context.visitor.user_id)
    return {
        "ID": str(context.visitor.user_id),
        "ADMIN": bool(user and user.admin),
        "NAME": user.name if user else "",
        "LAST_NAME": user.last_name if user else "",
        "PERSONAL_GENDER": "",
        "TIME_ZONE": "",
    }


def _row(context: Context, user: SeedUser) -> dict[str, Any]:
    """An employee; what is not filled in or what the scope hides is not there."""
    scope = set(context.visitor.scope)
    row: dict[str, Any] = {
        "ID": str(user.id),
        "ACTIVE": user.active,
        "NAME": user.name,
        "LAST_NAME": user.last_name,
        "IS_ONLINE": "Y" if user.online else "N",
        "TIMESTAMP_X": {},
        "LAST_ACTIVITY_DATE": {},
        "UF_DEPARTMENT": [1],
        "USER_TYPE": "employee",
    }
    if user.extension:
        row["UF_PHONE_INNER"] = user.extension
    if scope & {"user", "user_basic"}:
        row |= {"EMAIL": user.email, "WORK_PHONE": "", "PERSONAL_PHONE": "", "PERSONAL_MOBILE": user.mobile}
    return row
