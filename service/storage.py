"""The tables.

The engine of the durable jobs keeps its own tables in the same database, so that a comparison
and its job are written in one transaction. A change here needs a migration (`migrations/`).
"""

import secrets
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

State = Literal["queued", "running", "completed", "failed", "cancelled"]
UnitState = Literal["planned", "queued", "running", "done"]
PaymentState = Literal["booked", "settled"]
FINISHED: tuple[State, ...] = ("completed", "failed", "cancelled")
Begin = Callable[[], AbstractContextManager[Session]]
"""Begins a transaction, which ends with the block."""


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
    task. `tidied`: it has ended, and what nobody asks for was cleared away (`service.orphans`).
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
    tidied: Mapped[bool] = mapped_column(default=False)


class ComparisonRow(Work):
    """A comparison; `units` in the order of the run."""

    __tablename__ = "comparisons"

    units: Mapped[list["UnitRow"]] = relationship(
        primaryjoin="ComparisonRow.id == foreign(UnitRow.work)",
        order_by="UnitRow.position",
        viewonly=True,
    )


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


class UnitRow(Table):
    """A part of a comparison, or a whole forecast, that one worker takes (docs/service.md).

    `work` is the id of the comparison or forecast, `kind` its table. `position` is its place in
    the order of the run, and `name` a strategy's id or one of those in `service.orders`. `dispatch`
    counts how often it was given out: who holds an older number may store nothing more. `worker`
    has it now, or had it last. `fruitless` are starts since its records last grew, `seconds` what
    was computed in all. `reason` says why it was given out once more. `cost` is what it counts and
    `tag` its place in the line (`service.sharing`), `computes`: a model runs for it, and `over`: a
    race stopped it. One that is planned waits for others, and has no job yet.
    """

    __tablename__ = "units"

    work: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[str]
    flow: Mapped[str]
    queue: Mapped[str]
    computes: Mapped[bool] = mapped_column(default=False)
    band: Mapped[int]
    cost: Mapped[int] = mapped_column(default=1)
    tag: Mapped[int]
    state: Mapped[UnitState] = mapped_column(sa.String, index=True)
    over: Mapped[bool] = mapped_column(default=False)
    dispatch: Mapped[int] = mapped_column(default=1)
    worker: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0)
    fruitless: Mapped[int] = mapped_column(default=0)
    seconds: Mapped[float] = mapped_column(sa.Double, default=0.0)
    reason: Mapped[str | None]
    progress: Mapped[dict[str, Any]] = mapped_column(default=dict)


class RecordsRow(Table):
    """Records of a comparison that were stored together, one JSON object a line, as a journal has
    them (`benchmarks.journal`): the answers of one batch and its time, above all.

    `unit` is the position of the unit that stored them.
    """

    __tablename__ = "records"

    id: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    work: Mapped[str]
    unit: Mapped[int]
    lines: Mapped[str] = mapped_column(sa.Text)

    __table_args__ = (sa.Index("ix_records_work", "work", "unit", "id"),)


class PaymentRow(Table):
    """A request to a hosted model: booked at the most that it can cost before it is sent, settled
    at what was billed. `kept` is the reply, to be given again instead of being paid once more."""

    __tablename__ = "payments"

    id: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    work: Mapped[str]
    unit: Mapped[int]
    key: Mapped[str | None]
    model: Mapped[str]
    state: Mapped[PaymentState] = mapped_column(sa.String)
    usd: Mapped[float] = mapped_column(sa.Double)
    tokens: Mapped[int]
    kept: Mapped[dict[str, Any] | None]

    __table_args__ = (
        sa.Index("ix_payments_work", "work", "key"),
        sa.Index("ix_payments_state", "work", "state"),
    )


class SpentRow(Table):
    """What hosted models were paid for one piece of work: the sum of its settled payments."""

    __tablename__ = "spent"

    work: Mapped[str] = mapped_column(primary_key=True)
    usd: Mapped[float] = mapped_column(sa.Double)
    tokens: Mapped[int] = mapped_column(sa.BigInteger)


class WorkerRow(Table):
    """A worker: when it was last alive, in seconds of the epoch, which queue it takes from, and
    the machine that it runs on."""

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(primary_key=True)
    beat: Mapped[float] = mapped_column(sa.Double)
    queue: Mapped[str] = mapped_column(default="cpu")
    host: Mapped[str] = mapped_column(default="")


class RemovedRow(Table):
    """What was removed, and whose files and jobs are still to be cleared away."""

    __tablename__ = "removed"

    kind: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)


class RemovalRow(Table):
    """Work that was removed, by its id, which tells when it was made and nothing else: what a
    worker stores of it that was given up, and goes on unseen, is looked for by that
    (`service.orphans`), last at `looked_at`."""

    __tablename__ = "removals"

    kind: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    removed_at: Mapped[str] = mapped_column(index=True)
    looked_at: Mapped[str | None]


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


Row = TypeVar("Row", bound=TaskRow | Work)


def locked(session: Session, table: type[Row], key: str) -> bool:
    """Begin to write with the row, so that whoever else would has to wait; whether it is there."""
    same = sa.update(table).where(table.id == key).values(owner=table.owner)
    return session.connection().execute(same).rowcount > 0


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def new_id() -> str:
    """Sorts by time of making: 12 hex digits of milliseconds, then 10 random ones."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(5)}"
