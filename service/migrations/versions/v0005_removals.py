"""What was removed, by a digest of its id."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "removals",
        sa.Column("digest", sa.String(), primary_key=True),
        sa.Column("removed_at", sa.String(), nullable=False),
    )
    op.create_index("ix_removals_removed_at", "removals", ["removed_at"])
