"""What queues keep across restarts, as seen from here: who serves them, who pauses, who is to be called back."""

from __future__ import annotations

from typing import Protocol

from stasis_app.store import AgentRow, CallBackRow, MembershipRow


class QueueStore(Protocol):
    """Keeps it. What is kept with `keep_...` is written soon; nobody waits for the disk."""

    async def load(self) -> tuple[list[AgentRow], list[MembershipRow], list[CallBackRow]]:
        """Everything that is kept."""
        ...

    def keep_agent(self, row: AgentRow) -> None: ...

    def keep_membership(self, row: MembershipRow) -> None: ...

    def keep_call_back(self, row: CallBackRow) -> None: ...


class MemoryQueueStore:
    """Keeps it as long as the process lives."""

    def __init__(self) -> None:
        self.agents: dict[str, AgentRow] = {}
        self.memberships: dict[tuple[str, str], MembershipRow] = {}
        self.call_backs: dict[str, CallBackRow] = {}

    async def load(self) -> tuple[list[AgentRow], list[MembershipRow], list[CallBackRow]]:
        return list(self.agents.values()), list(self.memberships.values()), list(self.call_backs.values())

    def keep_agent(self, row: AgentRow) -> None:
        self.agents[row["extension"]] = row

    def keep_membership(self, row: MembershipRow) -> None:
        self.memberships[row["queue"], row["extension"]] = row

    def keep_call_back(self, row: CallBackRow) -> None:
        self.call_backs[row["id"]] = row
