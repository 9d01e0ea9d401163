"""Where strategies are measured: noted where that is not the run's machine alone, and priced."""

import pytest
from tinystrategies import Tiny, right

from benchmarks import stages
from benchmarks.environment import read_hardware
from benchmarks.errors import Cancelled
from benchmarks.journal import Journal
from benchmarks.model_slot import ModelSlot
from benchmarks.placing import FolderShelf
from benchmarks.progress import ignore_progress
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
from benchmarks.runner import never, run_comparison
from benchmarks.seating import run_in, seatings
from benchmarks.seats import SeatedRecords, as_seen, is_timed, machine_of
from benchmarks.stages import Setting
from benchmarks.standing import latest_run
from benchmarks.summary import summarise
from benchmarks.track import track_of
from benchmarks.untimed import untimed
from corpora.task import Deployment, Needs

LOCAL = ModelFacts(name="m", parameters=1, dtype="", fingerprint="")
NAMES = ("first", "second", "third")


def seats_in(records):
    return [record for record in records if isinstance(record, SeatRecord)]


def elsewhere(run, **hardware):
    """The run as if it had begun on another machine than this one."""
    told = {"cpu": "Another CPU", **hardware}
    return run.model_copy(update={"environment": run.environment.model_copy(update=told)})


class Bench:
    """A comparison in a folder, a strategy at a time, each as in a process of its own."""

    def __init__(self, dataset, prices, folder):
        self.dataset = dataset
        self.prices = prices
        self.folder = folder
        self.journal = Journal(folder / "outcomes.jsonl")
        self.asked = []

    def setting(self, beside=lambda: 0, cancelled=never):
        return Setting(
            dataset=self.dataset,
            strategies=tuple(Tiny(self.says, name=name) for name in NAMES),
            slot=ModelSlot({}, lambda name: None, self.folder),
            shelf=FolderShelf(self.folder),
            seed=0,
            prices=self.prices,
            on_progress=ignore_progress,
            cancelled=cancelled,
            beside=beside,
        )

    def says(self, text):
        self.asked.append(text)
        return right(text)

    def begin(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        return stages.begin(self.setting(), self.journal)

    def take(self, run, name, **callbacks):
        stages.take(self.setting(**callbacks), run, self.journal, name)

    def records(self):
        return self.journal.read()


@pytest.fixture
def bench(dataset, prices, tmp_path):
    return Bench(dataset, prices, tmp_path)


@pytest.fixture
def run(bench):
    return bench.begin()


def test_a_run_that_has_its_machine_to_itself_notes_nothing(bench, run, dataset, prices, tmp_path):
    for name in NAMES:
        bench.take(run, name)
    assert seats_in(bench.records()) == []
    alone = run_comparison(
        dataset, strategies=[Tiny(right)], models={}, folder=tmp_path / "cli", prices=prices
    )
    assert seats_in(alone) == []
    assert all(row.measured_on is None for row in summarise(alone).strategies)


def test_another_machine_is_noted_once_before_what_it_measured(bench, run, prices):
    bench.take(run, "first")
    bench.take(elsewhere(run), "second")
    records = bench.records()
    (seat,) = seats_in(records)
    here = read_hardware()
    assert (seat.strategy, seat.beside, machine_of(seat)) == ("second", 0, machine_of(here))
    name = prices.machine_for(cores=here.cores, gpu=here.gpu is not None)
    assert seat.price == prices.host(name).model_dump(mode="json")
    timed = [row for row in records if is_timed(row) and row.strategy == "second"]
    assert records.index(seat) < records.index(timed[0])


def test_a_strategy_that_goes_on_elsewhere_says_so(bench, run):
    def stop():
        return len(bench.asked) > 60

    with pytest.raises(Cancelled):
        bench.take(run, "first", cancelled=stop)
    bench.take(elsewhere(run), "first")
    track = tracks_of(bench.records(), run)[0]
    assert [seat is None for seat in track.seats] == [True, False]
    assert track.status == "completed"


def test_coming_back_is_noted_too(bench, run):
    def stop():
        return len(bench.asked) > 60

    with pytest.raises(Cancelled):
        bench.take(elsewhere(run), "first", cancelled=stop)
    first = seats_in(bench.records())[0]
    # as if the first machine had been another one than this, which is the run's
    there = first.model_copy(update={"cpu": "Another CPU"})
    lines = [there if row == first else row for row in bench.records()]
    bench.journal.path.unlink()
    bench.journal.append(lines)
    bench.take(run, "first")
    found = seats_in(bench.records())
    assert [seat.cpu for seat in found] == ["Another CPU", run.environment.cpu]


def test_the_most_other_work_is_noted_as_it_grows(bench, run):
    """Also what ended before the next record was stored, if somebody looked meanwhile."""
    seen = iter([0, 2, 0, 1, 0, 3])
    bench.take(run, "first", beside=lambda: next(seen, 0))
    found = seats_in(bench.records())
    assert [seat.beside for seat in found] == [2, 3]
    assert {machine_of(seat) for seat in found} == {machine_of(run.environment)}


def test_what_took_no_time_has_no_seat(run, prices, bench):
    there = elsewhere(run)
    seated = SeatedRecords(bench.journal, there, prices, lambda: 4)
    seated.append([SetupRecord(strategy="first", status="skipped", reason="does not fit")])
    assert seats_in(bench.records()) == []
    seated.append([SetupRecord(strategy="first", status="completed", seconds=1.0)])
    assert [seat.beside for seat in seats_in(bench.records())] == [4]


@pytest.mark.parametrize(
    ("there", "models", "torch", "seen"),
    [
        (None, (), True, None),  # hosted models alone: nobody looked for a GPU
        (None, (LOCAL,), True, "NVIDIA L4"),
        ("NVIDIA T4", (LOCAL,), True, "NVIDIA L4"),
        ("NVIDIA T4", (LOCAL,), False, "NVIDIA T4"),  # nothing that was measured used one
    ],
)
def test_a_gpu_that_nobody_could_see_sets_nobody_apart(run, there, models, torch, seen):
    began = elsewhere(run, gpu=there).model_copy(update={"models": models})
    here = read_hardware().model_copy(update={"gpu": "NVIDIA L4"})
    assert as_seen(here, began, torch=torch).gpu == seen


# what is read off the records


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
def records(bench, run):
    for name in NAMES:
        bench.take(run, name)
    return bench.records()


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
