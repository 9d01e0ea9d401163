"""What the API and the worker read and write of tasks and comparisons."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from service.errors import Conflict, NotFound
from service.storage import (
    FINISHED,
    ComparisonRow,
    State,
    TaskRow,
    WorkerRow,
    new_id,
    now,
)

WORKER = "worker"
Row = TypeVar("Row", TaskRow, ComparisonRow)
AddJob = Callable[[Session, str], None]
"""Queues a comparison in the session's transaction."""


class Store:
    """Every method is one short transaction, unless it takes the caller's session."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self.begin = sessionmaker(engine, expire_on_commit=False).begin

    def add_task(self, session: Session, facts: dict[str, Any], spec: dict[str, Any]) -> TaskRow:
        row = TaskRow(id=new_id(), created_at=now(), facts=facts, spec=spec)
        session.add(row)
        return row

    def tasks(self, limit: int, before: str | None) -> list[TaskRow]:
        """Newest first, of those older than the id `before`."""
        query = sa.select(TaskRow).order_by(TaskRow.id.desc()).limit(limit)
        with self.begin() as session:
            return list(session.scalars(query.where(TaskRow.id < before) if before else query))

    def task(self, task: str) -> TaskRow:
        with self.begin() as session:
            return _get(session, TaskRow, "task", task)

    def spec(self, task: str) -> dict[str, Any]:
        with self.begin() as session:
            return _get(session, TaskRow, "task", task).spec

    def remove_task(self, task: str) -> list[str]:
        """Remove a task and its comparisons, whose ids are returned; none may be unfinished."""
        with self.begin() as session:
            row = _get(session, TaskRow, "task", task)
            mine = sa.select(ComparisonRow).where(ComparisonRow.task == task)
            comparisons = list(session.scalars(mine))
            if any(one.state not in FINISHED for one in comparisons):
                raise Conflict(f"A comparison of task {task} is not finished. Cancel it first.")
            session.delete(row)
            return [one.id for one in comparisons]

    def add_comparison(
        self, session: Session, task: str, options: dict[str, Any], add_job: AddJob
    ) -> ComparisonRow:
        _get(session, TaskRow, "task", task)
        row = ComparisonRow(
            id=new_id(), task=task, state="queued", options=options, created_at=now()
        )
        session.add(row)
        session.flush()
        add_job(session, row.id)
        return row

    def comparison(self, comparison: str) -> ComparisonRow:
        with self.begin() as session:
            return _get(session, ComparisonRow, "comparison", comparison)

    def cancel(self, comparison: str) -> ComparisonRow:
        """A queued one is cancelled at once, a running one is told to stop."""
        with self.begin() as session:
            at_once = {"state": "cancelled", "finished_at": now()}
            if not _change(session, comparison, ["queued"], at_once):
                _change(session, comparison, ["running"], {"cancelling": True})
            return _get(session, ComparisonRow, "comparison", comparison)

    def remove_comparison(self, comparison: str) -> None:
        with self.begin() as session:
            session.delete(_get(session, ComparisonRow, "comparison", comparison))

    def start(self, comparison: str) -> ComparisonRow | None:
        """Mark it as running, once more perhaps; None where nothing is left to do."""
        began = {
            "state": "running",
            "attempts": ComparisonRow.attempts + 1,
            "started_at": sa.func.coalesce(ComparisonRow.started_at, now()),
        }
        with self.begin() as session:
            if not _change(session, comparison, ["queued", "running"], began):
                return None
            return _get(session, ComparisonRow, "comparison", comparison)

    def save_progress(self, comparison: str, progress: dict[str, Any]) -> None:
        with self.begin() as session:
            _change(session, comparison, ["running"], {"progress": progress})

    def is_cancelling(self, comparison: str) -> bool:
        query = sa.select(ComparisonRow.cancelling).where(ComparisonRow.id == comparison)
        with self.begin() as session:
            return bool(session.scalar(query))

    def finish(self, comparison: str, state: State, error: dict[str, Any] | None = None) -> None:
        values = {"state": state, "error": error, "finished_at": now()}
        with self.begin() as session:
            _change(session, comparison, ["running"], values)

    def beat(self) -> None:
        """Say that the worker is alive."""
        with self.begin() as session:
            session.merge(WorkerRow(name=WORKER, beat=time.time()))

    def silence(self) -> float:
        """Seconds since a worker was last alive; infinite where none ever was."""
        with self.begin() as session:
            row = session.get(WorkerRow, WORKER)
            return time.time() - row.beat if row else float("inf")


def _get(session: Session, table: type[Row], what: str, key: str) -> Row:
    row = session.get(table, key)
    if row is None:
        raise NotFound(what, key)
    return row


def _change(session: Session, comparison: str, states: list[str], values: dict[str, Any]) -> bool:
    """Set values where the comparison is in one of `states`; says whether it was."""
    query = (
        sa.update(ComparisonRow)
        .where(ComparisonRow.id == comparison, ComparisonRow.state.in_(states))
        .values(revision=ComparisonRow.revision + 1, **values)
    )
    return session.connection().execute(query).rowcount > 0
