"""What reaches the employees by the portal's messenger: notifications and messages."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

_FIRST_ID = 12001


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification (`USER`, `SYSTEM`) to an employee, or a message (`MESSAGE`) in a dialog."""

    id: int
    kind: Literal["USER", "SYSTEM", "MESSAGE"]
    user_id: int
    """Who it is for; 0 for a chat."""
    dialog_id: str
    author_id: int
    app: str
    message: str
    message_out: str
    tag: str
    sub_tag: str
    attach: Any
    at: float

    def told(self) -> dict[str, Any]:
        """The notice for people and programs that watch the sandbox."""
        return asdict(self)


class Notices:
    """All that are there. `add` puts one in the place of an earlier one with the same tag."""

    def __init__(self) -> None:
        self.all: list[Notice] = []
        self._next_id = _FIRST_ID

    def add(
        self,
        kind: Literal["USER", "SYSTEM", "MESSAGE"],
        *,
        user_id: int,
        dialog_id: str,
        author_id: int,
        app: str,
        message: str,
        message_out: str = "",
        tag: str = "",
        sub_tag: str = "",
        attach: Any = None,
    ) -> Notice:
        """A new one. A tag is an application's own."""
        notice = Notice(
            self._next_id,
            kind,
            user_id,
            dialog_id,
            author_id,
            app,
            message,
            message_out,
            tag,
            sub_tag,
            attach,
            time.time(),
        )
        self._next_id += 1
        if tag:
            self.all = [other for other in self.all if (other.app, other.tag, other.user_id) != (app, tag, user_id)]
        self.all.append(notice)
        return notice

    def of(self, user_id: int) -> list[Notice]:
        """What one employee got."""
        return [notice for notice in self.all if notice.user_id == user_id]

    def dump(self) -> dict[str, Any]:
        """All as JSON values."""
        return {"next_id": self._next_id, "all": [notice.told() for notice in self.all]}

    def load(self, kept: Mapping[str, Any]) -> None:
        """Take over what `dump` gave."""
        self.all = [Notice(**row) for row in kept["all"]]
        self._next_id = int(kept["next_id"])

    def clear(self) -> None:
        """Forget all."""
        self.all.clear()
