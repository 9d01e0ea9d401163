"""Whose each task is; replies that go with what they speak of; what is still to be cleared away."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for name in ("tasks", "comparisons", "forecasts"):
        op.add_column(name, sa.Column("owner", sa.String(), nullable=True))
    op.create_index("ix_tasks_owner", "tasks", ["owner"])
    op.create_table(
        "removed",
        sa.Column("kind", sa.String(), primary_key=True),
        sa.Column("id", sa.String(), primary_key=True),
    )
    kept = kept_replies()
    op.drop_table("replies")  # its primary key becomes another one
    replies = op.create_table(
        "replies",
        sa.Column("owner", sa.String(), primary_key=True),
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("operation", sa.String(), primary_key=True),
        sa.Column(
            "task", sa.String(), sa.ForeignKey("tasks.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("work", sa.String(), nullable=True),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
    )
    for column in ("task", "work"):
        op.create_index(f"ix_replies_{column}", "replies", [column])
    op.bulk_insert(replies, kept)


def kept_replies() -> list[dict[str, Any]]:
    """Those that speak of something that is still there, with what that is."""
    told = sa.table(
        "replies",
        *(sa.column(name, sa.String()) for name in ("key", "operation", "digest", "created_at")),
        sa.column("status", sa.Integer()),
        sa.column("body", sa.JSON()),
    )
    found = []
    for row in op.get_bind().execute(sa.select(told)).mappings().all():
        kind, key = row["body"]["location"].split("/")[-2:]
        task = task_of(kind, key)
        if task is not None:
            work = None if kind == "tasks" else key
            found.append({**row, "owner": "", "task": task, "work": work})
    return found


def task_of(kind: str, key: str) -> str | None:
    """The id of the task that something is, or belongs to."""
    table = sa.table(kind, sa.column("id"), sa.column("task"))
    wanted = table.c.id if kind == "tasks" else table.c.task
    found: str | None = op.get_bind().scalar(sa.select(wanted).where(table.c.id == key))
    return found
