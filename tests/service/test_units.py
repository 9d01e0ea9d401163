"""Units from their giving out to the end of their work, on both databases."""

import pytest
from given import (
    LAST,
    PLAIN,
    RACED,
    at_once,
    at_strategies,
    begun,
    claimed,
    engine_says,
    job,
    row,
    states,
    units,
)

from service.dispatch import MAX_ATTEMPTS
from service.jobs import Job
from service.orders import FINISH, FORECAST, Next
from service.services import Services
from service.storage import ComparisonRow, ForecastRow
from service.units import Overtaken

DONE = Next()
ERROR = {"title": "It broke"}


@pytest.fixture
def at(settings):
    found = Services.start(settings)
    yield found
    found.stop()


def board(fraction: float, strategy: str = "a") -> dict:
    rows = [{"strategy": strategy, "phase": "answering", "fraction": fraction}]
    rows[0] |= {"seconds_left": None, "message": ""}
    return {"fraction": fraction, "total": 2, "message": "", "strategies": rows}


def test_a_comparison_goes_through_its_stages(at) -> None:
    work = begun(at)
    assert (row(at, work).state, states(at, work)) == ("queued", {":begin": "queued"})
    begin = claimed(at, work, 0)
    assert (row(at, work).state, row(at, work).attempts) == ("running", 1)
    assert row(at, work).started_at is not None
    at.units.follow(begin, RACED)
    waiting = {"a": "planned", "b": "planned", ":finish": "planned"}
    assert states(at, work) == {":begin": "done", ":race": "queued", **waiting}
    assert engine_says(at, job(at, work, 2)) is None
    at.units.follow(claimed(at, work, 1), Next(over=frozenset({"b"})))
    assert [units(at, work)[n].state for n in (2, 3, LAST)] == ["queued", "queued", "planned"]
    assert [units(at, work)[n].over for n in (2, 3)] == [False, True]
    first, second = claimed(at, work, 2), claimed(at, work, 3, "v")
    at.units.follow(second, DONE)
    assert states(at, work)[FINISH] == "planned"
    at.units.follow(first, DONE)
    assert states(at, work)[FINISH] == "queued"
    at.units.follow(claimed(at, work, LAST), DONE)
    assert (row(at, work).state, row(at, work).attempts) == ("completed", 1)
    assert set(states(at, work).values()) == {"done"}


def test_work_and_its_first_job_are_stored_together_or_not_at_all(at) -> None:
    work = begun(at)
    assert engine_says(at, Job(work, 0, 1)) == "ENQUEUED"
    kept: list[str] = []

    def opened(session, new) -> None:
        at.units.open(session, new)
        kept.append(new.id)
        raise ZeroDivisionError

    with at.store.begin() as session:
        task = at.store.add_task(session, {}, {}, None).id
    with pytest.raises(ZeroDivisionError), at.store.begin() as session:
        at.store.add_work(session, task, {}, opened, ComparisonRow, None)
    assert units(at, kept[0]) == {}
    assert engine_says(at, Job(kept[0], 0, 1)) is None


def test_who_breaks_another_ones_race_is_taken_again_and_then_the_end_comes_once_more(at) -> None:
    work = at_strategies(at)
    for position in (2, 3):
        at.units.follow(claimed(at, work, position), DONE)
    at.units.follow(claimed(at, work, LAST), Next(again=("b",)))
    assert states(at, work) == {":begin": "done", "a": "done", "b": "queued", FINISH: "planned"}
    at.units.follow(claimed(at, work, 3), DONE)
    assert at.units.claim(f"{work}-{LAST}-1", "w") is None
    at.units.follow(claimed(at, work, LAST), DONE)
    assert row(at, work).state == "completed"


def test_a_comparison_of_nothing_comes_to_its_end(at) -> None:
    work = at_strategies(at, Next())
    assert states(at, work)[FINISH] == "queued"


def test_a_forecast_is_one_unit(at) -> None:
    work = begun(at, ForecastRow, budget_seconds=90.0)
    assert (units(at, work)[0].name, units(at, work)[0].tag) == (FORECAST, 90)
    mine = claimed(at, work, 0)
    at.units.progress(mine, {"fraction": 0.5}, 1.0)
    assert at.store.work(work, ForecastRow, None).progress == {"fraction": 0.5}
    at.units.follow(mine, DONE, {"fraction": 1.0}, 2.0)
    found = at.store.work(work, ForecastRow, None)
    assert (found.state, found.progress, units(at, work)[0].seconds) == (
        "completed",
        {"fraction": 1.0},
        3.0,
    )


def test_a_claim_is_one_workers_and_bears_being_asked_again(at) -> None:
    work = begun(at)
    claim = at.units.claim(f"{work}-0-1", "w")
    assert claim is not None
    assert (claim.name, claim.attempts, claim.fruitless, claim.kind) == (
        ":begin",
        1,
        1,
        ComparisonRow,
    )
    again = at.units.claim(f"{work}-0-1", "w")  # the reply was lost on the way
    assert again is not None
    assert (again.attempts, again.fruitless, again.row.attempts) == (1, 1, 1)
    assert at.units.claim(f"{work}-0-1", "v") is None
    for other in ("-0-2", "-1-1", "", "-x-1", "-²-1", "-0-1-1"):
        assert at.units.claim(f"{work}{other}", "w") is None, other
    at.units.follow(claim.job, PLAIN, None, 4.0)
    assert at.units.claim(f"{work}-0-1", "w") is None
    later = at.units.claim(f"{work}-2-1", "w")
    assert later is not None
    assert later.seconds == 4.0


def test_progress_of_all_units_is_that_of_the_work(at) -> None:
    work = at_strategies(at)
    a, b = claimed(at, work, 2), claimed(at, work, 3, "v")
    before = row(at, work).revision
    assert at.units.progress(a, board(1.0), 2.0) is False
    at.units.progress(b, board(0.5, "b"), 1.0)
    told = row(at, work)
    assert told.progress["fraction"] == 0.75
    assert [one["strategy"] for one in told.progress["strategies"]] == ["a", "b"]
    assert told.revision == before + 2
    at.units.progress(a, None, 2.0)
    assert units(at, work)[2].seconds == 4.0
    assert row(at, work).revision == before + 2


def stores(at: Services, mine: Job) -> dict:
    """All that a worker does with a unit that it has."""

    def write() -> None:
        with at.store.begin() as session:
            at.units.guard(session, mine)

    return {
        "guard": write,
        "is_cancelling": lambda: at.units.is_cancelling(mine),
        "progress": lambda: at.units.progress(mine, board(0.1), 1.0),
        "follow": lambda: at.units.follow(mine, PLAIN),
        "fail": lambda: at.units.fail(mine, ERROR),
        "stop": lambda: at.units.stop(mine),
        "hand_back": lambda: at.units.hand_back(mine, None, fruitless=False),
    }


def test_who_was_overtaken_stores_nothing_more(at) -> None:
    work = begun(at)
    mine = claimed(at, work, 0)
    at.units.hand_back(mine, "tried", fruitless=True)
    for taken in (False, True):
        if taken:
            claimed(at, work, 0, "v")
        before = columns(at, work)
        for name, store in stores(at, mine).items():
            with pytest.raises(Overtaken):
                store()
            assert columns(at, work) == before, name


def columns(at, work):
    """What stands in the rows of the first unit and of the work."""
    rows = (units(at, work)[0], row(at, work))
    return [
        {column.key: getattr(each, column.key) for column in each.__table__.columns}
        for each in rows
    ]


@pytest.mark.parametrize("end", ["fail", "follow"])
def test_nothing_is_stored_for_work_that_has_ended(at, end) -> None:
    work = at_strategies(at)
    a, b = claimed(at, work, 2), claimed(at, work, 3, "v")
    at.units.fail(a, ERROR)
    assert (row(at, work).state, row(at, work).error) == ("failed", ERROR)
    for store in (stores(at, b)[end], stores(at, a)[end]):
        with pytest.raises(Overtaken):
            store()
    assert set(states(at, work).values()) == {"done"}
    assert row(at, work).state == "failed"


def test_the_last_two_that_end_at_once_give_out_the_end_once(at) -> None:
    for _ in range(5):
        work = at_strategies(at)
        a, b = claimed(at, work, 2), claimed(at, work, 3, "v")
        found = at_once(lambda a=a: at.units.follow(a, DONE), lambda b=b: at.units.follow(b, DONE))
        assert found == [None, None]
        assert states(at, work)[FINISH] == "queued"


def test_what_is_handed_back_is_as_if_it_had_not_been_begun(at) -> None:
    work = begun(at)
    for number in range(MAX_ATTEMPTS + 2):
        at.units.hand_back(claimed(at, work, 0), None, fruitless=False)
        unit, found = units(at, work)[0], row(at, work)
        assert (unit.state, unit.attempts, unit.fruitless) == ("queued", 0, 0)
        assert unit.dispatch == number + 2
        assert (found.state, found.attempts) == ("queued", 0)
    assert engine_says(at, job(at, work, 0)) == "ENQUEUED"


def test_work_of_which_something_runs_stays_running(at) -> None:
    work = at_strategies(at)
    a, b = claimed(at, work, 2), claimed(at, work, 3, "v")
    at.units.hand_back(a, None, fruitless=False)
    assert (row(at, work).state, row(at, work).attempts) == ("running", 1)
    at.units.hand_back(b, None, fruitless=False)
    assert (row(at, work).state, row(at, work).attempts) == ("queued", 0)


def test_a_unit_that_gets_no_further_is_given_up(at) -> None:
    work = at_strategies(at)
    for _ in range(MAX_ATTEMPTS):
        assert row(at, work).state in ("queued", "running")
        at.units.hand_back(claimed(at, work, 2), "its worker was killed", fruitless=True)
    found = row(at, work)
    assert (found.state, found.error["title"]) == ("failed", "Given up")
    assert "10 times" in found.error["detail"]
    assert "its worker was killed" in found.error["detail"]


def test_a_unit_that_gets_further_is_not_given_up(at) -> None:
    work = at_strategies(at)
    for _ in range(MAX_ATTEMPTS + 2):
        mine = claimed(at, work, 2)
        at.units.progress(mine, None, 0.0, grew=True)
        at.units.hand_back(mine, "its worker was killed", fruitless=True)
    unit = units(at, work)[2]
    assert (row(at, work).state, unit.fruitless, unit.attempts) == ("queued", 0, 12)
    assert unit.reason == "its worker was killed"
    at.units.follow(claimed(at, work, 2), DONE)
    assert units(at, work)[2].reason is None
