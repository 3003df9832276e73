"""Subscribing to what a portal posts (https://apidocs.bitrix24.com/api-reference/events/index.html)."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from b24client.budget import Priority
from b24client.caller import Caller
from b24client.errors import BadReply, Refused, UnknownOutcome
from b24client.methods.offline import OfflineEvents
from b24client.php import Reply, Text, Truth, as_list, as_map, read_all


class Binding(Reply):
    """An address the portal posts an event to, or (`offline`) a queue it keeps it in."""

    event: Text = ""
    handler: Text = ""
    auth_type: Text = ""
    offline: Truth = False
    auth_connector: Text = ""

    model_config = Reply.model_config | {"alias_generator": None}

    def same(self, event: str, handler: str, user_id: int) -> bool:
        """Whether it posts this event there, in the name of that user (0: of who caused it)."""
        given = (self.event.upper(), self.handler, self.auth_type or "0", self.offline)
        return given == (event.upper(), handler, str(user_id), False)


class Events:
    """`event.*`: only an installed application has events, a webhook gets AccessDenied."""

    def __init__(self, portal: Caller) -> None:
        self._portal = portal

    @cached_property
    def offline(self) -> OfflineEvents:
        """Events kept by the portal until they are fetched."""
        return OfflineEvents(self._portal)

    async def list(self) -> builtins.list[Binding]:
        """What is bound now."""
        return read_all(Binding, "event.get", await self._portal.call("event.get", priority=Priority.SYNC))

    async def bind(
        self, event: str, handler: str, *, user_id: int | None = None, options: Mapping[str, Any] | None = None
    ) -> bool:
        """Have an event posted to `handler`; False when it already is.

        `user_id`: in whose name, whose token comes along (None: who caused the event; another than oneself takes an
        administrator). `options`: such as `{"minTimeout": 5}` of ONOFFLINEEVENT. The portal forgets all bindings when
        the application is updated, so bind at each start.
        Source: https://apidocs.bitrix24.com/api-reference/events/event-bind.html
        """
        if await self._bound(event, handler, user_id):
            return False
        params: dict[str, Any] = {"event": event, "handler": handler}
        if user_id is not None:
            params["auth_type"] = user_id
        if options:
            params["options"] = dict(options)
        try:
            return await self._bind(params)
        except UnknownOutcome:
            if await self._bound(event, handler, user_id):
                return True
            raise

    async def bind_offline(self, event: str, *, auth_connector: str = "") -> bool:
        """Have an event kept for `offline` to fetch; False when it already is. Takes an administrator.

        Changes made by requests with the same `auth_connector` are left out.
        Source: https://apidocs.bitrix24.com/api-reference/events/offline-events.html
        """
        if await self._kept(event, auth_connector):
            return False
        params = {"event": event, "event_type": "offline"}
        if auth_connector:
            params["auth_connector"] = auth_connector
        try:
            return await self._bind(params)
        except UnknownOutcome:
            if await self._kept(event, auth_connector):
                return True
            raise

    async def _bind(self, params: Mapping[str, Any]) -> bool:
        try:
            await self._portal.call("event.bind", params, priority=Priority.SYNC)
        except Refused as error:
            if "already bind" in error.description.lower():
                return False  # somebody was quicker
            raise
        return True

    async def _bound(self, event: str, handler: str, user_id: int | None) -> bool:
        bindings = [b for b in await self.list() if not b.offline]
        if user_id is None:
            # A user without rights binds in his own name, so any name counts.
            return any(b.event.upper() == event.upper() and b.handler == handler for b in bindings)
        return any(binding.same(event, handler, user_id) for binding in bindings)

    async def _kept(self, event: str, auth_connector: str) -> bool:
        return any(
            b.offline and b.event.upper() == event.upper() and b.auth_connector == auth_connector
            for b in await self.list()
        )

    async def unbind(self, event: str, handler: str | None = None, *, user_id: int | None = None) -> int:
        """Stop an event: at one handler or (None) all, of one user or (0) those of nobody; how many bindings went.

        Source: https://apidocs.bitrix24.com/api-reference/events/event-unbind.html
        """
        return await self._unbind({"event": event, "handler": handler, "auth_type": user_id, "event_type": "online"})

    async def unbind_offline(self, event: str) -> int:
        """Keep an event no longer; how many bindings went."""
        return await self._unbind({"event": event, "event_type": "offline"})

    async def _unbind(self, params: Mapping[str, Any]) -> int:
        given = {name: value for name, value in params.items() if value is not None}
        result = await self._portal.call("event.unbind", given, priority=Priority.SYNC)
        try:
            return int(as_map(result).get("count", 0))
        except (TypeError, ValueError):
            raise BadReply("event.unbind", "", "result: expected a count") from None

    async def test(self, **fields: int | str) -> None:
        """Have the portal post ONAPPTEST with these fields, to see whether events arrive at all."""
        await self._portal.call("event.test", fields, priority=Priority.SYNC)

    async def names(self, scope: str | None = None) -> builtins.list[str]:
        """The names of the events we may bind, or of those of a scope."""
        params = {} if scope is None else {"SCOPE": scope}
        try:
            return [str(name) for name in as_list(await self._portal.call("events", params, priority=Priority.SYNC))]
        except TypeError as error:
            raise BadReply("events", "", str(error)) from None
