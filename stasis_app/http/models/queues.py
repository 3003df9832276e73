"""Queues: who waits in them, and who serves them."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from stasis_app.http.models.base import Request, moment, moment_if_known
from stasis_app.queues import AgentState, AgentView, QueueView, Strategy, WaitingView
from stasis_app.queues.line import CALL_BACK_PREFIX


class AgentChange(Request):
    """What an agent does from now on. He serves the queue; a pause holds for all his queues."""

    paused: bool | None = Field(default=None, description="true to pause, false to go on; left out: as it is")
    reason: str = Field(default="", max_length=255, description="why he pauses", examples=["lunch"])


class AgentOut(BaseModel):
    """An agent of a queue."""

    extension: str
    state: AgentState
    reason: str = Field(description="why he pauses or is away")
    until: datetime | None = Field(description="when this state ends by itself")
    calls_today: int = Field(description="calls of queues he has taken today")
    last_call_at: datetime | None = Field(description="when he took or ended the last of them")
    call_id: str = Field(description="the call of a queue he is in, empty when he is in none")

    @classmethod
    def of(cls, view: AgentView) -> AgentOut:
        return cls(
            extension=view.extension,
            state=view.state,
            reason=view.reason,
            until=moment_if_known(view.until),
            calls_today=view.calls_today,
            last_call_at=moment_if_known(view.last_call_at),
            call_id=view.call_id,
        )


class WaitingOut(BaseModel):
    """Somebody in the line."""

    call_id: str = Field(description="the call, or the one in which a call-back was ordered")
    number: str = Field(description="the customer's number, empty when withheld")
    since: datetime
    position: int = Field(description="1 is next")
    weight: int = Field(description="how important the CRM says he is; the heavier goes first")
    call_back: bool = Field(description="whether he has hung up and will be called back")
    ringing: list[str] = Field(description="the extensions that are rung for him now")

    @classmethod
    def of(cls, view: WaitingView) -> WaitingOut:
        return cls(
            call_id=view.call_id.removeprefix(CALL_BACK_PREFIX),
            number=view.number,
            since=moment(view.since),
            position=view.position,
            weight=view.weight,
            call_back=view.call_back,
            ringing=list(view.ringing),
        )


class QueueOut(BaseModel):
    """A queue at this moment."""

    name: str = Field(description="the element's name in the plan")
    strategy: Strategy
    expected_wait: float | None = Field(description="seconds somebody who called now would wait; null when unknown")
    waiting: list[WaitingOut] = Field(description="in the order they are served")
    agents: list[AgentOut]

    @classmethod
    def of(cls, view: QueueView) -> QueueOut:
        return cls(
            name=view.name,
            strategy=view.strategy,
            expected_wait=view.expected_wait,
            waiting=[WaitingOut.of(place) for place in view.waiting],
            agents=[AgentOut.of(agent) for agent in view.agents],
        )


class QueueList(BaseModel):
    """All queues of the plan."""

    queues: list[QueueOut]
