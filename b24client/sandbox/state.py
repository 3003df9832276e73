"""The portal itself: everything it holds, in one object that the handlers share."""

from __future__ import annotations

import tempfile
from pathlib import Path

from aiohttp import web

from b24client.sandbox.access import Access
from b24client.sandbox.activities import Activities
from b24client.sandbox.calls import Call, CallBook
from b24client.sandbox.config import SandboxConfig
from b24client.sandbox.desks import Desks
from b24client.sandbox.faults import Faults
from b24client.sandbox.journal import Journal
from b24client.sandbox.limits import Gate, WorkingTime
from b24client.sandbox.notices import Notices
from b24client.sandbox.people import People
from b24client.sandbox.postman import Postman
from b24client.sandbox.robots import Robots
from b24client.sandbox.tasks import Tasks
from b24client.sandbox.timeline import Timeline
from b24client.sandbox.uploads import Uploads
from b24client.sandbox.workdays import WorkDays

BASE_NUMBER = "LINK_BASE_NUMBER"
"""The portal's own number, by which outgoing calls go unless somebody has chosen a line."""


class Sandbox:
    """One portal. Created by `create_sandbox`, found again with `app[SANDBOX]`."""

    def __init__(self, config: SandboxConfig) -> None:
        self.config = config
        self.people = People(config)
        self.crm = self.people.crm
        self.access = Access(config)
        self.gate = Gate(config.limits)
        self.working_time = WorkingTime(config.limits)
        self.faults = Faults()
        self.journal = Journal(config.requests_kept)
        self.desks = Desks()
        self.calls = CallBook(self._changed)
        self.postman = Postman(self.access)
        self.workdays = WorkDays(self.people)
        self.activities = Activities()
        self.timeline = Timeline()
        self.tasks = Tasks()
        self.notices = Notices()
        self.robots = Robots()
        self.confirmations: dict[str, bool] = {}
        """What an administrator said to an application's wish to call a method that needs his word."""
        self.lines: dict[str, dict[str, str | int]] = {}
        self.outgoing_line = BASE_NUMBER
        self.uploads = Uploads(config.recordings.upload_ttl)
        self._files = tempfile.TemporaryDirectory(prefix="b24-sandbox-")

    def _changed(self, call: Call) -> None:
        self.desks.changed(call)

    @property
    def records(self) -> Path:
        """The folder recordings are kept in while the sandbox runs."""
        return Path(self._files.name)

    def base(self, request: web.Request) -> str:
        """The portal's address as the other side knows it."""
        return self.config.public_url.rstrip("/") or f"{request.scheme}://{request.host}"

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
        """Remove the recordings."""
        self._files.cleanup()


SANDBOX: web.AppKey[Sandbox] = web.AppKey("sandbox", Sandbox)
