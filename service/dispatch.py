"""How units are given out, and what follows once they are done.

Everything here is part of the caller's transaction, which holds the row of the work (`hold`): so
of two workers that end the last two units at once, one sees that nothing is left. The row of the
work always comes first, its units after it, and what was paid for them last, or two transactions
could wait for each other.
"""

from collections.abc import Collection, Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from service.alive import living
from service.jobs import Job, Queue
from service.orders import BEGIN, FINISH, FORECAST, RACE, Next
from service.sharing import band_of, cost_of, flow_of, next_tag, queue_for, rank_of
from service.storage import ComparisonRow, ForecastRow, State, UnitRow, Work, locked, now
from service.table_book import settle_open

RACE_POSITION, FIRST_POSITION, LAST_POSITION = 1, 2, 1_000_000
"""Positions of a race, of the first strategy, and of the end; the beginning has 0."""
MAX_ATTEMPTS = 10
"""Starts of one unit without anything new in its records."""
OPEN_FORECAST_SECONDS = 60.0
"""What a forecast counts in its owner's line where its budget is left open."""


def hold(session: Session, work: str) -> Work | None:
    """The comparison or forecast, which nobody else changes until the transaction ends."""
    for table in (ComparisonRow, ForecastRow):
        if locked(session, table, work):
            return session.get(table, work, populate_existing=True)
    return None


def unit_of(session: Session, job: Job) -> UnitRow | None:
    """The unit, kept until the transaction ends, where this is how it was given out last."""
    key = (job.work, job.position)
    unit = session.get(UnitRow, key, populate_existing=True, with_for_update=True)
    return unit if unit is not None and unit.dispatch == job.dispatch else None


def job_of(unit: UnitRow) -> Job:
    return Job(unit.work, unit.position, unit.dispatch)


def units_of(session: Session, work: str) -> list[UnitRow]:
    """In the order of the run."""
    query = sa.select(UnitRow).where(UnitRow.work == work).order_by(UnitRow.position)
    return list(session.scalars(query))


def first_unit(session: Session, queue: Queue, row: Work) -> None:
    """Give out what new work begins with."""
    is_forecast = isinstance(row, ForecastRow)
    budget = row.options.get("budget_seconds") or OPEN_FORECAST_SECONDS
    name, seconds = (FORECAST, budget) if is_forecast else (BEGIN, 0.0)
    unit = planned(row, 0, name, seconds, computes=True)
    session.add(unit)
    give(session, queue, unit)


def planned(row: Work, position: int, name: str, seconds: float, *, computes: bool) -> UnitRow:
    """A unit that is not given out yet, and has no place in a line."""
    return UnitRow(
        work=row.id,
        position=position,
        kind=row.__tablename__,
        name=name,
        flow=flow_of(row),
        queue="gpu" if computes else "cpu",
        computes=computes,
        band=band_of(row),
        cost=cost_of(seconds),
        tag=0,
        state="planned",
        dispatch=1,
    )


def plan(session: Session, row: Work, following: Next) -> None:
    """Store what a comparison consists of, once its beginning has found out."""
    position = FIRST_POSITION
    for one in following.units:
        place = RACE_POSITION if one.name == RACE else position
        position += one.name != RACE
        session.add(planned(row, place, one.name, one.seconds, computes=one.computes))
    session.add(planned(row, LAST_POSITION, FINISH, 0.0, computes=False))


def mark_over(units: Iterable[UnitRow], names: Collection[str]) -> None:
    """A race stopped these strategies."""
    for unit in units:
        unit.over = unit.name in names


def plan_again(units: Iterable[UnitRow], names: Collection[str]) -> None:
    """Let strategies be taken once more, and the end after them."""
    for unit in units:
        if unit.name in names or unit.name == FINISH:
            unit.state, unit.over, unit.cost = "planned", False, cost_of(0.0)
            unit.dispatch, unit.fruitless = unit.dispatch + 1, 0


def advance(session: Session, queue: Queue, row: Work) -> None:
    """Give out what is next, once nothing is left of what was: the race, the strategies, the end;
    and after that the work is completed."""
    units = units_of(session, row.id)
    if any(unit.state in ("queued", "running") for unit in units):
        return
    waiting = [unit for unit in units if unit.state == "planned"]
    if not waiting:
        end(session, row, "completed")
    stage = _stage(waiting[0]) if waiting else 0
    for unit in waiting:
        if _stage(unit) == stage:
            give(session, queue, unit)


def _stage(unit: UnitRow) -> int:
    return min(unit.position, FIRST_POSITION) if unit.position < LAST_POSITION else LAST_POSITION


def give(session: Session, queue: Queue, unit: UnitRow) -> None:
    """Queue a planned unit, and its job."""
    unit.queue = queue_for(unit.computes, living(session))
    unit.tag = next_tag(session, unit)
    unit.state = "queued"
    session.flush()  # the next one is to see it
    queue.put(session, job_of(unit), unit.queue, rank_of(unit))


def again(
    session: Session,
    queue: Queue,
    row: Work,
    unit: UnitRow,
    reason: str | None,
    *,
    deserted: bool = False,
) -> None:
    """Give a unit out once more: where it stood, or in a queue that suits it better by now; there
    it counts as before, or nothing more if it was begun. Where nobody takes from its own, it waits
    there for one who may come back, unless it is `deserted`. It fails with its work where it was
    begun too often without getting any further, and is left where that is told to stop."""
    unit.reason = reason
    row.revision += 1
    if row.cancelling:
        unit.state = "done"
    elif unit.fruitless >= MAX_ATTEMPTS:
        end(session, row, "failed", given_up(unit))
    else:
        unit.dispatch += 1
        alive = living(session)
        stays = unit.queue not in alive and not (deserted and alive)
        if not stays and queue_for(unit.computes, alive) != unit.queue:
            if unit.state == "running":
                unit.cost = cost_of(0.0)
            unit.state = "planned"
            give(session, queue, unit)
        else:
            unit.state = "queued"
            queue.put(session, job_of(unit), unit.queue, rank_of(unit))
    rest(session, row)
    # last of all: who books holds a unit and waits for the sum that this takes
    settle_open(session, unit.work, unit.position)


def rest(session: Session, row: Work) -> None:
    """Work of which nothing runs is queued again, or cancelled where it was told to stop."""
    session.flush()
    if row.state == "running" and not running(session, row.id):
        row.revision += 1
        row.state = "queued"
    if row.cancelling and row.state == "queued":
        end(session, row, "cancelled")


def running(session: Session, work: str) -> bool:
    """Whether any unit of it is at a worker."""
    at_work = sa.select(UnitRow.work).where(UnitRow.work == work, UnitRow.state == "running")
    return session.scalar(at_work.limit(1)) is not None


def end(session: Session, row: Work, state: State, error: dict[str, Any] | None = None) -> None:
    """End the work and all its units: who is at one may store nothing more."""
    row.state, row.error, row.finished_at = state, error, now()
    row.revision += 1
    session.flush()
    close_units(session, row.id, ("planned", "queued", "running"))


def close_units(session: Session, work: str, states: tuple[str, ...]) -> None:
    """Nothing more is to be done of its units in these states."""
    left = sa.update(UnitRow).where(UnitRow.work == work, UnitRow.state.in_(states))
    session.execute(left.values(state="done"))


def given_up(unit: UnitRow) -> dict[str, Any]:
    """The problem document of work whose unit leads to nothing, however often it is begun."""
    detail = (
        f"The worker ended {unit.fruitless} times while computing it, without getting any"
        " further; out of memory?"
    )
    if unit.reason:
        detail += f" At last: {unit.reason}."
    return {"title": "Given up", "detail": detail}
