"""Parts of comparisons for several workers, their records, and what hosted models are paid."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "units",
        sa.Column("work", sa.String(), primary_key=True),
        sa.Column("position", sa.Integer(), primary_key=True),
        *(
            sa.Column(name, sa.String(), nullable=False)
            for name in ("kind", "name", "flow", "queue")
        ),
        sa.Column("computes", sa.Boolean(), nullable=False),
        sa.Column("band", sa.Integer(), nullable=False),
        sa.Column("tag", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("over", sa.Boolean(), nullable=False),
        sa.Column("dispatch", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("fruitless", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("progress", sa.JSON(), nullable=False),
    )
    op.create_index("ix_units_state", "units", ["state"])
    op.create_table(
        "records",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("work", sa.String(), nullable=False),
        sa.Column("unit", sa.Integer(), nullable=False),
        sa.Column("lines", sa.Text(), nullable=False),
    )
    op.create_index("ix_records_work", "records", ["work", "unit", "id"])
    op.create_table(
        "payments",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("work", sa.String(), nullable=False),
        sa.Column("unit", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=True),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("usd", sa.Double(), nullable=False),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.Column("kept", sa.JSON(), nullable=True),
    )
    op.create_index("ix_payments_work", "payments", ["work", "key"])
    op.create_index("ix_payments_state", "payments", ["work", "state"])
    op.create_table(
        "spent",
        sa.Column("work", sa.String(), primary_key=True),
        sa.Column("usd", sa.Double(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
    )
    for name, default in (("queue", "cpu"), ("host", "")):
        op.add_column(
            "workers", sa.Column(name, sa.String(), nullable=False, server_default=default)
        )
