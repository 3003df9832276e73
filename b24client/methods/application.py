"""What a portal offers to us (https://apidocs.bitrix24.com/api-reference/common/system/index.html)."""

from __future__ import annotations

from datetime import datetime

from b24client.budget import Priority
from b24client.caller import Caller
from b24client.errors import BadReply
from b24client.php import Moment, Reply, Truth, read, texts


class MethodState(Reply):
    """Whether a portal has a method, and whether our scopes let us call it. Rights are checked at the call only."""

    model_config = Reply.model_config | {"alias_generator": None}

    existing: Truth = False
    available: Truth = False


class _Clock(Reply):
    now: Moment = None


class _Feature(Reply):
    model_config = Reply.model_config | {"alias_generator": None}

    value: Truth = False


class Application:
    """The methods that need no scope. `Portal` itself has `app_info`, `profile` and `scope`."""

    def __init__(self, portal: Caller) -> None:
        self._portal = portal

    async def method(self, name: str) -> MethodState:
        """Whether there is a method and we may call it."""
        result = await self._portal.call("method.get", {"name": name.lower()}, priority=Priority.SYNC)
        if not isinstance(result, dict):
            raise BadReply("method.get", "", f"result: expected a map, got {type(result).__name__}")
        told = {"existing": result.get("isExisting"), "available": result.get("isAvailable")}
        return read(MethodState, "method.get", told)

    async def methods(self, *, scope: str | None = None, full: bool = False) -> frozenset[str]:
        """The methods we may call, those of a scope, or all; portals leave out the newer ones (see `method`)."""
        params = {"scope": scope} if scope is not None else {"full": True} if full else {}
        return frozenset(texts("methods", await self._portal.call("methods", params, priority=Priority.SYNC)))

    async def scopes(self) -> frozenset[str]:
        """All scopes the portal has, granted to us or not."""
        return frozenset(texts("scope", await self._portal.call("scope", {"full": True}, priority=Priority.SYNC)))

    async def feature(self, code: str) -> bool:
        """Whether the portal's plan has a feature: `rest_offline_extended` or `rest_auth_connector`.

        A portal on-premise that can't tell counts as one without it.
        """
        result = await self._portal.call("feature.get", {"CODE": code}, priority=Priority.SYNC)
        return read(_Feature, "feature.get", result).value

    async def admin(self) -> bool:
        """Whether we act for an administrator."""
        return await self._portal.call("user.admin", priority=Priority.SYNC) is True

    async def server_time(self) -> datetime:
        """The portal's clock."""
        result = await self._portal.call("server.time", priority=Priority.SYNC)
        now = read(_Clock, "server.time", {"NOW": result}).now if isinstance(result, str) else None
        if now is None:
            raise BadReply("server.time", "", "result: no time")
        return now
