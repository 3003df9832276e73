"""A call's mailbox. There is one for each live call, so it weighs next to nothing while nothing comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """What came, in order, handed on in the loop's next turn. A queue and the task that reads it do the same in 5 KB.

    Args:
        deliver: called with everything there is; must return at once.
        context: what it is called in.
    """

    __slots__ = ("_closed", "_context", "_deliver", "_due", "_items")

    def __init__(self, deliver: Callable[[list[T]], None], context: Context) -> None:
        self._deliver = deliver
        self._context = context
        self._items: list[T] = []
        self._due = False
        self._closed = False

    def put(self, item: T) -> None:
        """One more; never waits."""
        self._items.append(item)
        self.nudge()

    def nudge(self) -> None:
        """Have what there is delivered, though it be nothing."""
        if not self._due and not self._closed:
            self._due = True
            asyncio.get_running_loop().call_soon(self._hand_on, context=self._context)

    def close(self) -> None:
        """Deliver nothing any more."""
        self._closed = True

    def _hand_on(self) -> None:
        self._due = False
        if not self._closed:
            items, self._items = self._items, []
            self._deliver(items)
