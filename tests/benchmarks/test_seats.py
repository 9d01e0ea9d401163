"""Where strategies are measured: noted where that is not the run's machine alone."""

import pytest
from tinystrategies import Tiny, right

from benchmarks import stages
from benchmarks.environment import read_hardware
from benchmarks.errors import Cancelled
from benchmarks.journal import Journal
from benchmarks.model_slot import ModelSlot
from benchmarks.placing import FolderShelf
from benchmarks.progress import ignore_progress
from benchmarks.raced import tracks_of
from benchmarks.records import BatchRecord, ModelFacts, SeatRecord, SetupRecord
from benchmarks.runner import never, run_comparison
from benchmarks.seats import SeatedRecords, as_seen, is_timed, machine_of
from benchmarks.stages import Setting
from benchmarks.summary import summarise

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


def test_what_ran_beside_it_at_a_poll_is_noted_with_the_next_record(bench, run):
    there = [4]
    turns = bench.setting(beside=lambda: there[0]).turns(run, bench.journal)
    assert turns.cancelled() is False
    there[0] = 0
    turns.journal.append([BatchRecord(strategy="first", n=1, seconds=1.0)])
    assert [seat.beside for seat in seats_in(bench.records())] == [4]


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
