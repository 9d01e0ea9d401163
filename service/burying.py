"""Units that nobody would do: their worker died, their job got lost, or no worker takes from their
queue; and those that wait where they suit less than in another queue by now. They are given out
again, by whichever worker notices it first.

Each is looked at once more while its work is held, so that any number of workers may notice the
same thing at once. A crash in between leaves what the next one notices.
"""

from itertools import chain
from typing import get_args

import sqlalchemy as sa
from sqlalchemy.orm import Session

from service.alive import heard, living
from service.dispatch import again, end, first_unit, hold, job_of, unit_of
from service.jobs import WAITING, Job, Queue
from service.orders import Queue as QueueName
from service.sharing import queue_for
from service.storage import (
    FINISHED,
    Begin,
    ComparisonRow,
    ForecastRow,
    UnitRow,
    WorkerRow,
)

IN_LINE = 200
"""So many units at the head of each queue are looked at: one that is lost comes to stand there. So
many of a kind are moved at a time."""
Kind = tuple[str, bool]
"""The queue in which units wait, and whether a model runs for them: such move together."""
OLD_WORKER = "worker"
"""How the worker of an older version is called, which takes whole comparisons."""


def bury(begin: Begin, queue: Queue, worker: str, reason: str) -> int:
    """Give out again all that a worker has, claimed or not, and forget the worker; how much that
    was. The worker may live after all: it is overtaken then."""
    taken = queue.taken_by(worker)
    with begin() as session:
        at_work = sa.select(UnitRow).where(UnitRow.state == "running", UnitRow.worker == worker)
        held = {job_of(unit) for unit in session.scalars(at_work)}
    unclaimed = {job for job in map(Job.parse, taken) if job is not None}
    given = 0
    for job in sorted(held | unclaimed):
        with begin() as session:
            row, unit = hold(session, job.work), unit_of(session, job)
            if row is None or unit is None:
                continue
            if unit.state == "running" and unit.worker == worker:
                again(session, queue, row, unit, reason)
                given += 1
            elif unit.state == "queued" and job in unclaimed:
                again(session, queue, row, unit, unit.reason)
                given += 1
    queue.remove(taken)
    with begin() as session:
        session.execute(sa.delete(WorkerRow).where(WorkerRow.name == worker))
    return given


def stranded(begin: Begin, queue: Queue) -> tuple[dict[Kind, list[Job]], dict[str, str]]:
    """The units that wait in another queue than they would be given to now: no worker takes from
    theirs any more, or since then one came that suits them better. And how the jobs are of those
    that wait without one that does: a job may be on its way to its unit, or lost."""
    with begin() as session:
        alive = living(session)
        # each queue by itself: their tags do not compare, and one would hide the other
        heads = [_first(session, UnitRow.queue == name) for name in get_args(QueueName)]
        ids = [job_of(unit).id for unit in chain.from_iterable(heads)]
        # each kind by itself, or one that waits for its minute would hide the other
        units = list(chain.from_iterable(_misplaced(session, alive, is_) for is_ in (True, False)))
    misplaced: dict[Kind, list[Job]] = {}
    for unit in units:
        misplaced.setdefault((unit.queue, unit.computes), []).append(job_of(unit))
    known = queue.states(ids)
    jobless = {id: known.get(id, "none") for id in ids if known.get(id) != WAITING}
    return misplaced, jobless


def _first(session: Session, *which: sa.ColumnElement[bool]) -> list[UnitRow]:
    """The first that wait, in the order of their lines."""
    in_line = sa.select(UnitRow).where(UnitRow.state == "queued", *which)
    return list(session.scalars(in_line.order_by(UnitRow.band, UnitRow.tag).limit(IN_LINE)))


def _misplaced(session: Session, alive: frozenset[str], computes: bool) -> list[UnitRow]:
    if not alive:  # whoever comes may be of the queue in which they wait
        return []
    suits = queue_for(computes, alive)
    return _first(session, UnitRow.computes == computes, UnitRow.queue != suits)


def move(begin: Begin, queue: Queue, job: Job, *, jobless: bool) -> bool:
    """Give a unit out again that waits without its job, or else in another queue than it would be
    given to now; False where it does not any more."""
    with begin() as session:
        row, unit = hold(session, job.work), unit_of(session, job)
        if row is None or unit is None or unit.state != "queued":
            return False
        alive = living(session)
        if not jobless and (not alive or unit.queue == queue_for(unit.computes, alive)):
            return False
        again(session, queue, row, unit, unit.reason, deserted=True)
    queue.remove([job.id])
    return True


def adopt(begin: Begin, queue: Queue) -> int:
    """Begin what an older version left queued or half done, unless its worker lives; how much."""
    with begin() as session:
        if OLD_WORKER in heard(session):
            return 0
        left = [
            key
            for table in (ComparisonRow, ForecastRow)
            for key in session.scalars(
                sa.select(table.id)
                .where(table.state.not_in(FINISHED))
                .where(~sa.exists().where(UnitRow.work == table.id))
            )
        ]
    for key in left:
        with begin() as session:
            row = hold(session, key)
            begun = session.get(UnitRow, (key, 0))
            if row is None or row.state in FINISHED or begun is not None:
                continue
            if row.cancelling:
                end(session, row, "cancelled")
                continue
            row.state = "queued"
            first_unit(session, queue, row)
        queue.remove([key])
    return len(left)
