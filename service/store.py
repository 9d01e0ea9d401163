"""What the API and the worker read and write of tasks, comparisons and forecasts."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload, sessionmaker
from sqlalchemy.orm.interfaces import ORMOption

from service.alive import Listener
from service.dispatch import close_units, end, running
from service.errors import Conflict, NotFound
from service.storage import (
    FINISHED,
    ComparisonRow,
    ForecastRow,
    RemovalRow,
    RemovedRow,
    ReplyRow,
    Row,
    TaskRow,
    UnitRow,
    Work,
    locked,
    new_id,
    now,
)

Job = TypeVar("Job", bound=Work)
Identified = TaskRow | Work | RemovalRow
AddJob = Callable[[Session, Work], None]
"""Queues a new piece of work in the session's transaction."""
WORDS: dict[type[Work], str] = {ComparisonRow: "comparison", ForecastRow: "forecast"}
WITH_UNITS: dict[type[Work], Sequence[ORMOption]] = {
    ComparisonRow: [
        selectinload(ComparisonRow.units).load_only(
            UnitRow.name, UnitRow.state, UnitRow.attempts, UnitRow.reason
        )
    ],
    ForecastRow: [],
}
"""By table, what is read with a row that is shown."""
AT_A_TIME = 500
"""Ids that are asked for, or given, in one query."""
ID = re.compile("[0-9a-f]{22}")
"""What `new_id` gives. Nothing else is looked for: not every database takes every text."""


class Store:
    """Every method is one short transaction, unless it takes the caller's session.

    Work is a comparison, or what `table` says. What belongs to another than `owner` is not found;
    None finds all.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        told = {Listener: Listener()}
        self.begin = sessionmaker(engine, expire_on_commit=False, info=told).begin

    def add_task(
        self, session: Session, facts: dict[str, Any], spec: dict[str, Any], owner: str | None
    ) -> TaskRow:
        row = TaskRow(id=new_id(), owner=owner, created_at=now(), facts=facts, spec=spec)
        session.add(row)
        session.flush()  # what refers to it may follow
        return row

    def lock_task(self, session: Session, task: str) -> bool:
        """Whether it is there, and stays so until the transaction ends."""
        return locked(session, TaskRow, task)

    def tasks(self, limit: int, before: str | None, owner: str | None) -> list[TaskRow]:
        """Newest first, of those older than the id `before`."""
        query = sa.select(TaskRow).order_by(TaskRow.id.desc()).limit(limit)
        if owner is not None:
            query = query.where(TaskRow.owner == owner)
        with self.begin() as session:
            return list(session.scalars(query.where(TaskRow.id < before) if before else query))

    def tasks_among(self, keys: Sequence[str]) -> set[str]:
        """Those of the ids that a task has."""
        return self._among(sa.select(TaskRow.id), TaskRow, keys)

    def task(self, task: str, owner: str | None) -> TaskRow:
        with self.begin() as session:
            return _get(session, TaskRow, "task", task, owner)

    def spec(self, task: str, owner: str | None) -> dict[str, Any]:
        with self.begin() as session:
            return _get(session, TaskRow, "task", task, owner).spec

    def remove_task(self, task: str, owner: str | None) -> None:
        """Remove a task and its work, none of which may be unfinished.

        What lies elsewhere of them is noted, to be cleared away (`removing.clear`).
        """
        with self.begin() as session:
            row = _get(session, TaskRow, "task", task, owner, lock=True)
            for table, what in WORDS.items():
                mine = list(session.scalars(sa.select(table).where(table.task == task)))
                if any(one.state not in FINISHED for one in mine):
                    raise Conflict(f"A {what} of task {task} is not finished. Cancel it first.")
                for one in mine:
                    _note_removed(session, table, one.id)
            session.add(RemovedRow(kind=TaskRow.__tablename__, id=task))
            session.delete(row)

    def add_work(
        self,
        session: Session,
        task: str,
        options: dict[str, Any],
        add_job: AddJob,
        table: type[Job],
        owner: str | None,
    ) -> Job:
        """Its owner is that of the task, whoever asks for it."""
        whose = _get(session, TaskRow, "task", task, owner, lock=True).owner
        row = table(
            id=new_id(), owner=whose, task=task, state="queued", options=options, created_at=now()
        )
        session.add(row)
        session.flush()
        add_job(session, row)
        return row

    def comparison(self, comparison: str, owner: str | None) -> ComparisonRow:
        return self.work(comparison, ComparisonRow, owner)

    def work(self, key: str, table: type[Job], owner: str | None) -> Job:
        """With its units, where it is a comparison."""
        with self.begin() as session:
            return _get(session, table, WORDS[table], key, owner, options=WITH_UNITS[table])

    def cancel(self, key: str, table: type[Job], owner: str | None) -> Job:
        """Where nothing of it runs it is cancelled at once; what runs is told to stop. As `work`
        gives it then."""
        with self.begin() as session:
            row = _get(session, table, WORDS[table], key, owner, lock=True)
            if row.state not in FINISHED and not running(session, key):
                end(session, row, "cancelled")
            elif row.state not in FINISHED:
                row.cancelling, row.revision = True, row.revision + 1
                close_units(session, key, ("planned", "queued"))
            session.flush()
            session.expire_all()
            return _get(session, table, WORDS[table], key, owner, options=WITH_UNITS[table])

    def remove_work(self, key: str, table: type[Work], owner: str | None) -> None:
        """Remove finished work and the replies that speak of it; what lies elsewhere is noted."""
        with self.begin() as session:
            what = WORDS[table]
            row = _get(session, table, what, key, owner, lock=True)
            if row.state not in FINISHED:
                raise Conflict(f"The {what} is {row.state}. Cancel it first.")
            session.execute(sa.delete(ReplyRow).where(ReplyRow.work == key))
            _note_removed(session, table, key)
            session.delete(row)

    def untidied(self, table: type[Work], before: str, last: str = "") -> list[str]:
        """The ids of work that ended before a time (ISO 8601, UTC), and was not tidied since:
        `AT_A_TIME` at most, those behind the id `last` first."""
        ended = table.state.in_(FINISHED), table.finished_at < before
        query = sa.select(table.id).where(*ended, table.tidied.is_(False))
        with self.begin() as session:
            return list(session.scalars(_from_behind(query, table, last)))

    def ended_among(self, table: type[Work], keys: Sequence[str], before: str) -> set[str]:
        """Those of the ids that work has which ended before a time (ISO 8601, UTC)."""
        ended = table.state.in_(FINISHED), table.finished_at < before
        return self._among(sa.select(table.id).where(*ended), table, keys)

    def tidied(self, table: type[Work], key: str) -> None:
        """Nothing is left of ended work that nobody asks for."""
        with self.begin() as session:
            session.execute(sa.update(table).where(table.id == key).values(tidied=True))

    def removals(self, table: type[Work], before: str, last: str = "") -> list[str]:
        """The ids of removed work, as far as that is remembered, after whose files nobody has
        looked since a time (ISO 8601, UTC); as many, and in the order, as `untidied` has them."""
        long_ago = RemovalRow.looked_at.is_(None) | (RemovalRow.looked_at < before)
        query = sa.select(RemovalRow.id).where(RemovalRow.kind == table.__tablename__, long_ago)
        with self.begin() as session:
            return list(session.scalars(_from_behind(query, RemovalRow, last)))

    def removed_among(self, table: type[Work], keys: Sequence[str]) -> set[str]:
        """Those of the ids of which it is remembered that their work was removed."""
        mine = RemovalRow.kind == table.__tablename__
        return self._among(sa.select(RemovalRow.id).where(mine), RemovalRow, keys)

    def looked_after(self, table: type[Work], key: str) -> None:
        """No file of removed work is left now."""
        mine = RemovalRow.kind == table.__tablename__, RemovalRow.id == key
        with self.begin() as session:
            session.execute(sa.update(RemovalRow).where(*mine).values(looked_at=now()))

    def forget_removals(self, session: Session, before: str) -> None:
        """No longer remember what was removed before a time (ISO 8601, UTC)."""
        session.execute(sa.delete(RemovalRow).where(RemovalRow.removed_at < before))

    def ended_before(self, time: str, table: type[Work]) -> list[str]:
        """The ids of work that ended before `time` (ISO 8601, UTC)."""
        query = sa.select(table.id).where(table.state.in_(FINISHED), table.finished_at < time)
        with self.begin() as session:
            return list(session.scalars(query))

    def unused_since(self, time: str) -> list[str]:
        """The ids of tasks made before `time` of which there is no work."""
        query = sa.select(TaskRow.id).where(TaskRow.created_at < time)
        for table in WORDS:
            query = query.where(~sa.exists().where(table.task == TaskRow.id))
        with self.begin() as session:
            return list(session.scalars(query))

    def forget_replies(self, session: Session, before: str) -> None:
        """Remove kept replies that were given before a time (ISO 8601, UTC)."""
        session.execute(sa.delete(ReplyRow).where(ReplyRow.created_at < before))

    def leftovers(self) -> list[tuple[str, str]]:
        """The kind and the id of what was removed, and is still to be cleared away."""
        with self.begin() as session:
            return [(row.kind, row.id) for row in session.scalars(sa.select(RemovedRow))]

    def cleared(self, kind: str, key: str) -> None:
        """Nothing is left of it."""
        mine = (RemovedRow.kind == kind, RemovedRow.id == key)
        with self.begin() as session:
            session.execute(sa.delete(RemovedRow).where(*mine))

    def _among(
        self, query: sa.Select[str], table: type[Identified], keys: Sequence[str]
    ) -> set[str]:
        """Those of the ids of the table that the query finds."""
        found: set[str] = set()
        with self.begin() as session:
            for some in _batched(keys):
                found.update(session.scalars(query.where(table.id.in_(some))))
        return found


def _from_behind(query: sa.Select[str], table: type[Identified], last: str) -> sa.Select[str]:
    return query.order_by(table.id <= last, table.id).limit(AT_A_TIME)


def _batched(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    """So many at a time as are asked for in one query."""
    return (keys[first : first + AT_A_TIME] for first in range(0, len(keys), AT_A_TIME))


def _note_removed(session: Session, table: type[Work], key: str) -> None:
    session.add(RemovedRow(kind=table.__tablename__, id=key))
    session.add(RemovalRow(kind=table.__tablename__, id=key, removed_at=now()))


def _get(
    session: Session,
    table: type[Row],
    what: str,
    key: str,
    owner: str | None,
    *,
    lock: bool = False,
    options: Sequence[ORMOption] = (),
) -> Row:
    """The row, if it is the owner's; with `lock` nobody changes or removes it meanwhile."""
    if lock and ID.fullmatch(key):
        locked(session, table, key)
    row = None
    if ID.fullmatch(key):
        row = session.get(table, key, options=options, populate_existing=bool(options))
    if row is None or (owner is not None and row.owner != owner):
        raise NotFound(what, key)
    return row
