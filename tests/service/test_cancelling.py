"""A comparison that is told to stop, at whichever moment that comes."""

import pytest
from given import LAST, PLAIN, at_once, at_strategies, begun, claimed, row, states, units

from service.orders import FINISH, Next
from service.services import Services
from service.storage import FINISHED, ComparisonRow, ForecastRow
from service.units import Overtaken

DONE = Next()


@pytest.fixture
def at(settings):
    found = Services.start(settings)
    yield found
    found.stop()


def cancel(at: Services, work: str) -> str:
    found = at.store.cancel(work, ComparisonRow, None)
    return "cancelling" if found.cancelling and found.state not in FINISHED else found.state


def test_what_nobody_began_ends_at_once(at) -> None:
    work = begun(at)
    assert cancel(at, work) == "cancelled"
    assert (row(at, work).finished_at is None, row(at, work).started_at) == (False, None)
    assert states(at, work) == {":begin": "done"}
    assert at.units.claim(f"{work}-0-1", "w") is None
    assert row(at, work).state == "cancelled"


def test_between_two_units_it_ends_at_once(at) -> None:
    work = at_strategies(at)
    assert row(at, work).state == "running"
    assert cancel(at, work) == "cancelled"
    assert set(states(at, work).values()) == {"done"}


def test_what_runs_is_told_and_the_work_ends_with_the_last_of_it(at) -> None:
    work = at_strategies(at)
    a, b = claimed(at, work, 2), claimed(at, work, 3, "v")
    before = row(at, work).revision
    assert cancel(at, work) == "cancelling"
    assert row(at, work).revision == before + 1
    assert at.units.is_cancelling(a)
    assert at.units.progress(b, None, 1.0)
    at.units.stop(a)
    assert row(at, work).state == "running"
    assert cancel(at, work) == "cancelling"  # told twice
    at.units.stop(b)
    assert row(at, work).state == "cancelled"
    assert set(states(at, work).values()) == {"done"}
    assert cancel(at, work) == "cancelled"


def test_nothing_more_is_begun(at) -> None:
    work = at_strategies(at)
    mine = claimed(at, work, 2)
    cancel(at, work)
    assert states(at, work) == {":begin": "done", "a": "running", "b": "done", FINISH: "done"}
    assert at.units.claim(f"{work}-3-1", "v") is None
    at.units.stop(mine)


@pytest.mark.parametrize("how", ["follow", "hand_back", "bury"])
def test_however_its_last_unit_leaves_it_is_cancelled(at, how) -> None:
    work = at_strategies(at)
    mine = claimed(at, work, 2)
    cancel(at, work)
    if how == "follow":
        at.units.follow(mine, DONE)
    elif how == "hand_back":
        at.units.hand_back(mine, None, fruitless=False)
    else:
        assert at.units.bury("w", "it was killed") == 1
    assert row(at, work).state == "cancelled"
    assert set(states(at, work).values()) == {"done"}


def test_the_beginning_gives_out_nothing_once_it_is_told(at) -> None:
    work = begun(at)
    mine = claimed(at, work, 0)
    cancel(at, work)
    at.units.follow(mine, PLAIN)
    assert (row(at, work).state, len(units(at, work))) == ("cancelled", 1)


def test_a_report_that_is_written_already_is_not_thrown_away(at) -> None:
    work = at_strategies(at, Next())
    mine = claimed(at, work, LAST)
    cancel(at, work)
    at.units.follow(mine, DONE)
    assert row(at, work).state == "completed"
    forecast = begun(at, ForecastRow)
    mine = claimed(at, forecast, 0)
    at.store.cancel(forecast, ForecastRow, None)
    at.units.follow(mine, DONE)
    assert at.store.work(forecast, ForecastRow, None).state == "completed"


def test_who_takes_another_turn_is_stopped_before_it(at) -> None:
    work = at_strategies(at)
    for position in (2, 3):
        at.units.follow(claimed(at, work, position), DONE)
    mine = claimed(at, work, LAST)
    cancel(at, work)
    at.units.follow(mine, Next(again=("b",)))
    assert row(at, work).state == "cancelled"


def test_it_may_come_at_the_moment_in_which_a_unit_ends(at) -> None:
    for _ in range(8):
        work = at_strategies(at)
        a, b = claimed(at, work, 2), claimed(at, work, 3, "v")
        at.units.follow(b, DONE)
        told, _ = at_once(lambda work=work: cancel(at, work), lambda a=a: at.units.follow(a, DONE))
        assert told in ("cancelled", "cancelling")
        assert row(at, work).state == "cancelled"
        assert set(states(at, work).values()) == {"done"}


def test_it_may_come_at_the_moment_in_which_a_unit_is_claimed(at) -> None:
    for _ in range(8):
        work = at_strategies(at)
        told, claim = at_once(
            lambda work=work: cancel(at, work),
            lambda work=work: at.units.claim(f"{work}-2-1", "w"),
        )
        assert (told, claim is None) in (("cancelled", True), ("cancelling", False))
        if claim is not None:
            at.units.stop(claim.job)
        assert row(at, work).state == "cancelled"


def test_a_stop_that_is_said_twice_is_one(at) -> None:
    work = at_strategies(at)
    mine = claimed(at, work, 2)
    at.units.stop(mine)  # the worker decided so: nobody else is left to
    assert row(at, work).state == "cancelled"
    with pytest.raises(Overtaken):
        at.units.stop(mine)
