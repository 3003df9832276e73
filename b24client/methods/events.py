"""Subscribing to what a portal posts (https://apidocs.bitrix24.com/api-reference/events/index.html)."""

from __future__ import annotations

from b24client.budget import Priority
from b24client.caller import Caller
from b24client.errors import BadReply
from b24client.php import Reply, Text, as_map, read_all


class Binding(Reply):
    """An address the portal posts an event to."""

    event: Text = ""
    handler: Text = ""
    auth_type: Text = ""
    offline: Text = ""

    model_config = Reply.model_config | {"alias_generator": None}


class Events:
    """`event.*`: only an installed application has events, a webhook gets AccessDenied."""

    def __init__(self, portal: Caller) -> None:
        self._portal = portal

    async def list(self) -> list[Binding]:
        """What is bound now."""
        return read_all(Binding, "event.get", await self._portal.call("event.get", priority=Priority.SYNC))

    async def bind(self, event: str, handler: str) -> bool:
        """Have an event posted to `handler`; False when it already is (binding twice is an error to the portal)."""
        if any(b.event.upper() == event.upper() and b.handler == handler for b in await self.list()):
            return False
        await self._portal.call("event.bind", {"event": event, "handler": handler}, priority=Priority.SYNC)
        return True

    async def unbind(self, event: str, handler: str) -> int:
        """Stop an event; how many bindings went."""
        params = {"event": event, "handler": handler}
        result = await self._portal.call("event.unbind", params, priority=Priority.SYNC)
        try:
            return int(as_map(result).get("count", 0))
        except (TypeError, ValueError):
            raise BadReply("event.unbind", "", "result: expected a count") from None
