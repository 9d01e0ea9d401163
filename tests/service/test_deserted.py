"""Units in a queue that no worker takes from any more, or that suits them less than another one:
they wait for a while, and then move."""

import pytest
import sqlalchemy as sa
from given import LAST, at_once, begun, claimed, engine_says, job, units

from service.jobs import Job
from service.orders import Next
from service.services import Services
from service.storage import WorkerRow

KILLED = "it was killed"


@pytest.fixture
def at(settings):
    found = Services.start(settings)
    yield found
    found.stop()


@pytest.fixture
def minutes(monkeypatch):
    """Let a worker look after the others for a minute; how much it moved each time."""
    now = [100.0]
    monkeypatch.setattr("service.alive.time.monotonic", lambda: now[0])

    def pass_by(at: Services) -> list[int]:
        moved = []
        for _ in range(7):
            moved.append(at.units.move())
            now[0] += 10
        return moved

    return pass_by


def test_units_move_to_a_queue_that_somebody_takes_from(at, minutes) -> None:
    at.units.beat("g", "gpu", "here")
    work = begun(at)
    first = job(at, work, 0)
    assert units(at, work)[0].queue == "gpu"
    assert at.units.move() == 0
    at.units.bury("g", KILLED)
    assert sum(minutes(at)) == 0  # nobody is there: it waits for whoever comes
    at.units.beat("w", "cpu", "here")
    assert minutes(at) == [0, 0, 0, 0, 0, 0, 1]  # its own worker might have come back
    unit = units(at, work)[0]
    assert (unit.queue, unit.dispatch, unit.state) == ("cpu", 2, "queued")
    assert (engine_says(at, first), engine_says(at, Job(work, 0, 2))) == (None, "ENQUEUED")
    assert at.units.move() == 0


def test_what_waits_goes_back_to_a_worker_that_suits_it_better(at, minutes) -> None:
    """Not at once: a worker that comes and goes would have it moved to and fro."""
    at.units.beat("w", "cpu", "here")
    work, other = begun(at), begun(at)
    mine = claimed(at, other, 0)  # what is at work stays
    at.units.beat("g", "gpu", "here")
    assert minutes(at) == [0, 0, 0, 0, 0, 0, 1]
    unit = units(at, work)[0]
    assert (unit.queue, unit.dispatch, unit.attempts, unit.reason) == ("gpu", 2, 0, None)
    assert (engine_says(at, Job(work, 0, 1)), engine_says(at, Job(work, 0, 2))) == (
        None,
        "ENQUEUED",
    )
    assert not at.units.is_cancelling(mine)
    assert sum(minutes(at)) == 0  # it suits it best there


def test_the_end_of_work_goes_back_to_a_worker_without_a_gpu(at, minutes) -> None:
    at.units.beat("g", "gpu", "here")
    work = begun(at)
    at.units.follow(claimed(at, work, 0, "g"), Next())
    assert units(at, work)[LAST].queue == "gpu"
    at.units.beat("w", "cpu", "here")
    assert sum(minutes(at)) == 1
    assert units(at, work)[LAST].queue == "cpu"


def test_a_unit_that_moved_away_goes_back_once_it_is_given_out_anew(at) -> None:
    at.units.beat("w", "cpu", "here")
    work = begun(at)
    assert units(at, work)[0].queue == "cpu"
    mine = claimed(at, work, 0)
    at.units.beat("g", "gpu", "here")
    at.units.hand_back(mine, None, fruitless=False)
    assert (units(at, work)[0].queue, engine_says(at, Job(work, 0, 2))) == ("gpu", "ENQUEUED")


def test_what_a_worker_had_waits_for_its_like_to_come_back(at) -> None:
    at.units.beat("w", "cpu", "here")
    at.units.beat("g", "gpu", "here")
    work = begun(at)
    claimed(at, work, 0, "g")
    with at.store.begin() as session:  # it was killed a while ago
        session.execute(sa.delete(WorkerRow).where(WorkerRow.name == "g"))
    assert at.units.bury("g", KILLED) == 1
    assert units(at, work)[0].queue == "gpu"


def test_several_may_move_it_at_once(at, monkeypatch) -> None:
    monkeypatch.setattr("service.units.MISPLACED_SECONDS", 0.0)
    at.units.beat("g", "gpu", "here")
    work = begun(at)
    at.units.bury("g", KILLED)
    at.units.beat("w", "cpu", "here")
    assert sum(at_once(*[at.units.move] * 3)) == 1
    assert units(at, work)[0].dispatch == 2
