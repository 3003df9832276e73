"""The table of incidents."""

import sqlalchemy as sa
from alembic import op

from stasis_app.store.migrations.made import TABLE

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "incidents",
        sa.Column("code", sa.String(40), primary_key=True),
        sa.Column("subject", sa.String(100), primary_key=True),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("first_at", sa.Double, nullable=False),
        sa.Column("last_at", sa.Double, nullable=False),
        sa.Column("closed_at", sa.Double),
        **TABLE,
    )


def downgrade() -> None:
    op.drop_table("incidents")
