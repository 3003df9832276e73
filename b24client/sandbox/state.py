"""The portal itself: everything it holds, in one object that the handlers share."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from b24client.sandbox.access import Access
from b24client.sandbox.activities import Activities
from b24client.sandbox.calls import Call, CallBook
from b24client.sandbox.config import SandboxConfig
from b24client.sandbox.desks import Desks
from b24client.sandbox.faults import Faults
from b24client.sandbox.journal import Journal
from b24client.sandbox.keeper import Store
from b24client.sandbox.limits import Gate, WorkingTime
from b24client.sandbox.notices import Notices
from b24client.sandbox.people import Client, People
from b24client.sandbox.placements import Placements
from b24client.sandbox.postman import Postman
from b24client.sandbox.robots import Robots
from b24client.sandbox.tasks import Tasks
from b24client.sandbox.timeline import Timeline
from b24client.sandbox.uploads import Uploads
from b24client.sandbox.workdays import WorkDays

BASE_NUMBER = "LINK_BASE_NUMBER"
"""The portal's own number, by which outgoing calls go unless somebody has chosen a line."""


class Lines(dict[str, dict[str, str | int]]):
    """The application's outside lines by number."""

    def dump(self) -> dict[str, Any]:
        """All as JSON values."""
        return dict(self)

    def load(self, kept: Mapping[str, Any]) -> None:
        """Take over what `dump` gave."""
        self.clear()
        self.update(kept)


class Sandbox:
    """One portal. Created by `create_sandbox`, found again with `app[SANDBOX]`."""

    def __init__(self, config: SandboxConfig) -> None:
        self.config = config
        self.people = People(config)
        self.crm = self.people.crm
        self.access = Access(config)
        self.gate = Gate(config.limits)
        self.working_time = WorkingTime(config.limits)
        self.faults = Faults(config.faults)
        self.journal = Journal(config.requests_kept)
        self.desks = Desks()
        self.calls = CallBook(self._changed, self._client, dedup_stops=lambda: config.switches.dedup_stops_at_finish)
        self.postman = Postman(self.access, config)
        self.placements = Placements()
        self.lines = Lines()
        self.workdays = WorkDays(self.people)
        self.activities = Activities()
        self.timeline = Timeline()
        self.tasks = Tasks()
        self.notices = Notices()
        self.robots = Robots()
        self.confirmations: dict[str, bool] = {}
        """What an administrator said to an application's wish to call a method that needs his word."""
        self.outgoing_line = BASE_NUMBER
        self.uploads = Uploads(config.recordings.upload_ttl)
        self.stores: dict[str, Store] = {
            "access": self.access,
            "people": self.people,
            "crm": self.crm,
            "activities": self.activities,
            "calls": self.calls,
            "events": self.postman,
            "journal": self.journal,
            "lines": self.lines,
            "placements": self.placements,
            "workdays": self.workdays,
            "timeline": self.timeline,
            "tasks": self.tasks,
            "notices": self.notices,
            "robots": self.robots,
        }
        """What survives a restart, if asked to, in the order it is read back."""
        self._files = tempfile.TemporaryDirectory(prefix="b24-sandbox-")

        self.records = Path(self._files.name)
        """The folder recordings are kept in."""

    def _client(self, entity_type: str, entity_id: int) -> Client | None:
        return self.people.entity(entity_type, entity_id)

    def _changed(self, call: Call) -> None:
        self.desks.changed(call)

    def base(self, request: web.Request) -> str:
        """The portal's address as the other side knows it."""
        return self.access.renamed_to or self.config.public_url.rstrip("/") or f"{request.scheme}://{request.host}"

    def reset(self) -> None:
        """Forget calls, requests and what came of them; keep people, tokens, bindings and robots."""
        self.calls.clear()
        self.activities.clear()
        self.timeline.clear()
        self.tasks.clear()
        self.notices.clear()
        self.robots.clear()
        self.journal.clear()
        self.gate.overruns = 0
        self.desks.reset()

    def close(self) -> None:
        """Remove the recordings that were not to be kept."""
        self._files.cleanup()


SANDBOX: web.AppKey[Sandbox] = web.AppKey("sandbox", Sandbox)
