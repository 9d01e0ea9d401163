"""What the tests of units share: work that is given out, workers that only take it, and jobs as the
engine has them."""

import threading
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from service.jobs import Job
from service.orders import RACE, Next, Planned
from service.services import Services
from service.storage import ComparisonRow, UnitRow, Work
from service.units import Overtaken

RACED = Next(units=(Planned(RACE, 5.0), Planned("a", 60.0), Planned("b", 30.0)))
PLAIN = Next(units=(Planned("a", 60.0), Planned("b", 30.0)))
LAST = 1_000_000


def begun(
    at: Services, table: type[Work] = ComparisonRow, owner: str | None = None, **options: Any
) -> str:
    """The id of new work, whose first unit is given out."""
    with at.store.begin() as session:
        task = at.store.add_task(session, {}, {}, owner).id
        return at.store.add_work(session, task, options, at.units.open, table, owner).id


def at_strategies(at: Services, following: Next = PLAIN, **options: Any) -> str:
    """The id of a comparison whose beginning is done."""
    work = begun(at, **options)
    at.units.follow(claimed(at, work, 0), following)
    return work


def units(at: Services, work: str) -> dict[int, UnitRow]:
    """By position."""
    query = sa.select(UnitRow).where(UnitRow.work == work).order_by(UnitRow.position)
    with at.store.begin() as session:
        return {unit.position: unit for unit in session.scalars(query)}


def states(at: Services, work: str) -> dict[str, str]:
    return {unit.name: unit.state for unit in units(at, work).values()}


def job(at: Services, work: str, position: int) -> Job:
    """As the unit was given out last."""
    return Job(work, position, units(at, work)[position].dispatch)


def claimed(at: Services, work: str, position: int, worker: str = "w") -> Job:
    """The unit, which a worker has claimed."""
    claim = at.units.claim(job(at, work, position).id, worker)
    assert claim is not None
    return claim.job


def row(at: Services, work: str) -> Work:
    return at.store.comparison(work, None)


def dequeued(at: Services, job: Job, worker: str) -> None:
    """Let the engine of a worker have taken the job, and no more."""
    change(at, "status = 'PENDING', executor_id = :worker", job, worker=worker)


def engine_says(at: Services, job: Job) -> str | None:
    return at.queue.states([job.id]).get(job.id)


def change(at: Services, what: str, job: Job, **values: str) -> None:
    place = "" if at.store.engine.dialect.name == "sqlite" else "dbos."
    text = f"UPDATE {place}workflow_status SET {what} WHERE workflow_uuid = :job"
    with at.store.begin() as session:
        session.execute(sa.text(text), {"job": job.id, **values})


def at_once(*actions: Callable[[], Any]) -> list[Any]:
    """What each gives, or the exception that it raises; all begin at the same moment."""
    gate, found = threading.Barrier(len(actions)), [None] * len(actions)

    def act(number: int, action: Callable[[], Any]) -> None:
        gate.wait()
        try:
            found[number] = action()
        except (Overtaken, sa.exc.SQLAlchemyError) as error:
            found[number] = error

    threads = [threading.Thread(target=act, args=each) for each in enumerate(actions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads), "they wait for each other"
    return found
