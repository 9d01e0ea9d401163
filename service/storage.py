"""The tables.

The engine of the durable jobs keeps its own tables in the same database, so that a comparison
and its job are written in one transaction. A change here needs a migration (`migrations/`).
"""

import secrets
import time
from datetime import UTC, datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

State = Literal["queued", "running", "completed", "failed", "cancelled"]
FINISHED: tuple[State, ...] = ("completed", "failed", "cancelled")


class Table(DeclarativeBase):
    """Times are ISO 8601, UTC; ids begin with the milliseconds of their making."""

    type_annotation_map = {dict[str, Any]: sa.JSON(none_as_null=True)}  # noqa: RUF012


class TaskRow(Table):
    """A task with its data. `facts` is what a reply shows of it without reading the spec.

    `owner` is whose it is; None where the service runs without keys.
    """

    __tablename__ = "tasks"

    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str | None] = mapped_column(index=True)
    created_at: Mapped[str]
    facts: Mapped[dict[str, Any]]
    spec: Mapped[dict[str, Any]] = mapped_column(deferred=True)


class Work(Table):
    """What the worker computes, and how far it is.

    `revision` grows with every change that a watcher should see. `attempts` counts how often
    a worker began it. `error` is a problem document, for a failed one. `owner` is that of the
    task.
    """

    __abstract__ = True

    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str | None]
    task: Mapped[str] = mapped_column(sa.ForeignKey("tasks.id", ondelete="CASCADE"), index=True)
    state: Mapped[State] = mapped_column(sa.String, index=True)
    cancelling: Mapped[bool] = mapped_column(default=False)
    revision: Mapped[int] = mapped_column(default=1)
    attempts: Mapped[int] = mapped_column(default=0)
    options: Mapped[dict[str, Any]]
    progress: Mapped[dict[str, Any]] = mapped_column(default=dict)
    error: Mapped[dict[str, Any] | None]
    created_at: Mapped[str]
    started_at: Mapped[str | None]
    finished_at: Mapped[str | None]


class ComparisonRow(Work):
    """A comparison."""

    __tablename__ = "comparisons"


class ForecastRow(Work):
    """A forecast."""

    __tablename__ = "forecasts"


class ReplyRow(Table):
    """The reply given to a POST with an Idempotency-Key, to be given again to the same owner.

    `owner` is empty where the service runs without keys: no part of a key may be null. It goes
    with the task that it speaks of, and with the `work`, where it speaks of one.
    """

    __tablename__ = "replies"

    owner: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    operation: Mapped[str] = mapped_column(primary_key=True)
    task: Mapped[str] = mapped_column(sa.ForeignKey("tasks.id", ondelete="CASCADE"), index=True)
    work: Mapped[str | None] = mapped_column(index=True)
    digest: Mapped[str]
    status: Mapped[int]
    body: Mapped[dict[str, Any]]
    created_at: Mapped[str]


class WorkerRow(Table):
    """When a worker was last alive, in seconds of the epoch."""

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(primary_key=True)
    beat: Mapped[float] = mapped_column(sa.Double)


class RemovedRow(Table):
    """What was removed, and whose files and jobs are still to be cleared away."""

    __tablename__ = "removed"

    kind: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)


class KeyRow(Table):
    """An API key. `name` is whose it is; `digest` is the SHA-256 of the whole key in hex digits,
    as the key itself is never stored. `scopes` stand between commas."""

    __tablename__ = "keys"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(index=True)
    digest: Mapped[str]
    scopes: Mapped[str]
    per_minute: Mapped[int]
    usd_per_month: Mapped[float]
    created_at: Mapped[str]
    revoked_at: Mapped[str | None]


class AgreedRow(Table):
    """What an owner agreed to pay hosted models for one piece of work, whose id it has.

    It stays when the work is removed: what was spent is not given back.
    """

    __tablename__ = "agreed"

    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(index=True)
    usd: Mapped[float]
    created_at: Mapped[str]


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def new_id() -> str:
    """Sorts by time of making: 12 hex digits of milliseconds, then 10 random ones."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(5)}"
