"""The queues on disk, in the shape `stasis_app.queues.stores` asks for."""

from __future__ import annotations

from typing import TypedDict

from sqlalchemy import Connection, delete, select

from stasis_app.store.database import Database
from stasis_app.store.statements import Put
from stasis_app.store.tables import agents, call_backs, memberships
from stasis_app.store.writer import Writer

_OVER = ("done", "given_up")


class AgentRow(TypedDict):
    """What is kept of an agent. Times are Unix seconds, 0 for never."""

    extension: str
    paused: bool
    reason: str
    changed_at: float
    wrap_up_until: float
    calls: int
    last_call_at: float
    on_call: str
    on_queue: str


class MembershipRow(TypedDict):
    """Whether an agent signed into a queue or out of it."""

    queue: str
    extension: str
    signed_in: bool
    changed_at: float


class CallBackRow(TypedDict):
    """A call-back that was ordered; `state` is waiting, calling, done or given_up."""

    id: str
    queue: str
    number: str
    line: str
    since: float
    weight: int
    attempts: int
    not_before: float
    state: str
    call_id: str
    agent: str


class SqlQueueStore:
    """The queues in the database. What is kept is written soon, and nobody waits for it."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer
        self._put_agent = Put(agents, database.dialect)
        self._put_membership = Put(memberships, database.dialect)
        self._put_call_back = Put(call_backs, database.dialect)

    async def load(self) -> tuple[list[AgentRow], list[MembershipRow], list[CallBackRow]]:
        """Everything that is kept; call-backs that are over are forgotten. Raises SQLAlchemyError."""
        await self._writer.run(_forget_what_is_over)

        def ask(connection: Connection) -> tuple[list[AgentRow], list[MembershipRow], list[CallBackRow]]:
            return (
                [AgentRow(**row) for row in connection.execute(select(agents)).mappings()],  # type: ignore[typeddict-item]
                [MembershipRow(**row) for row in connection.execute(select(memberships)).mappings()],  # type: ignore[typeddict-item]
                [CallBackRow(**row) for row in connection.execute(select(call_backs)).mappings()],  # type: ignore[typeddict-item]
            )

        found_agents, found_memberships, found_call_backs = await self._database.read(ask)
        return found_agents, found_memberships, [row for row in found_call_backs if row["state"] not in _OVER]

    def keep_agent(self, row: AgentRow) -> None:
        """Write an agent some time soon."""
        self._writer.post(self._put_agent, [row])

    def keep_membership(self, row: MembershipRow) -> None:
        """Write a membership some time soon."""
        self._writer.post(self._put_membership, [row])

    def keep_call_back(self, row: CallBackRow) -> None:
        """Write a call-back some time soon."""
        self._writer.post(self._put_call_back, [row])


def _forget_what_is_over(connection: Connection) -> None:
    connection.execute(delete(call_backs).where(call_backs.c.state.in_(_OVER)))
