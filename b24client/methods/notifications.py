"""Telling employees something (https://apidocs.bitrix24.com/api-reference/chats/notifications/index.html)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from b24client.budget import Priority
from b24client.caller import Caller
from b24client.php import new_id

ATTACH_MOST = 60_000
"""Longest attachment, characters of JSON."""
_MESSAGE = "im.message.add"

Attach = Mapping[str, Any] | Sequence[Any]
"""An attachment (https://apidocs.bitrix24.com/api-reference/chats/messages/attachments/index.html)."""


class Notification(BaseModel):
    """A notification to one employee, with the formatting of the portal's messenger ([B], [URL=...])."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    user_id: int = Field(gt=0)
    message: str = Field(min_length=1)
    message_out: str = ""
    """The text for channels outside, such as e-mail."""
    tag: str = ""
    """A notification takes the place of an earlier one of ours with the same tag."""
    sub_tag: str = ""
    attach: Attach | None = None
    client_id: str = ""
    """Whose tags they are, for a webhook."""

    @field_validator("attach")
    @classmethod
    def _not_too_long(cls, attach: Attach | None) -> Attach | None:
        if attach is not None and len(json.dumps(attach)) > ATTACH_MOST:
            raise ValueError(f"longer than {ATTACH_MOST} characters")
        return attach

    def to_params(self) -> dict[str, Any]:
        """The parameters as the portal wants them, for a call or a batch command."""
        return {key.upper(): value for key, value in self.model_dump().items() if value not in (None, "", [], {})}


class Notifications:
    """`im.notify.*` and `im.message.add`; scope `im`."""

    def __init__(self, portal: Caller) -> None:
        self._portal = portal

    async def personal(self, notification: Notification, *, priority: Priority = Priority.SYNC) -> int | None:
        """Notify in the name of the user we act for; the id, None when the portal reached nobody."""
        return await self._notify("im.notify.personal.add", notification, priority)

    async def system(self, notification: Notification, *, priority: Priority = Priority.SYNC) -> int | None:
        """Notify in nobody's name; the id, None when the portal reached nobody."""
        return await self._notify("im.notify.system.add", notification, priority)

    async def message(
        self, dialog_id: int | str, text: str, *, attach: Attach | None = None, priority: Priority = Priority.SYNC
    ) -> int:
        """Write to an employee (his id) or into a chat ("chat13"); the message's id."""
        params: dict[str, Any] = {"DIALOG_ID": dialog_id, "MESSAGE": text}
        if attach:
            params["ATTACH"] = attach
        return new_id(_MESSAGE, await self._portal.call(_MESSAGE, params, priority=priority))

    async def _notify(self, method: str, notification: Notification, priority: Priority) -> int | None:
        result = await self._portal.call(method, notification.to_params(), priority=priority)
        return new_id(method, result) if result else None
