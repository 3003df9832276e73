"""What activities, comments and tasks hang on: entities of the CRM, by the number, name or letter of their type.

https://apidocs.bitrix24.com/api-reference/crm/data-types.html#object_type
"""

from __future__ import annotations

from b24client.sandbox.people import People

TYPE_NUMBERS = {"LEAD": 1, "DEAL": 2, "CONTACT": 3, "COMPANY": 4}
TYPE_NAMES = {number: name for name, number in TYPE_NUMBERS.items()}


def type_number(name: str) -> int:
    """The number of a type by its name (`dynamic_128` is a smart process), 0 for one there is not."""
    if name.upper().startswith("DYNAMIC_") and name[8:].isdigit():
        return int(name[8:])
    return TYPE_NUMBERS.get(name.upper(), 0)


def exists(people: People, type_id: int, entity_id: int) -> bool:
    """Whether there is such an entity."""
    return people.crm.get(type_id, entity_id) is not None
