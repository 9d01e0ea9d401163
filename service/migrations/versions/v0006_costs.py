"""What a unit counts in its line, kept once it has a place there."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("units", sa.Column("cost", sa.Integer(), nullable=False, server_default="1"))
    op.execute("UPDATE units SET cost = tag WHERE state = 'planned'")  # where it stood until now
