"""Measuring task after task: resumed wherever it was stopped, a broken task told and left out."""

from dataclasses import replace

import pytest
from bench_worlds import bench_task, record_of

from benchmarks.costs import read_prices
from benchmarks.errors import BenchmarkError, Cancelled
from benchmarks.evidence.finding import Action, Finding
from service.forecast_bench.agenda import at_hand_of, measure_all, names_in
from service.forecast_bench.collecting import collect
from service.forecast_bench.findings import read_evidence
from service.forecast_bench.measure import Bench, Watching, compare_again, compare_first
from service.forecast_bench.record import read_record, write_record
from service.forecast_bench.sizes import SMALL

PLAIN = replace(SMALL, strategies=("baseline.majority", "baseline.copy"))


@pytest.fixture(scope="module")
def prices():
    return read_prices(None)


@pytest.fixture
def bench(tmp_path, prices):
    """Two strategies without a model, and everything that is said kept in `told`."""
    told = []
    watching = Watching(lambda event: None, told.append, lambda: False)
    made = Bench(tmp_path / "out", PLAIN, prices, watching)
    return made, told


def stopping_after(bench, calls):
    """The same bench, whose user asks to stop at that question."""
    left = iter(range(calls))
    watching = replace(bench.watching, cancelled=lambda: next(left, None) is None)
    return replace(bench, watching=watching)


def scores(record):
    return {line.facts.id: line.scores for line in record.strategies}


def test_a_task_is_measured_and_its_evidence_found(bench, tmp_path):
    made, told = bench
    task = bench_task(test=20)
    assert at_hand_of(task, made, shipped=tmp_path) is None
    assert measure_all([task], ["colours"], made, shipped=tmp_path) == []
    found = at_hand_of(task, made, shipped=tmp_path)
    assert found is not None
    states = {line.facts.id: line.status for line in found.record.strategies}
    assert states == {"baseline.majority": "completed", "baseline.copy": "skipped"}
    majority = found.record.strategies[0]
    assert majority.scores == tuple(float(row.output == "red") for row in task.dataset.test)
    deeds = {each.action.deed for each in found.evidence.findings}
    assert {"features", "rows"} <= deeds
    judged = {row for each in found.evidence.findings for row in each.scores}
    assert judged
    assert not judged & {row.id for row in task.dataset.test}
    assert any("evidence" in line for line in told)


def test_stopped_anywhere_it_goes_on_to_the_same_record(bench, tmp_path):
    made, _ = bench
    task = bench_task(test=20)
    measure_all([task], ["colours"], made, shipped=tmp_path)
    whole = at_hand_of(task, made, shipped=tmp_path)
    stops = 0
    again = replace(made, out=tmp_path / "again")
    for calls in range(200):
        try:
            measure_all([task], ["colours"], stopping_after(again, calls), shipped=tmp_path)
        except Cancelled:
            stops += 1
            continue
        break
    assert stops > 3
    resumed = at_hand_of(task, again, shipped=tmp_path)
    assert scores(resumed.record) == scores(whole.record)
    figures = [[each.scores for each in one.evidence.findings] for one in (whole, resumed)]
    assert figures[0] == figures[1]


def test_what_is_measured_is_not_measured_again(bench, tmp_path):
    made, told = bench
    task = bench_task(test=20)
    measure_all([task], ["colours"], made, shipped=tmp_path)
    before = {path: path.stat().st_mtime_ns for path in made.out.rglob("*.jsonl")}
    told.clear()
    measure_all([task], ["colours"], made, shipped=tmp_path)
    assert told == []
    assert {path: path.stat().st_mtime_ns for path in made.out.rglob("*.jsonl")} == before


def test_a_part_whose_file_was_removed_is_found_anew(bench, tmp_path):
    made, _ = bench
    task = bench_task(test=20)
    measure_all([task], ["colours"], made, shipped=tmp_path)
    kept = made.record("colours").read_bytes()
    made.findings("colours").unlink()
    measure_all([task], ["colours"], made, shipped=tmp_path)
    assert read_evidence(made.findings("colours")).findings
    assert made.record("colours").read_bytes() == kept


def test_a_record_of_other_data_is_told_and_not_written_over(bench, tmp_path):
    made, told = bench
    measure_all([bench_task(test=20)], ["colours"], made, shipped=tmp_path)
    path = made.record("colours")
    kept = path.read_bytes()
    other = replace(bench_task(test=16), data="other")
    assert at_hand_of(other, made, shipped=tmp_path) is None
    told.clear()
    (out,) = measure_all([other], ["colours"], made, shipped=tmp_path)
    assert out.reason == f"{path} is of other data: give another --out, or remove it."
    assert len([line for line in told if "was measured on other data" in line]) == 1
    assert path.read_bytes() == kept
    path.unlink()
    assert measure_all([other], ["colours"], made, shipped=tmp_path) == []
    assert len(at_hand_of(other, made, shipped=tmp_path).record.task.rows) == 16


def test_a_record_of_another_size_is_not_written_over(bench, tmp_path):
    made, _ = bench
    task = bench_task(test=20)
    measure_all([task], ["colours"], made, shipped=tmp_path)
    kept = made.record("colours").read_bytes()
    larger = replace(made, size=replace(PLAIN, name="default"))
    (out,) = measure_all([task], ["colours"], larger, shipped=tmp_path)
    assert out.reason.endswith("is of the size small: give another --out.")
    assert made.record("colours").read_bytes() == kept


def test_records_of_the_repository_serve_where_there_are_no_own(bench, tmp_path):
    made, _ = bench
    task = bench_task(test=20)
    shipped = tmp_path / "shipped"
    measure_all([task], ["colours"], replace(made, out=shipped), shipped=tmp_path)
    assert at_hand_of(task, made, shipped=shipped) is not None
    assert measure_all([task], ["colours"], made, shipped=shipped) == []
    assert not made.record("colours").exists()
    assert names_in(shipped) == ["colours"]


def test_a_task_that_breaks_is_told_and_left_out_and_the_next_one_is_measured(bench, tmp_path):
    made, told = bench
    good, bad = bench_task(test=20), bench_task("broken", test=20)
    unknown = bad.dataset.task.model_copy(update={"metric": "no_such_metric"})
    bad = replace(bad, dataset=bad.dataset.model_copy(update={"task": unknown}))
    (out,) = measure_all([bad, good], ["broken", "colours"], made, shipped=tmp_path)
    assert out.name == "broken"
    assert "no_such_metric" in out.reason
    assert f"broken is left out: {out.reason}" in told
    assert at_hand_of(good, made, shipped=tmp_path) is not None


def test_only_the_wanted_tasks_are_measured(bench, tmp_path):
    made, _ = bench
    one, other = bench_task(test=20), bench_task("other", test=20)
    assert measure_all([one, other], ["other"], made, shipped=tmp_path) == []
    assert names_in(made.out) == ["other"]


def test_further_seeds_are_added_where_something_trains_the_model(bench, tmp_path):
    made, _ = bench
    task = bench_task(test=20)
    record = compare_first(task, 5, made)
    several = replace(made, size=replace(PLAIN, seeds=(0, 1, 2)))
    assert compare_again(task, record, several) == record
    assert record.task.training_tokens == 5
    assert record.seeds == (0,)


class Scripted:
    """A source of three findings; one breaks."""

    def __init__(self, *, forever=False):
        self.left = ["slow", "quick", "broken"]
        self.forever = forever
        self.taken = []

    def actions(self):
        return [action(name, 1.0 if name == "quick" else 5.0) for name in self.left]

    def take(self, given):
        self.taken.append(given.strategy)
        if not self.forever:
            self.left.remove(given.strategy)
        trouble = "it broke" if given.strategy == "broken" else None
        return Finding(action=given, figures={"score": 0.5}, seconds=2.0, trouble=trouble)


def action(name, seconds):
    return Action(deed="rows", strategy=name, rows=8, share=1.0, seconds=seconds)


def test_everything_is_collected_the_quickest_first_and_kept_as_it_comes():
    source, kept, told = Scripted(), [], []
    known = (Finding(action=action("earlier", 1.0), seconds=1.0),)
    found = collect(source, known=known, keep=kept.append, say=told.append, cancelled=lambda: False)
    assert source.taken == ["quick", "broken", "slow"]
    assert found == (*known, *kept)
    assert told == [
        "rows quick, 8 rows: score 0.5, 2.0 s",
        "rows broken, 8 rows: nothing (it broke), 2.0 s",
        "rows slow, 8 rows: score 0.5, 2.0 s",
    ]


def test_a_source_that_never_ends_is_refused():
    with pytest.raises(BenchmarkError, match="rows quick, 8 rows is offered a second time"):
        collect(
            Scripted(forever=True),
            keep=lambda finding: None,
            say=lambda line: None,
            cancelled=lambda: False,
        )


def test_collecting_stops_where_it_is_asked_to():
    kept = []
    with pytest.raises(Cancelled):
        collect(Scripted(), keep=kept.append, say=lambda line: None, cancelled=lambda: bool(kept))
    assert len(kept) == 1


def test_a_record_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "tasks" / "made-up.jsonl"
    record = record_of({"baseline.linear": 0.5}, rows=5)
    write_record(path, record)
    broken = record.model_copy(update={"strategies": (object(),)})
    with pytest.raises(Exception, match="object"):
        write_record(path, broken)
    assert read_record(path) == record
    assert [each.name for each in path.parent.iterdir()] == ["made-up.jsonl"]
