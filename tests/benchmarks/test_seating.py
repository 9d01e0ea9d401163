"""Where each strategy was measured, as its records tell it, and what it is charged for that."""

import numpy as np
import pytest
from tinystrategies import Tiny, right

from benchmarks.raced import race_track, tracks_of
from benchmarks.records import (
    BatchRecord,
    EliminationRecord,
    LatencyRecord,
    ModelFacts,
    SeatRecord,
    SetupRecord,
    StrategyFacts,
)
from benchmarks.runner import run_comparison
from benchmarks.seating import run_in, seatings
from benchmarks.spending import Spending, as_run_prices, parts_of
from benchmarks.standing import latest_run
from benchmarks.summary import summarise
from benchmarks.track import track_of
from benchmarks.untimed import untimed
from corpora.task import Deployment, Needs

NAMES = ("first", "second", "third")


def seat(strategy, cpu="Fast CPU", machine="fast", hour=36.0, beside=0, gpu=None):
    price = {"machine": machine, "usd_per_hour": hour, "source": "a list", "as_of": "2026-11"}
    return SeatRecord(
        strategy=strategy, cpu=cpu, cores=64, memory_gb=256.0, gpu=gpu, beside=beside, price=price
    )


def moved(records, run, *seats):
    """The records as if strategies had been measured there, from their first record on."""
    names = {each.strategy for each in seats}
    first = {n: next(r for r in records if getattr(r, "strategy", "") == n) for n in names}
    found = []
    for record in records:
        found += [s for s in seats if record is first[s.strategy]]
        found.append(record)
    return found


@pytest.fixture
def records(dataset, prices, tmp_path):
    strategies = [Tiny(right, name=name) for name in NAMES]
    return run_comparison(dataset, strategies=strategies, models={}, folder=tmp_path, prices=prices)


@pytest.fixture
def run(records):
    return latest_run(records)


def costs(records):
    return {row.id: row.cost for row in summarise(records).strategies}


def test_each_is_charged_the_hour_of_its_own_machine(records, run):
    times = 36.0 / run.prices["usd_per_hour"]
    before, after = costs(records), costs(moved(records, run, seat("second")))
    assert after["first"] == before["first"]
    for field in ("setup_usd", "per_1k_requests_usd", "monthly_usd", "horizon_usd"):
        was, now = getattr(before["second"], field), getattr(after["second"], field)
        assert now == pytest.approx(times * was), field
    spent = [summarise(each).spent_usd for each in (records, moved(records, run, seat("second")))]
    assert spent[1] > 1.5 * spent[0]


def test_new_documents_are_indexed_on_its_own_machine_too(records, run):
    prices = as_run_prices(run_in(moved(records, run, seat("second"))).prices)
    needs, nothing = Needs(documents_change="monthly", requests_per_month=0), np.zeros((0, 2))
    parts = [
        parts_of(Spending(10.0, 10.0, nothing, machine=machine), needs, prices)
        for machine in (None, "fast")
    ]
    assert parts[1].refresh == pytest.approx(12 * 10.0 * 36.0 / 3600)
    assert parts[1].refresh > parts[0].refresh > 0


def test_the_run_s_own_class_of_machine_is_charged_as_the_run_says(records, run):
    own = seat("second", machine=run.prices["machine"])
    assert costs(moved(records, run, own)) == costs(records)
    assert run_in(moved(records, run, own)).prices == run.prices


def test_machines_by_the_hour_are_those_that_measured_unless_one_is_stated(records, run):
    def hosting(needs, placed, *seats):
        asked = run.model_copy(update={"needs": needs, "deployment": placed})
        told = [asked if record == run else record for record in records]
        return {
            name: cost.parts.hosting for name, cost in costs(moved(told, asked, *seats)).items()
        }

    needs = Needs(requests_per_month=1000)
    own, there = (hosting(needs, Deployment(), *each) for each in ((), (seat("second"),)))
    assert there["first"] == own["first"]
    assert there["second"] == pytest.approx(own["second"] * 36.0 / run.prices["usd_per_hour"])
    stated = Deployment(machine="cpu-4-core")
    assert hosting(needs, stated, seat("second")) == hosting(needs, stated)


def test_the_usual_machine_is_that_of_most(records, run):
    def told(*seats):
        moved_records = moved(records, run, *seats)
        found = seatings(tracks_of(moved_records, run), run)
        return {name: (where.apart, where.beside) for name, where in found.items()}

    assert told() == {}
    assert told(seat("second")) == {"second": (True, 0)}
    assert told(seat("second"), seat("third")) == {
        "first": (True, 0),
        "second": (False, 0),
        "third": (False, 0),
    }
    assert told(*(seat(name) for name in NAMES)) == dict.fromkeys(NAMES, (False, 0))
    two = [seat("second"), seat("third", cpu="A third CPU")]
    assert told(*two) == {"second": (True, 0), "third": (True, 0)}  # a draw: the run's own


def test_what_runs_today_was_measured_nowhere(records, run):
    today = tuple(
        each.model_copy(update={"family": "incumbent"}) if each.id == "first" else each
        for each in run.strategies
    )
    began = run.model_copy(update={"strategies": today})
    found = seatings(tracks_of(moved(records, run, seat("second"), seat("third")), began), began)
    assert {name: each.apart for name, each in found.items()} == {"second": False, "third": False}


def test_the_same_kind_of_machine_compares_and_a_neighbour_is_told(records, run):
    own = {"cpu": run.environment.cpu, "gpu": run.environment.gpu}
    near = seat("second", beside=2, **own).model_copy(update={"cores": run.environment.cores})
    found = seatings(tracks_of(moved(records, run, near), run), run)
    assert {name: (each.apart, each.beside) for name, each in found.items()} == {
        "second": (False, 2)
    }


def test_who_waits_for_a_hosted_model_has_no_neighbours(records, run):
    far = ModelFacts(name="far", parameters=0, dtype="", fingerprint="", hosted=True)
    facts = tuple(
        each.model_copy(update={"model": "far"}) if each.id == "second" else each
        for each in run.strategies
    )
    hosted = run.model_copy(update={"models": (far,), "strategies": facts})
    own = {"cpu": run.environment.cpu, "gpu": run.environment.gpu}
    near = seat("second", beside=2, **own).model_copy(update={"cores": run.environment.cores})
    assert seatings(tracks_of(moved(records, run, near), hosted), hosted) == {}


def test_a_strategy_that_was_stopped_has_the_seats_of_the_race_too(run):
    facts = StrategyFacts(id="s", name="s", family="rag", model=None)
    records = [
        SetupRecord(strategy="s", status="completed", seconds=1.0),
        seat("s[race]"),
        BatchRecord(strategy="s[race]", n=4, seconds=1.0),
        EliminationRecord(strategy="s", ground="forecast", reason="why", needs=Needs()),
    ]
    began = run.model_copy(update={"strategies": (facts,)})
    (track,) = tracks_of(records, began)
    assert [each.machine if each else None for each in (track, race_track(records, facts))] == [
        "fast",
        "fast",
    ]
    assert track.seats[0] is None
    assert seatings([track], began)["s"].apart


def test_a_later_seat_of_another_strategy_changes_nothing(run):
    facts = StrategyFacts(id="s", name="s", family="rag", model=None)
    records = [seat("t"), LatencyRecord(strategy="s", example="1", ms=2.0)]
    assert track_of(records, facts).seats == (None,)


def test_with_the_clock_stopped_no_seat_is_left(records, run):
    assert untimed(moved(records, run, seat("second"))) == untimed(records)


def test_the_latest_run_is_left_as_it_is_stored(records, run):
    assert latest_run(moved(records, run, seat("second"))) == run
