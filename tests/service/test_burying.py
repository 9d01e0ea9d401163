"""Workers that die, live on after they were buried, or are not there: nothing is lost by it."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from given import (
    at_once,
    at_strategies,
    begun,
    change,
    claimed,
    dequeued,
    engine_says,
    job,
    row,
    states,
    units,
)

from service import alive, burying
from service.jobs import Job
from service.ledger import Sum
from service.orders import Next, Planned
from service.services import Services
from service.storage import ComparisonRow, ForecastRow, PaymentRow, UnitRow, WorkerRow
from service.table_book import add, spent
from service.units import Overtaken

KILLED = "it was killed"
BOOKED = {"unit": 2, "model": "m", "state": "booked", "usd": 0.5, "tokens": 9}


@pytest.fixture
def at(settings):
    found = Services.start(settings)
    yield found
    found.stop()


def workers(at: Services) -> list[str]:
    with at.store.begin() as session:
        return sorted(session.scalars(sa.select(WorkerRow.name)))


def test_what_a_dead_worker_had_is_given_out_again(at) -> None:
    work = at_strategies(at)
    a, b = claimed(at, work, 2), claimed(at, work, 3, "v")
    dequeued(at, a, "w")
    at.units.beat("w", "cpu", "here")
    assert at.units.bury("w", KILLED) == 1
    unit = units(at, work)[2]
    assert (unit.state, unit.dispatch, unit.reason) == ("queued", 2, KILLED)
    assert (unit.attempts, unit.fruitless) == (1, 1)
    assert (engine_says(at, a), engine_says(at, Job(work, 2, 2))) == (None, "ENQUEUED")
    assert workers(at) == []
    assert units(at, work)[3].state == "running"
    assert at.units.bury("w", KILLED) == 0
    claimed(at, work, 2, "v")
    at.units.follow(b, Next())


def test_a_job_that_was_taken_and_not_claimed_is_given_out_again(at) -> None:
    work = begun(at)
    first = job(at, work, 0)
    dequeued(at, first, "w")
    assert at.units.bury("w", KILLED) == 1
    unit = units(at, work)[0]
    assert (unit.state, unit.dispatch, unit.attempts, unit.reason) == ("queued", 2, 0, None)
    assert engine_says(at, first) is None
    assert at.units.claim(first.id, "w") is None  # it lives after all
    assert claimed(at, work, 0, "v") == Job(work, 0, 2)


def test_a_job_whose_unit_was_done_before_the_worker_died_only_goes(at) -> None:
    work = begun(at)
    first = claimed(at, work, 0)
    dequeued(at, first, "w")
    at.units.follow(first, Next())
    assert at.units.bury("w", KILLED) == 0
    assert engine_says(at, first) is None
    assert states(at, work) == {":begin": "done", ":finish": "queued"}


def test_several_may_notice_it_at_once(at) -> None:
    for _ in range(5):
        work = at_strategies(at)
        a = claimed(at, work, 2)
        dequeued(at, a, "w")
        dequeued(at, job(at, work, 3), "w")
        at.units.beat("w", "cpu", "here")
        given = at_once(*[lambda: at.units.bury("w", KILLED)] * 3)
        assert sum(given) == 2
        assert [units(at, work)[n].dispatch for n in (2, 3)] == [2, 2]
        assert workers(at) == []


def test_a_burial_that_breaks_off_is_done_by_the_next(at, monkeypatch) -> None:
    work = at_strategies(at)
    a, b = claimed(at, work, 2), job(at, work, 3)
    dequeued(at, a, "w")
    dequeued(at, b, "w")
    at.units.beat("w", "cpu", "here")

    def lost(ids) -> None:
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(at.queue, "remove", lost)
        with pytest.raises(ConnectionError):
            at.units.bury("w", KILLED)
    assert workers(at) == ["w"]
    assert at.units.bury("w", KILLED) == 0
    assert [units(at, work)[n].dispatch for n in (2, 3)] == [2, 2]
    assert (workers(at), engine_says(at, a), engine_says(at, b)) == ([], None, None)


def test_a_worker_that_lives_on_is_overtaken_and_heard_of_again(at) -> None:
    work = at_strategies(at)
    mine = claimed(at, work, 2)
    at.units.beat("w", "cpu", "here")
    at.units.bury("w", KILLED)
    with pytest.raises(Overtaken):
        at.units.progress(mine, None, 1.0)
    at.units.beat("w", "gpu", "here")
    assert workers(at) == ["w"]


def test_a_burial_and_the_last_word_of_the_buried_exclude_each_other(at) -> None:
    for _ in range(8):
        work = at_strategies(at, Next(units=(Planned("a"),)))
        mine = claimed(at, work, 2)
        given, told = at_once(
            lambda: at.units.bury("w", KILLED), lambda mine=mine: at.units.follow(mine, Next())
        )
        was_quicker = told is None
        assert given == (0 if was_quicker else 1)
        assert units(at, work)[2].state == ("done" if was_quicker else "queued")


def test_who_books_and_who_buries_do_not_wait_for_each_other(at) -> None:
    work = at_strategies(at)
    mine = claimed(at, work, 2)
    with at.store.begin() as session:
        session.add(PaymentRow(work=work, **BOOKED))
    with ThreadPoolExecutor() as other:
        with at.store.begin() as session:
            at.units.guard(session, mine)
            burial = other.submit(at.units.bury, "w", KILLED)
            time.sleep(0.5)  # it waits for the unit, and must not have the sum yet
            add(session, work, Sum(usd=1.0))
        assert burial.result(10) == 1
    with at.store.begin() as session:
        assert spent(session, work).usd == 1.5


def test_what_a_dead_worker_may_have_paid_counts(at) -> None:
    work = at_strategies(at)
    claimed(at, work, 2)
    with at.store.begin() as session:
        session.add(PaymentRow(work=work, **BOOKED))
    at.units.bury("w", KILLED)
    with at.store.begin() as session:
        assert list(session.scalars(sa.select(PaymentRow.state))) == ["settled"]


def test_silence_is_what_does_not_change_whatever_the_clocks_say(at, monkeypatch) -> None:
    now = 100.0
    monkeypatch.setattr("service.alive.time.monotonic", lambda: now)
    at.units.beat("w", "cpu", "here")
    at.units.beat("v", "cpu", "here")
    with at.store.begin() as session:  # as if the machine's clock had jumped by a year
        session.execute(sa.update(WorkerRow).values(beat=WorkerRow.beat - 3e7))
    assert at.units.silent() == []
    for seconds in (5, 5, alive.SILENT_SECONDS - 11):
        now += seconds
        at.units.beat("v", "cpu", "here")
        assert at.units.silent() == []
    now += 1
    assert at.units.silent() == ["w"]
    at.units.beat("w", "cpu", "here")
    assert at.units.silent() == []


def test_nobody_is_buried_for_silence_while_nobody_could_say_anything(at, monkeypatch) -> None:
    now = 100.0
    monkeypatch.setattr("service.alive.time.monotonic", lambda: now)
    at.units.beat("w", "cpu", "here")
    assert at.units.silent() == []
    now += alive.SILENT_SECONDS + 1  # the database was away
    for seconds in (5, 5, alive.SILENT_SECONDS - 10):
        assert at.units.silent() == []
        now += seconds
    assert at.units.silent() == ["w"]


@pytest.mark.parametrize("how", ["gone", "taken", "ended"])
def test_a_job_that_does_not_wait_with_its_unit_is_replaced_after_a_while(
    at, how, monkeypatch
) -> None:
    now = 100.0
    monkeypatch.setattr("service.alive.time.monotonic", lambda: now)
    work = begun(at)
    first = job(at, work, 0)
    if how == "gone":
        at.queue.remove([first.id])
    elif how == "taken":  # and the word of it was lost on the way to the worker
        dequeued(at, first, "w")
    else:
        change(at, "status = 'ERROR'", first)
    for seconds in (10, 10, 9, 1):
        assert at.units.move() == 0  # it may be on its way
        now += seconds
    assert at.units.move() == 1
    assert engine_says(at, Job(work, 0, 2)) == "ENQUEUED"
    assert at.units.move() == 0


def test_a_job_is_replaced_however_much_waits_in_the_other_queue(at, monkeypatch) -> None:
    now = 100.0
    monkeypatch.setattr("service.alive.time.monotonic", lambda: now)
    monkeypatch.setattr("service.burying.IN_LINE", 3)
    at.units.beat("w", "cpu", "here")
    at.units.beat("g", "gpu", "here")
    lost = at_strategies(at, Next(units=(Planned("a", 600.0),)))
    others = [begun(at) for _ in range(4)]
    assert units(at, lost)[2].tag > max(units(at, work)[0].tag for work in others)
    at.queue.remove([job(at, lost, 2).id])
    for _ in range(3):
        assert at.units.move() == 0
        now += 10
        at.units.beat("w", "cpu", "here")
        at.units.beat("g", "gpu", "here")
    assert at.units.move() == 1
    assert (units(at, lost)[2].queue, units(at, lost)[2].dispatch) == ("cpu", 2)


def test_what_is_claimed_a_moment_before_is_not_moved(at) -> None:
    work = begun(at)
    mine = claimed(at, work, 0)
    assert not burying.move(at.store.begin, at.queue, mine, jobless=True)
    assert not at.units.is_cancelling(mine)


def test_what_an_older_version_left_is_taken_up_once_its_worker_is_gone(at) -> None:
    old = {key: begun(at, table) for key, table in (("c", ComparisonRow), ("f", ForecastRow))}
    stopped, done = begun(at), begun(at)
    at.store.cancel(done, ComparisonRow, None)
    with at.store.begin() as session:
        session.execute(sa.delete(UnitRow))
        session.execute(sa.update(ComparisonRow).values(state="running", attempts=3))
        told = sa.update(ComparisonRow).where(ComparisonRow.id == stopped)
        session.execute(told.values(cancelling=True))
        ended = sa.update(ComparisonRow).where(ComparisonRow.id == done)
        session.execute(ended.values(state="completed"))
    at.units.beat("worker", "cpu", "")
    assert at.units.move() == 0
    at.units.bury("worker", KILLED)
    at_once(*[at.units.move] * 2)
    assert [len(units(at, old[key])) for key in "cf"] == [1, 1]
    assert row(at, old["c"]).state == "queued"
    assert claimed(at, old["c"], 0)
    assert row(at, stopped).state == "cancelled"
    assert units(at, done) == {}
