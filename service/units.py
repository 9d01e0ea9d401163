"""Units of work and the workers that take them: every step is one short transaction.

A worker claims a unit, says how far it is, and either follows it up, fails, stops or hands it back.
A unit whose worker died is given out again under a new number. What is stored for a unit is stored
in a transaction that first takes its row under the number of the worker that stores (`guard`), so
that one who was given up and lives on changes nothing (fencing tokens: Kleppmann, Designing
Data-Intensive Applications, chapter 8).
"""

from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from service import alive, burying
from service.dispatch import (
    FIRST_POSITION,
    LAST_POSITION,
    advance,
    again,
    close_units,
    end,
    first_unit,
    hold,
    mark_over,
    plan,
    plan_again,
    rest,
    unit_of,
    units_of,
)
from service.jobs import Job, Queue
from service.orders import BEGIN, FINISH, FORECAST, RACE, Next
from service.progress import merged, reason_after
from service.storage import Begin, ComparisonRow, ForecastRow, UnitRow, Work, WorkerRow, now

__all__ = ["Claim", "Job", "Overtaken", "Units"]
LOST_SECONDS = 30.0
"""So long a job may be on its way to its unit."""
MISPLACED_SECONDS = 60.0
"""So long units wait for the workers of their queue to come back, as after an update, and for those
of a queue that suits them better to prove that they stay."""
TAKE_ROW = (
    sa.update(UnitRow)
    .where(UnitRow.work == sa.bindparam("of_work"), UnitRow.position == sa.bindparam("at"))
    .where(UnitRow.dispatch == sa.bindparam("given_out"), UnitRow.state == "running")
    .values(worker=UnitRow.worker)
)
"""Made once: it is asked with every booking and every record."""


class Overtaken(Exception):
    """Another worker has this unit now, or its work has ended: nothing more may be stored."""

    def __init__(self, job: Job) -> None:
        super().__init__(f"{job.id} is not this worker's any more")


@dataclass(frozen=True)
class Claim:
    """What a worker has taken. `row` is the work, `seconds` what was computed for all its units so
    far, `attempts` how often this unit was begun, and `fruitless` how often since its records last
    grew, this time included. `over`: a race stopped this strategy."""

    job: Job
    kind: type[Work]
    name: str
    over: bool
    row: Work
    seconds: float
    attempts: int
    fruitless: int


class Units:
    """What the API and the workers do with units."""

    def __init__(self, begin: Begin, queue: Queue) -> None:
        self.begin = begin
        self.queue = queue
        self._beats, self._jobless = alive.Unchanged[str](), alive.Unchanged[str]()
        self._misplaced = alive.Unchanged[burying.Kind]()

    def open(self, session: Session, row: Work) -> None:
        """Give out the first unit of new work, in the caller's transaction."""
        first_unit(session, self.queue, row)

    def beat(self, worker: str, queue: str, host: str) -> int:
        """Say that a worker is alive; how many units others compute on its machine."""
        with self.begin() as session:
            alive.beat(session, worker, queue, host)
            return alive.neighbours(session, worker, host)

    def claim(self, job_id: str, worker: str) -> Claim | None:
        """Take a unit; None where there is nothing to do. Asked again, as after a lost reply, it
        gives the same."""
        job = Job.parse(job_id)
        if job is None:
            return None
        with self.begin() as session:
            row, unit = hold(session, job.work), unit_of(session, job)
            if row is None or unit is None or unit.state not in ("queued", "running"):
                return None
            if unit.state == "running" and unit.worker != worker:
                return None
            if unit.state == "queued":
                unit.state, unit.worker = "running", worker
                unit.attempts, unit.fruitless = unit.attempts + 1, unit.fruitless + 1
                row.revision += 1
                if row.state == "queued":
                    row.state, row.attempts = "running", row.attempts + 1
                    row.started_at = row.started_at or now()
            return Claim(
                job=job,
                kind=type(row),
                name=unit.name,
                over=unit.over,
                row=row,
                seconds=sum(one.seconds for one in units_of(session, job.work)),
                attempts=unit.attempts,
                fruitless=unit.fruitless,
            )

    def guard(self, session: Session, job: Job) -> None:
        """Take the unit's row until the transaction ends, so that nobody gives the unit out
        meanwhile. Raises Overtaken."""
        mine = {"of_work": job.work, "at": job.position, "given_out": job.dispatch}
        if session.connection().execute(TAKE_ROW, mine).rowcount == 0:
            raise Overtaken(job)

    def progress(
        self, job: Job, progress: dict[str, Any] | None, seconds: float, *, grew: bool = False
    ) -> bool:
        """Store how far the unit is, and the work with it; whether that is told to stop.

        `progress` is None where nothing new is to be seen, `seconds` were computed since this was
        last said. `grew`: something was found that a new start need not find again. Raises
        Overtaken.
        """
        with self.begin() as session:
            row, unit = self._held(session, job)
            self._note(session, row, unit, progress, seconds)
            if grew:
                unit.fruitless = 0
            return row.cancelling

    def is_cancelling(self, job: Job) -> bool:
        """Whether the work is told to stop; only reads. Raises Overtaken."""
        with self.begin() as session:
            unit = session.get(UnitRow, (job.work, job.position))
            if unit is None or (unit.dispatch, unit.state) != (job.dispatch, "running"):
                raise Overtaken(job)
            kind = ForecastRow if unit.name == FORECAST else ComparisonRow
            return bool(session.scalar(sa.select(kind.cancelling).where(kind.id == job.work)))

    def follow(
        self,
        job: Job,
        following: Next,
        progress: dict[str, Any] | None = None,
        seconds: float = 0.0,
    ) -> None:
        """The unit is done; give out what follows from it, or complete the work. `progress` and
        `seconds` as for `progress`. Raises Overtaken, also where this was done already."""
        with self.begin() as session:
            row, unit = self._held(session, job)
            self._note(session, row, unit, progress, seconds)
            unit.state, unit.reason = "done", None
            row.revision += 1
            session.flush()
            if unit.name == FORECAST or (unit.name == FINISH and not following.again):
                end(session, row, "completed")  # told to stop too late: nothing is thrown away
                return
            if row.cancelling:
                rest(session, row)
                return
            if unit.name == BEGIN:
                plan(session, row, following)
            elif unit.name == RACE:
                mark_over(units_of(session, row.id), following.over)
            elif unit.name == FINISH:
                plan_again(units_of(session, row.id), following.again)
            advance(session, self.queue, row)

    def fail(self, job: Job, error: dict[str, Any]) -> None:
        """The whole work has failed; `error` is a problem document. Raises Overtaken."""
        with self.begin() as session:
            row, _ = self._held(session, job)
            end(session, row, "failed", error)
        self.queue.drop(job.work)

    def stop(self, job: Job) -> None:
        """The worker has stopped, as it was told to; the work is cancelled once nothing of it runs.
        Raises Overtaken."""
        with self.begin() as session:
            row, unit = self._held(session, job)
            unit.state = "done"
            row.cancelling = True
            close_units(session, row.id, ("planned", "queued"))
            rest(session, row)

    def hand_back(self, job: Job, reason: str | None, *, fruitless: bool) -> None:
        """Give the unit out once more, for `reason`. Where it was not `fruitless`, this start says
        nothing of the work, as when the worker was told to end. Raises Overtaken."""
        with self.begin() as session:
            row, unit = self._held(session, job)
            if not fruitless:
                unit.attempts, unit.fruitless = unit.attempts - 1, max(0, unit.fruitless - 1)
            again(session, self.queue, row, unit, reason)
            if not fruitless and row.state == "queued":
                row.attempts -= 1

    def silent(self, seconds: float = alive.SILENT_SECONDS) -> list[str]:
        """The workers that said nothing for so long, as far as this process has listened."""
        with self.begin() as session:
            beats = {row.name: row.beat for row in session.scalars(sa.select(WorkerRow))}
        quiet = self._beats.seconds(beats)
        return [name for name, lasts in quiet.items() if lasts >= seconds]

    def bury(self, worker: str, reason: str) -> int:
        """Give out again all that a worker has, claimed or not, and forget the worker; how much
        that was."""
        return burying.bury(self.begin, self.queue, worker, reason)

    def move(self) -> int:
        """Give out again what waits in vain, and take up what an older version left; how much. In
        vain is where no worker has taken from a queue for a minute, or for so long there has been
        one that suits better; and without a job."""
        misplaced, jobless = burying.stranded(self.begin, self.queue)
        without = self._jobless.seconds(jobless)
        lost = [Job.parse(key) for key, lasts in without.items() if lasts >= LOST_SECONDS]
        since = self._misplaced.seconds(dict.fromkeys(misplaced, True))
        left = [misplaced[kind] for kind, lasts in since.items() if lasts >= MISPLACED_SECONDS]
        move = partial(burying.move, self.begin, self.queue)
        moved = sum(move(job, jobless=True) for job in lost if job is not None)
        moved += sum(move(job, jobless=False) for job in chain.from_iterable(left))
        return moved + burying.adopt(self.begin, self.queue)

    def _held(self, session: Session, job: Job) -> tuple[Work, UnitRow]:
        """The work and the unit, both kept until the transaction ends. Raises Overtaken."""
        row, unit = hold(session, job.work), unit_of(session, job)
        if row is None or unit is None or unit.state != "running":
            raise Overtaken(job)
        return row, unit

    def _note(
        self,
        session: Session,
        row: Work,
        unit: UnitRow,
        progress: dict[str, Any] | None,
        seconds: float,
    ) -> None:
        unit.seconds += seconds
        if progress is None:
            return
        unit.progress = progress
        unit.reason = reason_after(unit.reason, progress)
        parts = units_of(session, row.id)
        total = sum(FIRST_POSITION <= part.position < LAST_POSITION for part in parts)
        is_forecast = isinstance(row, ForecastRow)
        row.progress = progress if is_forecast else merged([p.progress for p in parts], total)
        row.revision += 1
