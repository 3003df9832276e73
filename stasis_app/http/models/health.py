"""How the service does: alive, ready, and what an operator has to know of."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field

from stasis_app.http.dependencies import Component, State
from stasis_app.http.models.base import Request, moment, moment_if_known
from stasis_app.incidents import Incident, Severity


class Alive(BaseModel):
    """The process answers. `incidents` are the codes of those that are open."""

    status: str = "alive"
    version: str
    incidents: list[str] = []


class ComponentOut(BaseModel):
    """The health of one component. `detail` is only for bearers of a token."""

    name: str
    state: State
    essential: bool
    detail: str = ""

    @classmethod
    def of(cls, component: Component, *, with_detail: bool) -> ComponentOut:
        return cls(
            name=component.name,
            state=component.state,
            essential=component.essential,
            detail=component.detail if with_detail else "",
        )


class Readiness(StrEnum):
    """Whether calls can be served."""

    READY = "ready"
    DEGRADED = "degraded"
    NOT_READY = "not ready"


class Ready(BaseModel):
    """Whether calls can be served, by component."""

    status: Readiness
    version: str
    components: list[ComponentOut]


class IncidentsState(StrEnum):
    """Which incidents."""

    OPEN = "open"
    ALL = "all"


class IncidentsQuery(Request):
    """Which incidents, and how many."""

    state: IncidentsState = Field(
        default=IncidentsState.OPEN, description="those going on, or also those that are over"
    )
    limit: int = Field(default=100, ge=1, le=1000, description="incidents at most")


class IncidentOut(BaseModel):
    """Something an operator has to know of."""

    code: str = Field(description="stable name of the kind of trouble")
    subject: str = Field(description="what it is about, an extension for instance; empty where there is only one")
    severity: Severity
    count: int = Field(description="how often it happened")
    first_at: datetime
    last_at: datetime
    closed_at: datetime | None = Field(description="when it was over; null while it goes on")
    detail: str = Field(description="what happened, the last time")
    meaning: str = Field(description="what it means for calls")
    remedy: str = Field(description="what mends it")

    @classmethod
    def of(cls, incident: Incident) -> IncidentOut:
        return cls(
            code=incident.kind.code,
            subject=incident.subject,
            severity=incident.kind.severity,
            count=incident.count,
            first_at=moment(incident.first_at),
            last_at=moment(incident.last_at),
            closed_at=moment_if_known(incident.closed_at),
            detail=incident.detail,
            meaning=incident.kind.meaning,
            remedy=incident.kind.remedy,
        )


class IncidentPage(BaseModel):
    """Incidents, what happened last first."""

    incidents: list[IncidentOut]
