"""What the API and the worker read and write of tasks, comparisons and forecasts."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from service.errors import Conflict, NotFound
from service.storage import (
    FINISHED,
    ComparisonRow,
    ForecastRow,
    State,
    TaskRow,
    Work,
    WorkerRow,
    new_id,
    now,
)

WORKER = "worker"
Row = TypeVar("Row", bound=TaskRow | Work)
Job = TypeVar("Job", bound=Work)
AddJob = Callable[[Session, str], None]
"""Queues a piece of work in the session's transaction."""
WORDS: dict[type[Work], str] = {ComparisonRow: "comparison", ForecastRow: "forecast"}


class Store:
    """Every method is one short transaction, unless it takes the caller's session.

    Work is a comparison, or what `table` says.
    """

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

    def remove_task(self, task: str) -> dict[type[Work], list[str]]:
        """Remove a task and its work, whose ids are returned; none may be unfinished."""
        with self.begin() as session:
            row = _get(session, TaskRow, "task", task)
            found: dict[type[Work], list[str]] = {}
            for table, what in WORDS.items():
                mine = list(session.scalars(sa.select(table).where(table.task == task)))
                if any(one.state not in FINISHED for one in mine):
                    raise Conflict(f"A {what} of task {task} is not finished. Cancel it first.")
                found[table] = [one.id for one in mine]
            session.delete(row)
            return found

    def add_work(
        self,
        session: Session,
        task: str,
        options: dict[str, Any],
        add_job: AddJob,
        table: type[Job],
    ) -> Job:
        _get(session, TaskRow, "task", task)
        row = table(id=new_id(), task=task, state="queued", options=options, created_at=now())
        session.add(row)
        session.flush()
        add_job(session, row.id)
        return row

    def comparison(self, comparison: str) -> ComparisonRow:
        return self.work(comparison, ComparisonRow)

    def work(self, key: str, table: type[Job]) -> Job:
        with self.begin() as session:
            return _get(session, table, WORDS[table], key)

    def cancel(self, key: str, table: type[Job]) -> Job:
        """A queued one is cancelled at once, a running one is told to stop."""
        with self.begin() as session:
            at_once = {"state": "cancelled", "finished_at": now()}
            if not _change(session, table, key, ["queued"], at_once):
                _change(session, table, key, ["running"], {"cancelling": True})
            return _get(session, table, WORDS[table], key)

    def remove_work(self, key: str, table: type[Work]) -> None:
        with self.begin() as session:
            session.delete(_get(session, table, WORDS[table], key))

    def start(self, key: str, table: type[Work] = ComparisonRow) -> Work | None:
        """Mark it as running, once more perhaps; None where nothing is left to do."""
        began = {
            "state": "running",
            "attempts": table.attempts + 1,
            "started_at": sa.func.coalesce(table.started_at, now()),
        }
        with self.begin() as session:
            if not _change(session, table, key, ["queued", "running"], began):
                return None
            return _get(session, table, WORDS[table], key)

    def save_progress(
        self, key: str, progress: dict[str, Any], table: type[Work] = ComparisonRow
    ) -> None:
        with self.begin() as session:
            _change(session, table, key, ["running"], {"progress": progress})

    def is_cancelling(self, key: str, table: type[Work] = ComparisonRow) -> bool:
        query = sa.select(table.cancelling).where(table.id == key)
        with self.begin() as session:
            return bool(session.scalar(query))

    def finish(
        self,
        key: str,
        state: State,
        error: dict[str, Any] | None = None,
        table: type[Work] = ComparisonRow,
    ) -> None:
        values = {"state": state, "error": error, "finished_at": now()}
        with self.begin() as session:
            _change(session, table, key, ["running"], values)

    def hand_back(self, key: str, table: type[Work] = ComparisonRow) -> None:
        """To the queue again, as if it had not been begun this time."""
        values = {"state": "queued", "attempts": table.attempts - 1}
        with self.begin() as session:
            _change(session, table, key, ["running"], values)

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


def _change(
    session: Session, table: type[Work], key: str, states: list[str], values: dict[str, Any]
) -> bool:
    """Set values where the work is in one of `states`; says whether it was."""
    query = (
        sa.update(table)
        .where(table.id == key, table.state.in_(states))
        .values(revision=table.revision + 1, **values)
    )
    return session.connection().execute(query).rowcount > 0
