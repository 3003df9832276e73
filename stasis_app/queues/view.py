"""Queues as others see them: the API, the figures, `plan explain`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from stasis_app.queues.staff import Staff
from stasis_app.queues.strategy import Strategy

if TYPE_CHECKING:
    from stasis_app.queues.queue import Queue


class AgentState(StrEnum):
    """What an agent of a queue is doing."""

    OUT = "out"
    PAUSED = "paused"
    AWAY = "away"  # his phone could not be reached, or his working day is over
    ENGAGED = "engaged"  # a call of ours rings or keeps his phone
    WRAP_UP = "wrap_up"
    RESTING = "resting"  # he let a call ring a moment ago
    FREE = "free"


@dataclass(frozen=True, slots=True)
class AgentView:
    """An agent as others see him. `until` is the Unix time his state ends by itself, None when it does not."""

    extension: str
    state: AgentState
    reason: str = ""
    until: float | None = None
    calls_today: int = 0
    last_call_at: float | None = None
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class WaitingView:
    """Somebody in the line as others see him."""

    call_id: str
    number: str
    since: float
    position: int
    weight: int
    call_back: bool
    ringing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QueueView:
    """A queue as others see it."""

    name: str
    strategy: Strategy
    waiting: tuple[WaitingView, ...]
    agents: tuple[AgentView, ...]
    expected_wait: float | None


def queue_view(queue: Queue, staff: Staff, now: float) -> QueueView:
    """Everything about a queue at this moment."""
    waiting = tuple(
        WaitingView(p.id, p.number, p.since, at, p.weight, p.call_back, p.offered) for at, p in enumerate(queue.line, 1)
    )
    agents = tuple(agent_view(queue, staff, extension, now) for extension in queue.members)
    return QueueView(queue.name, queue.settings.strategy, waiting, agents, queue.wait_of_one_more)


def agent_view(queue: Queue, staff: Staff, extension: str, now: float) -> AgentView:
    """One agent of a queue."""
    agent, absence = staff.agent(extension), staff.absence(extension)
    state, reason, until = AgentState.FREE, "", None
    if not queue.signed_in(extension):
        state = AgentState.OUT
    elif agent.paused:
        state, reason = AgentState.PAUSED, agent.reason
    elif staff.engaged(extension) or agent.on_call:
        state = AgentState.ENGAGED
    elif agent.wrap_up_until > now:
        state, until = AgentState.WRAP_UP, agent.wrap_up_until
    elif absence is not None:
        state = AgentState.AWAY if absence.away else AgentState.RESTING
        reason, until = absence.why, absence.until
    calls = staff.calls_today(agent)
    return AgentView(extension, state, reason, until, calls, agent.last_call_at or None, agent.on_call)
