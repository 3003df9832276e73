"""Showing the application in the portal's pages (https://apidocs.bitrix24.com/api-reference/widgets/index.html)."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic.alias_generators import to_camel

from b24client.budget import Priority
from b24client.caller import Caller
from b24client.errors import BadReply, Refused, UnknownOutcome
from b24client.php import Identifier, Reply, Text, as_list, as_map, read_all


class PlacementCode(StrEnum):
    """The places of interest to telephony; any other code may be given as text."""

    CALL_CARD = "CALL_CARD"
    """A tab of the call card."""
    PAGE_BACKGROUND_WORKER = "PAGE_BACKGROUND_WORKER"
    """A hidden frame on every page; has the buttons of the call card. Needs the option errorHandlerUrl."""
    REST_APP_URI = "REST_APP_URI"
    """What opens under /marketplace/view/..."""
    TELEPHONY_ANALYTICS_MENU = "TELEPHONY_ANALYTICS_MENU"
    CRM_ANALYTICS_MENU = "CRM_ANALYTICS_MENU"
    CRM_ANALYTICS_TOOLBAR = "CRM_ANALYTICS_TOOLBAR"


_Map = Annotated[dict[str, Any], BeforeValidator(as_map)]


class Placement(Reply):
    """A handler of ours in a place. `user_id`: for whom alone it is shown, None for everybody."""

    placement: Text = ""
    user_id: Identifier = None
    handler: Text = ""
    options: _Map = Field(default_factory=dict)
    title: Text = ""
    description: Text = ""
    lang_all: _Map = Field(default_factory=dict)

    model_config = Reply.model_config | {"alias_generator": to_camel}


class Placements:
    """`placement.*`: an installed application's own, carried out by an administrator; scope `placement`."""

    def __init__(self, portal: Caller) -> None:
        self._portal = portal

    async def list(self) -> builtins.list[Placement]:
        """Our handlers."""
        return read_all(Placement, "placement.get", await self._portal.call("placement.get", priority=Priority.SYNC))

    async def codes(self, scope: str | None = None) -> builtins.list[str]:
        """The places we may fill, or those of a scope."""
        params = {} if scope is None else {"SCOPE": scope}
        result = await self._portal.call("placement.list", params, priority=Priority.SYNC)
        try:
            return [str(code) for code in as_list(result)]
        except TypeError as error:
            raise BadReply("placement.list", "", str(error)) from None

    async def bind(
        self,
        placement: PlacementCode | str,
        handler: str,
        *,
        title: str = "",
        description: str = "",
        group: str = "",
        languages: Mapping[str, Mapping[str, str]] | None = None,
        options: Mapping[str, Any] | None = None,
        user_id: int | None = None,
    ) -> bool:
        """Show our `handler` in a place; False when it already is.

        `languages`: `{"de": {"TITLE": ..., "DESCRIPTION": ..., "GROUP_NAME": ...}}`; `user_id` only for
        PAGE_BACKGROUND_WORKER. The portal refuses some mistakes under HTTP 200; they are `Refused` like any other.
        Source: https://apidocs.bitrix24.com/api-reference/widgets/placement-bind.html
        """
        if await self._bound(placement, handler, user_id):
            return False
        params = {
            "PLACEMENT": str(placement),
            "HANDLER": handler,
            "TITLE": title,
            "DESCRIPTION": description,
            "GROUP_NAME": group,
            "LANG_ALL": {language: dict(texts) for language, texts in (languages or {}).items()},
            "OPTIONS": dict(options or {}),
            "USER_ID": user_id,
        }
        try:
            await self._portal.call("placement.bind", {k: v for k, v in params.items() if v}, priority=Priority.SYNC)
        except Refused as error:
            if "already bind" in error.description.lower():
                return False  # somebody was quicker
            raise
        except UnknownOutcome:
            if not await self._bound(placement, handler, user_id):
                raise
        return True

    async def unbind(
        self, placement: PlacementCode | str, handler: str | None = None, *, user_id: int | None = None
    ) -> bool:
        """Show our handler, or (None) all of ours, in a place no longer; False when there was none.

        The number the portal answers is of little use: it counts a handler once when found and again when removed
        (https://apidocs.bitrix24.com/api-reference/widgets/placement-unbind.html).
        """
        params: dict[str, Any] = {"PLACEMENT": str(placement)}
        params |= {"HANDLER": handler} if handler is not None else {}
        params |= {"USER_ID": user_id} if user_id is not None else {}
        result = await self._portal.call("placement.unbind", params, priority=Priority.SYNC)
        try:
            return int(as_map(result).get("count", 0)) > 0
        except (TypeError, ValueError):
            raise BadReply("placement.unbind", "", "result: expected a count") from None

    async def _bound(self, placement: str, handler: str, user_id: int | None) -> bool:
        return any(
            (p.placement.upper(), p.handler, p.user_id) == (str(placement).upper(), handler, user_id or None)
            for p in await self.list()
        )
