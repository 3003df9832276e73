"""Outside lines: an application's own, and which line the portal's outgoing calls take.

https://apidocs.bitrix24.com/api-reference/telephony/telephony-external-line-add.html and
https://apidocs.bitrix24.com/api-reference/telephony/voximplant/lines/index.html
"""

from __future__ import annotations

import builtins
from typing import Any

from pydantic import Field

from b24client.budget import Priority
from b24client.caller import Caller
from b24client.errors import BadReply
from b24client.php import Reply, Text, Truth, as_map, read_all

_ADD = "telephony.externalLine.add"
_UPDATE = "telephony.externalLine.update"
_DELETE = "telephony.externalLine.delete"
_GET = "telephony.externalLine.get"
_AVAILABLE = "voximplant.line.get"
_OUTGOING = "voximplant.line.outgoing.get"
_SET_OUTGOING = "voximplant.line.outgoing.set"


class Line(Reply):
    """An outside line of the application. `crm_auto_create`: outgoing calls by it make clients in the CRM."""

    number: str = Field(min_length=1)
    name: Text = ""
    crm_auto_create: Truth = True


class Lines:
    """`telephony.externalLine.*` (an installed application's own methods, a webhook gets AccessDenied).

    Add every number calls come in by and name it as `line_number` in each registration: Sales Intelligence and the
    reports know calls by their lines only then.
    """

    def __init__(self, portal: Caller) -> None:
        self._portal = portal

    async def list(self) -> builtins.list[Line]:
        """The application's lines."""
        return read_all(Line, _GET, await self._portal.call(_GET, priority=Priority.SYNC))

    async def add(self, number: str, name: str = "", *, crm_auto_create: bool = True) -> int:
        """A new line; its id. Refused when the application has one with this number: see `ensure`."""
        return await self._changed(_ADD, number, {"NAME": name, "CRM_AUTO_CREATE": _yes_no(crm_auto_create)})

    async def update(self, number: str, *, name: str | None = None, crm_auto_create: bool | None = None) -> int:
        """Change a line; its id. Raises ValueError when there is nothing to change."""
        fields: dict[str, str] = {}
        if name is not None:
            fields["NAME"] = name
        if crm_auto_create is not None:
            fields["CRM_AUTO_CREATE"] = _yes_no(crm_auto_create)
        if not fields:
            raise ValueError("line: neither name nor crm_auto_create is given; there is nothing to change")
        return await self._changed(_UPDATE, number, fields)

    async def ensure(self, number: str, name: str = "", *, crm_auto_create: bool = True) -> bool:
        """Have a line of this number with these properties; False when it was so already.

        May be repeated after an answer that was lost.
        """
        wanted = Line(number=_given(number), name=name, crm_auto_create=crm_auto_create)
        known = next((line for line in await self.list() if line.number == wanted.number), None)
        if known == wanted:
            return False
        if known is None:
            await self.add(number, name, crm_auto_create=crm_auto_create)
        else:
            await self.update(number, name=name, crm_auto_create=crm_auto_create)
        return True

    async def delete(self, number: str) -> None:
        """Remove a line. Refused when there is none of this number."""
        await self._portal.call(_DELETE, {"NUMBER": _given(number)}, priority=Priority.SYNC)

    async def available(self) -> dict[str, str]:
        """The lines outgoing calls may take, by id, with their names; needs the right to manage numbers."""
        return self._names(_AVAILABLE, await self._portal.call(_AVAILABLE, priority=Priority.SYNC))

    async def outgoing(self) -> str:
        """The id of the line outgoing calls take when the employee has not chosen one."""
        result = await self._portal.call(_OUTGOING, priority=Priority.SYNC)
        if not isinstance(result, str):
            raise BadReply(_OUTGOING, "", f"result: expected a line's id, got {type(result).__name__}")
        return result

    async def set_outgoing(self, line_id: str) -> bool:
        """Have outgoing calls take a line, an application's as `REST_APP:` and its id.

        False when the portal did not: it passes over an id it does not know without a word.
        """
        await self._portal.call(_SET_OUTGOING, {"LINE_ID": _given(line_id)}, priority=Priority.SYNC)
        return await self.outgoing() == line_id

    async def _changed(self, method: str, number: str, fields: dict[str, str]) -> int:
        result = await self._portal.call(method, {"NUMBER": _given(number), **fields}, priority=Priority.SYNC)
        try:
            return int(as_map(result)["ID"])
        except (KeyError, TypeError, ValueError):
            raise BadReply(method, "", "result: no ID") from None

    def _names(self, method: str, result: Any) -> dict[str, str]:
        try:
            return {key: str(name) for key, name in as_map(result).items()}
        except TypeError as error:
            raise BadReply(method, "", str(error)) from None


def _given(value: str) -> str:
    if not value.strip():
        raise ValueError("line: the number or id is empty; the portal knows lines by it")
    return value


def _yes_no(value: bool) -> str:
    return "Y" if value else "N"
