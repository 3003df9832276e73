"""The lease: which of several instances with this database serves calls."""

import sqlalchemy as sa
from alembic import op

from stasis_app.store.migrations.made import TABLE

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("holder", sa.String(150), nullable=False),
        sa.Column("beat", sa.BigInteger, nullable=False),
        **TABLE,
    )


def downgrade() -> None:
    op.drop_table("leases")
