"""The tables, and how the database is opened.

The engine of the durable jobs keeps its own tables in the same database, so that a comparison
and its job are written in one transaction.
"""

import secrets
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from dbos import DBOS
from filelock import FileLock
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

State = Literal["queued", "running", "completed", "failed", "cancelled"]
FINISHED: tuple[State, ...] = ("completed", "failed", "cancelled")


class Table(DeclarativeBase):
    """Times are ISO 8601, UTC; ids begin with the milliseconds of their making."""

    type_annotation_map = {dict[str, Any]: sa.JSON(none_as_null=True)}  # noqa: RUF012


class TaskRow(Table):
    """A task with its data. `facts` is what a reply shows of it without reading the spec."""

    __tablename__ = "tasks"

    id: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[str]
    facts: Mapped[dict[str, Any]]
    spec: Mapped[dict[str, Any]] = mapped_column(deferred=True)


class Work(Table):
    """What the worker computes, and how far it is.

    `revision` grows with every change that a watcher should see. `attempts` counts how often
    a worker began it. `error` is a problem document, for a failed one.
    """

    __abstract__ = True

    id: Mapped[str] = mapped_column(primary_key=True)
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
    """The reply given to a POST with an Idempotency-Key, to be given again."""

    __tablename__ = "replies"

    key: Mapped[str] = mapped_column(primary_key=True)
    operation: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str]
    status: Mapped[int]
    body: Mapped[dict[str, Any]]
    created_at: Mapped[str]


class WorkerRow(Table):
    """When a worker was last alive, in seconds of the epoch."""

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(primary_key=True)
    beat: Mapped[float]


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


def open_database(url: str) -> sa.Engine:
    """An engine on `url` (SQLite), its tables made where missing."""
    path = Path(sa.make_url(url).database or "")
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url)
    sa.event.listen(engine, "connect", _prepare_connection)
    with FileLock(path.with_suffix(".lock")):  # server and worker start at the same moment
        with engine.connect() as connection:
            # readers never wait for the worker; the file remembers this setting
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        Table.metadata.create_all(engine)
        DBOS.migrate(url)
    return engine


def _prepare_connection(connection: Any, _record: Any) -> None:
    connection.isolation_level = "IMMEDIATE"  # writers wait in line instead of failing half-way
    connection.execute("PRAGMA busy_timeout=30000")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")
