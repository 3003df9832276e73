"""The agents: who is in which queue, who pauses, who may be rung now. One agent, however many queues he serves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from stasis_app.queues.stores import QueueStore
from stasis_app.store import AgentRow, MembershipRow


@dataclass(frozen=True, slots=True)
class Agent:
    """What is kept of an agent. Times are Unix seconds, 0 for never; `calls` were taken the day of `last_call_at`."""

    extension: str
    paused: bool = False
    reason: str = ""
    changed_at: float = 0.0
    wrap_up_until: float = 0.0
    calls: int = 0
    last_call_at: float = 0.0
    on_call: str = ""  # the call he took from a queue and is still in
    on_queue: str = ""


@dataclass(frozen=True, slots=True)
class Absence:
    """Why an agent is left out for a while: `away` when he can't be reached at all, else he just let a call ring."""

    until: float
    why: str
    away: bool


class Staff:
    """All agents of all queues. `engaged` tells whether one of our calls rings or keeps an extension's phone."""

    def __init__(self, store: QueueStore, clock: Callable[[], float], engaged: Callable[[str], bool]) -> None:
        self._store = store
        self._clock = clock
        self._engaged = engaged
        self._agents: dict[str, Agent] = {}
        self._signed_in: dict[tuple[str, str], bool] = {}  # (queue, extension)
        self._absences: dict[str, Absence] = {}
        self._reserved: dict[str, str] = {}  # extension -> the place he is being rung for

    def load(self, agents: list[AgentRow], memberships: list[MembershipRow]) -> None:
        """What was kept."""
        self._agents = {row["extension"]: Agent(**row) for row in agents}
        self._signed_in = {(row["queue"], row["extension"]): row["signed_in"] for row in memberships}

    # Who serves a queue

    def members(self, queue: str, listed: tuple[str, ...]) -> list[str]:
        """Everybody who belongs to a queue: those of the plan, then those who were added."""
        added = (extension for name, extension in self._signed_in if name == queue)
        return list(dict.fromkeys((*listed, *added)))

    def signed_in(self, queue: str, extension: str, *, listed: bool) -> bool:
        """Whether he serves the queue now. Those the plan lists do until they sign out."""
        return self._signed_in.get((queue, extension), listed)

    def sign(self, queue: str, extension: str, *, signed_in: bool) -> None:
        """He signs in or out."""
        self._signed_in[queue, extension] = signed_in
        row = MembershipRow(queue=queue, extension=extension, signed_in=signed_in, changed_at=self._clock())
        self._store.keep_membership(row)
        self._absences.pop(extension, None)

    # Who can be rung

    def agent(self, extension: str) -> Agent:
        """What is known of an agent."""
        return self._agents.get(extension) or Agent(extension)

    def calls_today(self, agent: Agent) -> int:
        """How many calls he has taken today."""
        return agent.calls if _day(agent.last_call_at) == _day(self._clock()) else 0

    def free(self, extension: str) -> bool:
        """Whether he may be rung now."""
        agent, now = self.agent(extension), self._clock()
        absence = self._absences.get(extension)
        return not (
            agent.paused
            or agent.on_call
            or agent.wrap_up_until > now
            or (absence is not None and absence.until > now)
            or extension in self._reserved
            or self._engaged(extension)
        )

    def comes(self, extension: str) -> bool:
        """Whether it is worth waiting for him: he does not pause, and could be reached when that was last tried."""
        absence = self._absences.get(extension)
        away = absence is not None and absence.away and absence.until > self._clock()
        return not self.agent(extension).paused and not away

    def absence(self, extension: str) -> Absence | None:
        """Why he is left out at this moment, None when he is not."""
        absence = self._absences.get(extension)
        return absence if absence is not None and absence.until > self._clock() else None

    def rested_for(self, extension: str, why: str, *, within: float) -> bool:
        """Whether he was left out for this reason just now, within these seconds."""
        absence = self._absences.get(extension)
        return absence is not None and absence.why == why and absence.until > self._clock() - within

    def engaged(self, extension: str) -> bool:
        """Whether one of our calls rings or keeps his phone."""
        return self._engaged(extension)

    def free_from(self, extension: str) -> float | None:
        """The Unix time from which he may be rung, when it is only time that keeps him; None otherwise."""
        absence = self._absences.get(extension)
        until = max(self.agent(extension).wrap_up_until, absence.until if absence else 0.0)
        return until if until > self._clock() else None

    def on_calls(self) -> list[tuple[str, str]]:
        """The agents who are in a call they took from a queue, each with the call."""
        return [(agent.extension, agent.on_call) for agent in self._agents.values() if agent.on_call]

    # What happens to him

    def reserve(self, extension: str, place: str) -> None:
        """He is about to be rung for this place and for no other."""
        self._reserved[extension] = place

    def release(self, extension: str, place: str) -> None:
        """He is not rung for this place any more."""
        if self._reserved.get(extension) == place:
            del self._reserved[extension]

    def rest(self, extension: str, seconds: float, why: str, *, away: bool = False) -> None:
        """Leave him out for a while."""
        self._absences[extension] = Absence(self._clock() + seconds, why, away)

    def pause(self, extension: str, *, paused: bool, reason: str = "") -> None:
        """He pauses in all queues, or goes on."""
        self._keep(
            replace(self.agent(extension), paused=paused, reason=reason if paused else "", changed_at=self._clock())
        )

    def took(self, extension: str, call: str, queue: str) -> None:
        """He answered a call of a queue."""
        agent = self.agent(extension)
        self._absences.pop(extension, None)
        calls = self.calls_today(agent) + 1
        self._keep(replace(agent, calls=calls, last_call_at=self._clock(), on_call=call, on_queue=queue))

    def moved(self, extension: str, call: str) -> None:
        """He goes on talking in another call."""
        self._keep(replace(self.agent(extension), on_call=call))

    def finished(self, extension: str, wrap_up: float) -> None:
        """His call is over; he is left alone for `wrap_up` seconds."""
        now = self._clock()
        agent = replace(self.agent(extension), on_call="", on_queue="", last_call_at=now, wrap_up_until=now + wrap_up)
        self._keep(agent)

    def _keep(self, agent: Agent) -> None:
        self._agents[agent.extension] = agent
        self._store.keep_agent(AgentRow(**asdict(agent)))  # type: ignore[typeddict-item]


def _day(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).astimezone().date().isoformat()
