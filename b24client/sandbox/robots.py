"""Robots and workflow actions of applications, and their runs (https://apidocs.bitrix24.com/api-reference/bizproc/)."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from b24client.sandbox.wire import php_int

Kind = Literal["robot", "activity"]


@dataclass(slots=True)
class Robot:
    """A robot or an action: where it posts to, and what the designer shows of it (`fields`)."""

    app: str
    kind: Kind
    code: str
    handler: str
    fields: dict[str, Any]

    @property
    def subscribed(self) -> bool:
        """Whether its process waits for an answer."""
        return str(self.fields.get("USE_SUBSCRIPTION", "")).upper() == "Y"

    @property
    def auth_user_id(self) -> int:
        """Whose token the handler gets, 0 when nobody was named."""
        return php_int(self.fields.get("AUTH_USER_ID"), 0)

    def properties(self, given: dict[str, Any]) -> dict[str, Any]:
        """Its parameters with the given values, the defaults for the others."""
        known = self.fields.get("PROPERTIES")
        described = known if isinstance(known, dict) else {}
        return {name: given.get(name, _default(about)) for name, about in described.items()} | given


def _default(about: Any) -> Any:
    return (
        next((value for key, value in about.items() if key.upper() == "DEFAULT"), "") if isinstance(about, dict) else ""
    )


@dataclass(slots=True)
class Run:
    """A robot at work on a document; over once it is answered, or at once if nobody waits."""

    event_token: str
    workflow_id: str
    robot: Robot
    document_id: list[str]
    properties: dict[str, Any]
    started: float = field(default_factory=time.time)
    answered: bool = False
    return_values: dict[str, Any] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        """The run for people and programs that watch the sandbox."""
        return {
            "event_token": self.event_token,
            "workflow_id": self.workflow_id,
            "code": self.robot.code,
            "document_id": self.document_id,
            "properties": self.properties,
            "subscribed": self.robot.subscribed,
            "answered": self.answered,
            "return_values": self.return_values,
            "log": self.log,
        }


class Robots:
    """Everything registered, and the runs so far."""

    def __init__(self) -> None:
        self.known: list[Robot] = []
        self.runs: dict[str, Run] = {}

    def of(self, app: str, kind: Kind) -> list[Robot]:
        """What an application has registered."""
        return [robot for robot in self.known if (robot.app, robot.kind) == (app, kind)]

    def find(self, app: str, kind: Kind, code: str) -> Robot | None:
        """One by its code."""
        return next((robot for robot in self.of(app, kind) if robot.code == code), None)

    def start(self, robot: Robot, document_id: list[str], properties: dict[str, Any]) -> Run:
        """Let one work on a document."""
        workflow = f"{secrets.token_hex(7)}.{secrets.randbelow(10**8):08d}"
        token = f"{workflow}|A{secrets.randbelow(10**5):05d}|{secrets.token_hex(16)}.{secrets.token_hex(32)}"
        run = self.runs[token] = Run(token, workflow, robot, document_id, robot.properties(properties))
        return run

    def waiting(self, event_token: str) -> Run | None:
        """The run a token belongs to, if it waits for an answer."""
        run = self.runs.get(event_token)
        return run if run is not None and run.robot.subscribed and not run.answered else None

    def forget(self, app: str) -> None:
        """The application is gone, and its robots with it."""
        self.known = [robot for robot in self.known if robot.app != app]

    def dump(self) -> dict[str, Any]:
        """All as JSON values."""
        return {"known": [asdict(robot) for robot in self.known], "runs": [asdict(run) for run in self.runs.values()]}

    def load(self, kept: Mapping[str, Any]) -> None:
        """Take over what `dump` gave."""
        self.known = [Robot(**row) for row in kept["known"]]
        runs = [Run(**{**row, "robot": Robot(**row["robot"])}) for row in kept["runs"]]
        self.runs = {run.event_token: run for run in runs}

    def clear(self) -> None:
        """Forget the runs."""
        self.runs.clear()
