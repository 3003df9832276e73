"""Places in the portal's pages where the application shows itself (https://apidocs.bitrix24.com/api-reference/widgets/)."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

WORKER = "PAGE_BACKGROUND_WORKER"
APP_URI = "REST_APP_URI"
CALL_CARD = "CALL_CARD"
MAIN_PAGE = "DEFAULT"
"""The application's own page."""
SCOPES: dict[str, str] = {
    CALL_CARD: "telephony",
    "TELEPHONY_ANALYTICS_MENU": "telephony",
    "CRM_ANALYTICS_MENU": "crm",
    "CRM_ANALYTICS_TOOLBAR": "crm",
    **{f"CRM_{entity}_DETAIL_TAB": "crm" for entity in ("LEAD", "DEAL", "CONTACT", "COMPANY")},
    **{f"CRM_{entity}_DETAIL_TOOLBAR": "crm" for entity in ("LEAD", "DEAL", "CONTACT", "COMPANY")},
    **{f"CRM_{entity}_LIST_MENU": "crm" for entity in ("LEAD", "DEAL", "CONTACT", "COMPANY")},
    "LEFT_MENU": "",
    WORKER: "",
    APP_URI: "",
}
"""The scope each place needs beside `placement`."""
ALONE = (WORKER, APP_URI)
"""Places an application may fill but once (the worker: once for everybody and once for each user)."""
SLOW_SECONDS = 5.0
"""How long a background worker may take to load ..."""
SLOW_TIMES = 10
"""... and how often a day it may take longer before the portal throws it out."""
_DAY = 24 * 3600


@dataclass(slots=True)
class Placement:
    """A handler in a place. `slow`: when it took too long to load."""

    id: int
    placement: str
    handler: str
    user_id: int = 0
    title: str = ""
    description: str = ""
    group: str = ""
    lang_all: dict[str, dict[str, str]] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    slow: list[float] = field(default_factory=list)

    def for_user(self, user_id: int) -> bool:
        """Whether an employee sees it."""
        return self.user_id in (0, user_id)


@dataclass(slots=True)
class Frame:
    """An open frame. `sid` is what the page and the frame know it by."""

    sid: str
    user_id: int
    placement: str
    handler: str
    options: dict[str, Any]


class Placements:
    """All handlers, and the frames that were opened of late."""

    def __init__(self) -> None:
        self.all: list[Placement] = []
        self.frames: dict[str, Frame] = {}
        self._last_id = 0

    def add(self, placement: Placement) -> None:
        """One more; its id is given here."""
        self._last_id += 1
        placement.id = self._last_id
        self.all.append(placement)

    def find(self, code: str) -> list[Placement]:
        """The handlers of a place."""
        return [placement for placement in self.all if placement.placement == code]

    def remove(self, gone: list[Placement]) -> None:
        """These are no longer shown."""
        ids = {placement.id for placement in gone}
        self.all = [placement for placement in self.all if placement.id not in ids]

    def open(self, user_id: int, placement: str, handler: str, options: dict[str, Any]) -> Frame:
        """A new frame."""
        frame = Frame(secrets.token_hex(16), user_id, placement, handler, options)
        self.frames[frame.sid] = frame
        while len(self.frames) > 2000:
            self.frames.pop(next(iter(self.frames)))
        return frame

    def loaded(self, placement: Placement, seconds: float) -> bool:
        """Note how long a background worker took to load; False when that was once too often: it is thrown out."""
        if seconds <= SLOW_SECONDS:
            return True
        now = time.time()
        placement.slow = [at for at in placement.slow if at > now - _DAY] + [now]
        if len(placement.slow) <= SLOW_TIMES:
            return True
        self.remove([placement])
        return False

    def dump(self) -> dict[str, Any]:
        """The handlers as JSON values."""
        return {"last_id": self._last_id, "all": [asdict(placement) for placement in self.all]}

    def load(self, kept: Mapping[str, Any]) -> None:
        """Take over what `dump` gave."""
        self._last_id = kept["last_id"]
        self.all = [Placement(**placement) for placement in kept["all"]]
