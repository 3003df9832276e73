"""How the list methods differ from each other: where the rows are, how they are filtered and sorted by id.

Read off the methods' pages at https://apidocs.bitrix24.com/api-reference/; `list_method` knows them all by name.
"""

from __future__ import annotations

from b24client.lists import ANY, ListMethod

_UPPER = {"order": {"ID": "ASC"}}
_LOWER = {"order": {"id": "ASC"}}

# Rows in the result itself, filter, order and ID as the older methods of the CRM have them.
_USUAL = (
    "crm.activity.list", "crm.company.list", "crm.contact.list", "crm.deal.list",
    "crm.dealcategory.list", "crm.lead.list", "crm.product.list", "crm.quote.list", "crm.requisite.list",
    "lists.element.get",
)  # fmt: skip
# What can't be filtered by "above this id" or sorted by it.
_BY_OFFSET = (
    "bizproc.workflow.instances", "crm.currency.list", "crm.status.list", "crm.webform.list", "event.offline.list",
)  # fmt: skip

LIST_METHODS: dict[str, ListMethod] = {
    **{name: ListMethod(name) for name in _USUAL},
    **{name: ListMethod(name, order={}, by_id=False) for name in _BY_OFFSET},
    "crm.category.list": ListMethod("crm.category.list", rows="categories", id="id", order={}, by_id=False),
    "crm.item.list": ListMethod("crm.item.list", rows="items", id="id", filter_id="id", order=_LOWER),
    "crm.stagehistory.list": ListMethod("crm.stagehistory.list", rows="items", order=_UPPER),
    "crm.timeline.comment.list": ListMethod("crm.timeline.comment.list", by_id=False),
    "crm.type.list": ListMethod("crm.type.list", rows="types", id="id", filter_id="id", order=_LOWER),
    "department.get": ListMethod("department.get", order={"sort": "ID", "order": "ASC"}, by_id=False),
    "sonet_group.get": ListMethod("sonet_group.get", filter="FILTER", order={"ORDER": {"ID": "ASC"}}),
    "tasks.task.list": ListMethod("tasks.task.list", rows="tasks", id="id", order={"order": {"ID": "asc"}}),
    "user.get": ListMethod("user.get", filter="FILTER", order={"sort": "ID", "order": "ASC"}),
    "user.search": ListMethod("user.search", filter="FILTER", order={"sort": "ID", "order": "ASC"}),
    "voximplant.statistic.get": ListMethod(
        "voximplant.statistic.get", filter="FILTER", order={"SORT": "ID", "ORDER": "ASC"}
    ),
}
"""The list methods that are known, by lower-case name."""


def list_method(name: str) -> ListMethod:
    """The habits of a list method. One that is not known is read by offset, which all can do."""
    return LIST_METHODS.get(name.lower()) or ListMethod(name, rows=ANY, order={}, by_id=False)
