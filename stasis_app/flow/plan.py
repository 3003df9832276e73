"""The routing plan: which element a call begins with, and the elements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stasis_app.crm import Numbers
from stasis_app.flow.element import Element


@dataclass(frozen=True, slots=True)
class Line:
    """A line (DID) of the company: where its calls begin, what people call it, what calls out by it show."""

    did: str
    element: str
    name: str = ""
    caller_id: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan that was checked.

    `lines` is by number key (see `Number.key`); `on_error` is "" for the dialplan. `numbers` are those employees dial
    and transfer to: a group's, a queue's. `on_transfer_failed` takes a call nobody wanted, "" for where it began.
    """

    path: Path
    name: str
    default: str
    elements: Mapping[str, Element]
    lines: Mapping[str, Line] = field(default_factory=dict)
    entries: tuple[str, ...] = ()
    on_error: str = ""
    numbers: Mapping[str, str] = field(default_factory=dict)
    on_transfer_failed: str = ""

    def line(self, did: str, numbers: Numbers) -> Line | None:
        """The line a call came in on."""
        return self.lines.get(numbers.read(did).key) if did else None

    def entry(self, element: str, did: str, numbers: Numbers) -> tuple[str, str]:
        """The element a call begins with, and why.

        The dialplan's word goes first, then the line, then the plan's default: a call is never refused because the
        dialplan names an element that is gone.
        """
        if element in self.elements:
            return element, "named by the dialplan"
        line = self.line(did, numbers)
        blame = f'the dialplan names "{element}", which is not in the plan; ' if element else ""
        if line is not None:
            return line.element, f"{blame}line {line.name or line.did}"
        return self.default, f"{blame}{'line ' + did + ' is not in the plan' if did else 'no line named'}: the default"
