"""Units in a queue that no worker takes from any more, or that suits them less than another one:
they wait for a while, and then move."""

import pytest
import sqlalchemy as sa
from given import LAST, at_once, at_strategies, begun, claimed, engine_says, job, units

from service import burying
from service.jobs import Job
from service.orders import Next, Planned
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
    """Let a worker look after the others, every ten seconds and for a minute unless another number
    of `looks` is told, in which they are heard of; how much it moved each time."""
    now = [100.0]
    monkeypatch.setattr("service.alive.time.monotonic", lambda: now[0])

    def pass_by(at: Services, looks: int = 7) -> list[int]:
        moved = []
        for _ in range(looks):
            with at.store.begin() as session:
                there = list(session.scalars(sa.select(WorkerRow)))
            for worker in there:
                at.units.beat(worker.name, worker.queue, worker.host)
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
    work = at_strategies(at, Next(units=(Planned("a", 600.0, computes=True),)))
    assert units(at, work)[2].queue == "cpu"
    mine = claimed(at, work, 2)
    at.units.beat("g", "gpu", "here")
    at.units.hand_back(mine, None, fruitless=False)
    assert (units(at, work)[2].queue, engine_says(at, Job(work, 2, 2))) == ("gpu", "ENQUEUED")
    assert units(at, work)[2].tag == 1  # what was begun counts nothing more


def test_what_a_worker_had_waits_for_its_like_to_come_back(at) -> None:
    at.units.beat("w", "cpu", "here")
    at.units.beat("g", "gpu", "here")
    work = begun(at)
    claimed(at, work, 0, "g")
    with at.store.begin() as session:  # it was killed a while ago
        session.execute(sa.delete(WorkerRow).where(WorkerRow.name == "g"))
    assert at.units.bury("g", KILLED) == 1
    assert units(at, work)[0].queue == "gpu"


def test_a_worker_that_is_away_for_a_moment_keeps_what_suits_it(at, minutes) -> None:
    """However long what suits it less has been waiting in its queue for the minute to end."""
    at.units.beat("w", "cpu", "here")
    following = Next(units=(Planned("a", computes=True), Planned("b")))
    work = at_strategies(at, following)
    at.units.beat("g", "gpu", "here")
    assert sum(minutes(at, 5)) == 0
    at.units.bury("w", KILLED)
    assert sum(minutes(at, 2)) == 1
    assert [units(at, work)[n].queue for n in (2, 3)] == ["gpu", "cpu"]
    at.units.beat("w", "cpu", "here")
    assert sum(minutes(at)) == 0


def test_a_worker_gets_what_suits_it_however_much_waits_before_that(
    at, minutes, monkeypatch
) -> None:
    monkeypatch.setattr("service.burying.IN_LINE", 3)
    at.units.beat("w", "cpu", "here")
    well = at_strategies(at, Next(units=tuple(Planned(f"s{n}", 1.0) for n in range(6))))
    claimed(at, well, 7)
    work = begun(at)
    assert units(at, work)[0].tag == 7  # behind them
    at.units.beat("g", "gpu", "here")
    assert sum(minutes(at)) == 1
    assert units(at, work)[0].queue == "gpu"
    assert {units(at, well)[n].queue for n in range(2, 8)} == {"cpu"}


def test_what_suits_where_it_waits_by_now_is_not_moved(at) -> None:
    """The worker that it would have gone to may have left, or another have moved it."""
    at.units.beat("w", "cpu", "here")
    first = job(at, begun(at), 0)
    at.units.beat("g", "gpu", "here")
    misplaced, _ = burying.stranded(at.store.begin, at.queue)
    assert misplaced == {("cpu", True): [first]}
    at.units.bury("g", KILLED)
    assert not burying.move(at.store.begin, at.queue, first, jobless=False)
    assert job(at, first.work, 0) == first
    assert burying.move(at.store.begin, at.queue, first, jobless=True)


def test_what_moves_counts_in_its_new_line_what_it_did_in_the_old(at, minutes) -> None:
    at.units.beat("w", "cpu", "here")
    following = Next(units=tuple(Planned(f"s{n}", 600.0, computes=True) for n in range(3)))
    work = at_strategies(at, following, owner="ada")
    assert [units(at, work)[n].tag for n in (2, 3, 4)] == [600, 1200, 1800]
    at.units.beat("g", "gpu", "here")
    assert sum(minutes(at)) == 3
    assert [units(at, work)[n].queue for n in (2, 3, 4)] == ["gpu"] * 3
    assert [units(at, work)[n].tag for n in (2, 3, 4)] == [600, 1200, 1800]


def test_several_may_move_it_at_once(at, monkeypatch) -> None:
    monkeypatch.setattr("service.units.MISPLACED_SECONDS", 0.0)
    at.units.beat("g", "gpu", "here")
    work = begun(at)
    at.units.bury("g", KILLED)
    at.units.beat("w", "cpu", "here")
    assert sum(at_once(*[at.units.move] * 3)) == 1
    assert units(at, work)[0].dispatch == 2
