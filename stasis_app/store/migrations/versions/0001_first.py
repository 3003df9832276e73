"""The first tables: the journal, the outbox, the phonebook, the directory, the portal's tokens."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from stasis_app.store.migrations.made import TABLE

revision = "0001"
down_revision = None

CALL_ID = sa.String(150)
LONG_TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "calls",
        sa.Column("call_id", CALL_ID, primary_key=True),
        sa.Column("direction", sa.String(10), nullable=False),
        sa.Column("started_at", sa.Double, nullable=False),
        sa.Column("ended_at", sa.Double),
        sa.Column("customer", sa.String(64), nullable=False),
        sa.Column("client", sa.String(255), nullable=False),
        sa.Column("line", sa.String(64), nullable=False),
        sa.Column("extensions", sa.Text, nullable=False),
        sa.Column("answered", sa.Boolean, nullable=False),
        sa.Column("talk_seconds", sa.Double, nullable=False),
        sa.Column("ended_by", sa.String(10)),
        sa.Column("cause", sa.SmallInteger, nullable=False),
        sa.Column("record", LONG_TEXT, nullable=False),
        **TABLE,
    )
    op.create_index("calls_by_start", "calls", ["started_at"], if_not_exists=True)
    op.create_index("calls_by_end", "calls", ["ended_at"], if_not_exists=True)
    op.create_index("calls_by_customer", "calls", ["customer", "started_at"], if_not_exists=True)
    op.create_table(
        "facts",
        sa.Column("call_id", CALL_ID, primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("data", LONG_TEXT, nullable=False),
        sqlite_with_rowid=False,
        **TABLE,
    )
    op.create_table(
        "outbox",
        sa.Column("call_id", CALL_ID, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("fact_at", sa.Double, nullable=False),
        sa.Column("opened_at", sa.Double, nullable=False),
        sa.Column("closed_at", sa.Double),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("body", LONG_TEXT, nullable=False),
        sa.Column("answer", LONG_TEXT, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sqlite_with_rowid=False,
        **TABLE,
    )
    op.create_index("outbox_by_state", "outbox", ["state", "opened_at"], if_not_exists=True)
    op.create_table(
        "clients",
        sa.Column("number", sa.String(64), primary_key=True),
        sa.Column("entity_type", sa.String(20), nullable=False),
        sa.Column("entity_id", sa.BigInteger, nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("user_id", sa.BigInteger),
        sa.Column("extension", sa.String(64), nullable=False),
        sa.Column("seen_at", sa.Double, nullable=False),
        **TABLE,
    )
    op.create_table(
        "employees",
        sa.Column("user_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("extension", sa.String(64), nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        **TABLE,
    )
    op.create_table(
        "portal_tokens",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("tokens", LONG_TEXT, nullable=False),
        sa.Column("saved_at", sa.Double, nullable=False),
        **TABLE,
    )
    op.create_table(
        "meta",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("value", LONG_TEXT, nullable=False),
        **TABLE,
    )


def downgrade() -> None:
    for table in ("meta", "portal_tokens", "employees", "clients", "outbox", "facts", "calls"):
        op.drop_table(table)
