"""What was removed, and which ended work was tidied."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "removals",
        sa.Column("kind", sa.String(), primary_key=True),
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("removed_at", sa.String(), nullable=False),
        sa.Column("looked_at", sa.String(), nullable=True),
    )
    op.create_index("ix_removals_removed_at", "removals", ["removed_at"])
    for table in ("comparisons", "forecasts"):
        op.add_column(
            table, sa.Column("tidied", sa.Boolean(), nullable=False, server_default=sa.false())
        )
