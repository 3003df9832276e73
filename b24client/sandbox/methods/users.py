"""`user.*` and `profile` (https://apidocs.bitrix24.com/api-reference/user/index.html)."""

from __future__ import annotations

from typing import Any

from b24client.sandbox.config import SeedUser
from b24client.sandbox.methods.filtering import matches
from b24client.sandbox.methods.listing import items, ordered, selected
from b24client.sandbox.methods.registry import Context, method
from b24client.sandbox.methods.statistic import cut
from b24client.sandbox.people import People
from b24client.sandbox.wire import Page, iso

_SCOPES = ("user", "user_basic", "user_brief")
_REGISTERED = 1_700_000_000.0
_TITLES = {
    "ID": "ID", "XML_ID": "External code", "ACTIVE": "Activity", "NAME": "First Name", "LAST_NAME": "Last Name",
    "SECOND_NAME": "Middle Name", "EMAIL": "E-Mail", "LAST_LOGIN": "Last Login", "DATE_REGISTER": "Registration Date",
    "TIME_ZONE": "TIME_ZONE", "IS_ONLINE": "IS_ONLINE", "TIMESTAMP_X": "TIMESTAMP_X",
    "LAST_ACTIVITY_DATE": "LAST_ACTIVITY_DATE", "PERSONAL_GENDER": "Gender", "PERSONAL_BIRTHDAY": "Birthday",
    "PERSONAL_PHONE": "Personal Phone", "PERSONAL_MOBILE": "Personal Mobile", "WORK_PHONE": "Company Phone",
    "WORK_POSITION": "Position", "UF_EMPLOYMENT_DATE": "Employment Date", "UF_DEPARTMENT": "Departments",
    "UF_PHONE_INNER": "Internal Phone", "USER_TYPE": "USER_TYPE",
}  # fmt: skip
_NOT_BASIC = {"LAST_LOGIN"}
_NOT_BRIEF = {*_NOT_BASIC, "EMAIL", "PERSONAL_PHONE", "PERSONAL_MOBILE", "WORK_PHONE"}
_SEARCHED = ("NAME", "LAST_NAME", "SECOND_NAME", "WORK_POSITION", "UF_DEPARTMENT_NAME")
_OTHER_PARAMETERS = {"SORT", "ORDER", "FILTER", "ADMIN_MODE", "SELECT", "START", "AUTH"}


@method("user.get", *_SCOPES)
async def user_get(context: Context) -> Page:
    """Employees that match. Users by e-mail are there only for those who ask for their type."""
    return _found(context, _wanted(context))


@method("user.search", *_SCOPES)
async def user_search(context: Context) -> Page:
    """Employees by what their name, position or department begins with: all at once (FIND) or field by field."""
    wanted = _wanted(context)
    text = wanted.pop("FIND", None)
    for field in _SEARCHED if text is None else ():
        if field in wanted:
            wanted[f"=%{field}"] = f"{wanted.pop(field)}%"
    if text is not None:
        wanted["NAME_SEARCH"] = text
    return _found(context, wanted)


@method("user.current", *_SCOPES)
async def user_current(context: Context) -> Any:
    """The user we act for."""
    user = context.sandbox.people.user(context.visitor.user_id)
    return _visible(context, _row(context.sandbox.people, user)) if user else []


@method("user.fields", *_SCOPES)
async def user_fields(context: Context) -> Any:
    """The names of the fields the scope shows."""
    return _visible(context, dict(_TITLES))


@method("user.admin")
async def user_admin(context: Context) -> bool:
    """Whether we act for an administrator."""
    user = context.sandbox.people.user(context.visitor.user_id)
    return bool(user and user.admin)


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


def _wanted(context: Context) -> dict[str, Any]:
    """The conditions: in FILTER, or beside it as old programs send them."""
    beside = {key: value for key, value in context.params.raw.items() if key.upper() not in _OTHER_PARAMETERS}
    return {key.upper(): value for key, value in {**beside, **context.params.map("FILTER")}.items()}


def _found(context: Context, wanted: dict[str, Any]) -> Page:
    params, people = context.params, context.sandbox.people
    text = str(wanted.pop("NAME_SEARCH", "") or "")
    like = {
        f"=%{key}": value for key, value in wanted.items() if isinstance(value, str) and "%" in value and key in _TITLES
    }
    wanted = {**{key: value for key, value in wanted.items() if f"=%{key}" not in like}, **like}
    rows = [_row(people, user) for user in people.users.values() if _listed(user, wanted)]
    empty = dict.fromkeys(("UF_PHONE_INNER", "SECOND_NAME"), "")
    rows = [row for row in rows if matches({**empty, **_department_names(people, row), **row}, wanted)]
    rows = [row for row in rows if _answers_to(people, row, text)]
    rows = ordered(rows, {params.text("sort").upper() or "ID": params.text("order") or "asc"})
    shown = [selected(_visible(context, row), items(params.get("select"))) for row in rows]
    return cut(shown, params.number("start"))


def _listed(user: SeedUser, wanted: dict[str, Any]) -> bool:
    return user.user_type != "email" or any(key.endswith("USER_TYPE") for key in wanted)


def _department_names(people: People, row: dict[str, Any]) -> dict[str, Any]:
    known = people.departments
    return {"UF_DEPARTMENT_NAME": [known[number].name for number in row["UF_DEPARTMENT"] if number in known]}


def _answers_to(people: People, row: dict[str, Any], text: str) -> bool:
    """Whether each word begins a word of the name, the position or the department."""
    told = [str(row.get(field, "")) for field in _SEARCHED] + _department_names(people, row)["UF_DEPARTMENT_NAME"]
    begins = tuple(word for value in told for word in value.lower().split())
    return all(any(word.startswith(part) for word in begins) for part in text.lower().replace("%", "").split())


def _visible(context: Context, row: dict[str, Any]) -> dict[str, Any]:
    """What the scope shows of an employee."""
    scope = set(context.visitor.scope)
    hidden = set() if "user" in scope else _NOT_BASIC if "user_basic" in scope else _NOT_BRIEF
    return {key: value for key, value in row.items() if key not in hidden}


def _row(people: People, user: SeedUser) -> dict[str, Any]:
    """An employee; what is not filled in is mostly not there."""
    row: dict[str, Any] = {
        "ID": str(user.id),
        "ACTIVE": user.active,
        "NAME": user.name,
        "LAST_NAME": user.last_name,
        "EMAIL": user.email,
        "LAST_LOGIN": iso(_REGISTERED),
        "DATE_REGISTER": iso(_REGISTERED),
        "TIME_ZONE": "",
        "IS_ONLINE": "Y" if user.online else "N",
        "TIMESTAMP_X": {},
        "LAST_ACTIVITY_DATE": {},
        "PERSONAL_GENDER": "",
        "PERSONAL_BIRTHDAY": "",
        "PERSONAL_PHONE": user.personal_phone,
        "PERSONAL_MOBILE": user.mobile,
        "WORK_PHONE": user.work_phone,
        "WORK_POSITION": user.position,
        "UF_EMPLOYMENT_DATE": "",
        "UF_DEPARTMENT": list(user.departments),
        "USER_TYPE": user.user_type,
    }
    if user.second_name:
        row["SECOND_NAME"] = user.second_name
    if user.extension:
        row["UF_PHONE_INNER"] = user.extension
    return row
