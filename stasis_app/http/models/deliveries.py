"""What is on its way to the portal: operations of the outbox, and recordings."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from stasis_app.http.models.base import Answer, Request


class OutboxQuery(Request):
    """How much of the outbox."""

    limit: int = Field(default=100, ge=1, le=1000, description="entries at most")


class OutboxItemOut(Answer):
    """An operation on its way to the portal."""

    id: str
    call_id: str
    operation: str
    state: str
    attempts: int
    created_at: datetime
    error: str


class OutboxPage(BaseModel):
    """The outbox, newest first."""

    items: list[OutboxItemOut]


def _flag(value: Any) -> Any:
    """A parameter that is there without a value is meant."""
    return True if value == "" else value


class RecordingsQuery(Request):
    """Which recordings."""

    day: date | None = Field(default=None, description="the day their calls began (ISO 8601); today")
    missing: Annotated[bool, BeforeValidator(_flag)] = Field(
        default=False, description="only those the portal does not have"
    )


class RecordingOut(Answer):
    """A recording and what became of it."""

    call_id: str
    name: str = Field(description="of its file on the PBX; a stereo one is two files, name-in and name-out")
    kind: str = Field(description="talk, or message: left by the caller")
    at: datetime = Field(description="when it was complete")
    seconds: int
    stereo: bool
    state: str = Field(description="delivered, waiting, refused, failed, or kept on the PBX alone")
    why: str = Field(description="what keeps it from the portal")


class RecordingsPage(BaseModel):
    """The recordings of a day."""

    recordings: list[RecordingOut]
