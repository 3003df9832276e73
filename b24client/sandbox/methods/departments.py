"""`department.*`: the company's structure (https://apidocs.bitrix24.com/api-reference/departments/index.html)."""

from __future__ import annotations

from typing import Any

from b24client.sandbox.config import SeedDepartment
from b24client.sandbox.methods.filtering import matches
from b24client.sandbox.methods.listing import ordered
from b24client.sandbox.methods.registry import Context, method
from b24client.sandbox.methods.statistic import cut
from b24client.sandbox.wire import Page

_FIELDS = {
    "ID": "ID",
    "NAME": "Department Name",
    "SORT": "Sorting Order",
    "PARENT": "Parent Department",
    "UF_HEAD": "Manager",
}


@method("department.get", "department")
async def get(context: Context) -> Page:
    """Departments; the conditions stand beside `sort` and `order`, so a number as SORT is one of them."""
    params = context.params
    sort = params.text("sort").upper()
    wanted = {field: params.get(field) for field in _FIELDS if params.get(field) is not None}
    if not sort.isdigit():
        wanted.pop("SORT", None)
    rows = [_row(department) for department in context.sandbox.people.departments.values()]
    rows = [row for row in rows if matches({"PARENT": "", "UF_HEAD": "", **row}, wanted)]
    rows = ordered(rows, {sort if sort in _FIELDS else "ID": params.text("order") or "asc"})
    return cut(rows, params.number("start"))


@method("department.fields", "department")
async def fields(context: Context) -> Any:
    """The names of a department's fields."""
    return dict(_FIELDS)


def _row(department: SeedDepartment) -> dict[str, Any]:
    row: dict[str, Any] = {"ID": str(department.id), "NAME": department.name, "SORT": department.sort}
    if department.parent is not None:
        row["PARENT"] = str(department.parent)
    if department.head is not None:
        row["UF_HEAD"] = str(department.head)
    return row
