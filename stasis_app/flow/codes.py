"""Codes an employee dials at his phone, and what each of them does.

They come in as internal calls to `*78` and the like. The table is filled at start; any room may add its own with
`Codes.add`. A code may be followed by digits (`*8101`); the longest code that fits wins.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stasis_app.flow.step import Step

CodeAction = Callable[["Step", str], Awaitable[None]]
"""Does what a code means. Gets the step of the phone's own call, and the digits dialled after the code."""


@dataclass(frozen=True, slots=True)
class Code:
    """A code. `digits` tells whether more may follow it."""

    code: str
    action: CodeAction
    digits: bool = False


class Codes:
    """The table of codes."""

    def __init__(self) -> None:
        self._codes: dict[str, Code] = {}

    def add(self, code: str, action: CodeAction, *, digits: bool = False) -> None:
        """Let a code do something; an empty one is switched off. Raises `ValueError` for one that is taken."""
        if not code:
            return
        if code in self._codes:
            raise ValueError(f"the code {code} is given twice; give each its own in [codes]")
        self._codes[code] = Code(code, action, digits)

    def find(self, dialled: str) -> tuple[Code, str] | None:
        """The code that was dialled and the digits after it; None when it is none of ours."""
        for length in range(len(dialled), 0, -1):
            code = self._codes.get(dialled[:length])
            if code is not None and (code.digits or length == len(dialled)):
                return code, dialled[length:]
        return None

    def __contains__(self, dialled: object) -> bool:
        return isinstance(dialled, str) and self.find(dialled) is not None
