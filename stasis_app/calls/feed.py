"""The feed of facts: whoever wants to know what happens, as it happens."""

from __future__ import annotations

from collections.abc import Callable

from loguru import logger

from stasis_app.calls.facts import Fact
from stasis_app.calls.record import CallRecord

Listener = Callable[[Fact, CallRecord], None]


class FactFeed:
    """Hands every fact to its listeners, who must return at once; one that fails does not disturb the others."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with each fact and the record after it, until the function returned is called."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def publish(self, record: CallRecord, fact: Fact) -> None:
        """A fact has happened."""
        for listener in tuple(self._listeners):
            try:
                listener(fact, record)
            except Exception:
                logger.bind(call=fact.call_id).exception("A listener failed on {}", type(fact).__name__)
