"""The tables. Times are Unix seconds (UTC) in a double, so that every database keeps them alike."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Double,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.types import TypeEngine

metadata = MetaData()


class LongText(TypeDecorator[str]):
    """Text of any length: MariaDB's TEXT ends at 64 KB."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """MEDIUMTEXT on MariaDB, TEXT elsewhere."""
        if dialect.name not in ("mysql", "mariadb"):
            return dialect.type_descriptor(Text())
        from sqlalchemy.dialects import mysql  # takes a while to load, and most installations have no use for it

        return dialect.type_descriptor(mysql.MEDIUMTEXT())


CALL_ID = String(150)
QUEUE = String(150)
LONG_TEXT = LongText()

calls = Table(
    "calls",
    metadata,
    Column("call_id", CALL_ID, primary_key=True),
    Column("direction", String(10), nullable=False),
    Column("started_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("customer", String(64), nullable=False),
    Column("client", String(255), nullable=False),
    Column("line", String(64), nullable=False),
    Column("extensions", Text, nullable=False),
    Column("answered", Boolean, nullable=False),
    Column("talk_seconds", Double, nullable=False),
    Column("ended_by", String(10)),
    Column("cause", SmallInteger, nullable=False),
    Column("record", LONG_TEXT, nullable=False),
    Index("calls_by_start", "started_at"),
    Index("calls_by_end", "ended_at"),
    Index("calls_by_customer", "customer", "started_at"),
)
"""The journal: a row per call, its record whole in JSON and the columns people filter by."""

facts = Table(
    "facts",
    metadata,
    Column("call_id", CALL_ID, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("kind", String(30), nullable=False),
    Column("data", LONG_TEXT, nullable=False),
    sqlite_with_rowid=False,
)
"""The journal: the story of each call."""

outbox = Table(
    "outbox",
    metadata,
    Column("call_id", CALL_ID, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(10), nullable=False),
    Column("state", String(10), nullable=False),
    Column("fact_at", Double, nullable=False),
    Column("opened_at", Double, nullable=False),
    Column("closed_at", Double),
    Column("attempts", Integer, nullable=False),
    Column("body", LONG_TEXT, nullable=False),
    Column("answer", LONG_TEXT, nullable=False),
    Column("reason", Text, nullable=False),
    Index("outbox_by_state", "state", "opened_at"),
    sqlite_with_rowid=False,
)
"""What the portal is to be told, and what it answered."""

clients = Table(
    "clients",
    metadata,
    Column("number", String(64), primary_key=True),
    Column("entity_type", String(20), nullable=False),
    Column("entity_id", BigInteger, nullable=False),
    Column("name", String(255), nullable=False),
    Column("user_id", BigInteger),
    Column("extension", String(64), nullable=False),
    Column("seen_at", Double, nullable=False),
)
"""The phonebook: whose number it is."""

employees = Table(
    "employees",
    metadata,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String(255), nullable=False),
    Column("extension", String(64), nullable=False),
    Column("active", Boolean, nullable=False),
)
"""The directory of employees as the portal last told it."""

portal_tokens = Table(
    "portal_tokens",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("tokens", LONG_TEXT, nullable=False),
    Column("saved_at", Double, nullable=False),
)
"""The OAuth tokens of the one portal we belong to; the row's id is 1."""

memberships = Table(
    "queue_memberships",
    metadata,
    Column("queue", QUEUE, primary_key=True),
    Column("extension", String(64), primary_key=True),
    Column("signed_in", Boolean, nullable=False),
    Column("changed_at", Double, nullable=False),
)
"""Who signed into or out of a queue; those a plan lists and who never did have no row."""

agents = Table(
    "queue_agents",
    metadata,
    Column("extension", String(64), primary_key=True),
    Column("paused", Boolean, nullable=False),
    Column("reason", String(255), nullable=False),
    Column("changed_at", Double, nullable=False),
    Column("wrap_up_until", Double, nullable=False),
    Column("calls", Integer, nullable=False),
    Column("last_call_at", Double, nullable=False),
    Column("on_call", CALL_ID, nullable=False),
    Column("on_queue", QUEUE, nullable=False),
)
"""The agents of queues: pauses, and the figures strategies go by."""

call_backs = Table(
    "call_backs",
    metadata,
    Column("id", CALL_ID, primary_key=True),
    Column("queue", QUEUE, nullable=False),
    Column("number", String(64), nullable=False),
    Column("line", String(64), nullable=False),
    Column("since", Double, nullable=False),
    Column("weight", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("not_before", Double, nullable=False),
    Column("state", String(10), nullable=False),
    Column("call_id", CALL_ID, nullable=False),
    Column("agent", String(64), nullable=False),
    Index("call_backs_by_state", "state"),
)
"""Callers who would rather be called back than wait; the id is that of the call in which they said so."""

meta = Table(
    "meta",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", LONG_TEXT, nullable=False),
)
"""Small things that must survive: cursors, marks."""

incidents = Table(
    "incidents",
    metadata,
    Column("code", String(40), primary_key=True),
    Column("subject", String(100), primary_key=True),
    Column("detail", Text, nullable=False),
    Column("count", Integer, nullable=False),
    Column("first_at", Double, nullable=False),
    Column("last_at", Double, nullable=False),
    Column("closed_at", Double),
)
"""What an operator has to know of."""

leases = Table(
    "leases",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("holder", String(150), nullable=False),
    Column("beat", BigInteger, nullable=False),
)
"""Which of several instances serves calls (`stasis_app.store.lease`)."""
