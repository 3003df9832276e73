"""Queues: who serves them, who pauses, who is to be called back."""

import sqlalchemy as sa
from alembic import op

from stasis_app.store.migrations.made import TABLE

revision = "0003"
down_revision = "0002"

CALL_ID = sa.String(150)
QUEUE = sa.String(150)


def upgrade() -> None:
    op.create_table(
        "queue_memberships",
        sa.Column("queue", QUEUE, primary_key=True),
        sa.Column("extension", sa.String(64), primary_key=True),
        sa.Column("signed_in", sa.Boolean, nullable=False),
        sa.Column("changed_at", sa.Double, nullable=False),
        **TABLE,
    )
    op.create_table(
        "queue_agents",
        sa.Column("extension", sa.String(64), primary_key=True),
        sa.Column("paused", sa.Boolean, nullable=False),
        sa.Column("reason", sa.String(255), nullable=False),
        sa.Column("changed_at", sa.Double, nullable=False),
        sa.Column("wrap_up_until", sa.Double, nullable=False),
        sa.Column("calls", sa.Integer, nullable=False),
        sa.Column("last_call_at", sa.Double, nullable=False),
        sa.Column("on_call", CALL_ID, nullable=False),
        sa.Column("on_queue", QUEUE, nullable=False),
        **TABLE,
    )
    op.create_table(
        "call_backs",
        sa.Column("id", CALL_ID, primary_key=True),
        sa.Column("queue", QUEUE, nullable=False),
        sa.Column("number", sa.String(64), nullable=False),
        sa.Column("line", sa.String(64), nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("weight", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("not_before", sa.Double, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("call_id", CALL_ID, nullable=False),
        sa.Column("agent", sa.String(64), nullable=False),
        **TABLE,
    )
    op.create_index("call_backs_by_state", "call_backs", ["state"], if_not_exists=True)


def downgrade() -> None:
    for table in ("call_backs", "queue_agents", "queue_memberships"):
        op.drop_table(table)
