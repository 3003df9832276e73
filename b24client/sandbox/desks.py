"""Who watches the desktops live: each watcher is told of the calls that changed since it was last told."""

from __future__ import annotations

import asyncio

from b24client.sandbox.calls import Call


class Watcher:
    """One open page. Changes to the same call between two readings are told once."""

    def __init__(self) -> None:
        self._changed: dict[str, Call] = {}
        self._news = asyncio.Event()
        self.everything = True

    def tell(self, call: Call) -> None:
        """A call has changed."""
        self._changed[call.call_id] = call
        self._news.set()

    def tell_all(self) -> None:
        """Nothing is as it was."""
        self._changed.clear()
        self.everything = True
        self._news.set()

    async def news(self, timeout: float) -> list[Call]:
        """The calls that changed; none after `timeout` seconds of silence."""
        try:
            async with asyncio.timeout(timeout):
                await self._news.wait()
        except TimeoutError:
            return []
        self._news.clear()
        changed, self._changed = list(self._changed.values()), {}
        return changed


class Desks:
    """All watchers."""

    def __init__(self) -> None:
        self.watchers: set[Watcher] = set()
        self.closing = False

    def changed(self, call: Call) -> None:
        """Tell everybody of a call."""
        for watcher in self.watchers:
            watcher.tell(call)

    def close(self) -> None:
        """Send everybody home: an open page must not hold up the end of the sandbox."""
        self.closing = True
        self.reset()

    def reset(self) -> None:
        """Tell everybody to look again at everything."""
        for watcher in self.watchers:
            watcher.tell_all()
