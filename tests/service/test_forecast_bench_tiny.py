"""The whole benchmark on a real transformer with two layers: compared, explored, replayed."""

from dataclasses import replace

import pytest
from bench_worlds import bench_task

from benchmarks.costs import read_prices
from service.forecast_bench.agenda import at_hand_of, measure_all
from service.forecast_bench.checks import BUDGETS
from service.forecast_bench.measure import Bench, Watching
from service.forecast_bench.replayed import FORECAST
from service.forecast_bench.replaying import replay_all
from service.forecast_bench.sizes import SMALL

NAMES = ("baseline.majority", "prompt.few-shot", "lora")


@pytest.fixture(scope="module")
def measured(tiny_folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("bench")
    task = bench_task(train=40, validation=30, test=20)
    model = {"models": (str(tiny_folder),)}
    spec = task.dataset.task.model_copy(update=model)
    task = replace(task, dataset=task.dataset.model_copy(update={"task": spec}))
    size = replace(SMALL, strategies=NAMES, seeds=(0, 1), repeated=1)
    told = []
    watching = Watching(lambda event: None, told.append, lambda: False)
    bench = Bench(out, size, read_prices(None), watching)
    left_out = measure_all([task], ["colours"], bench, shipped=out / "none")
    assert left_out == []
    return task, bench, told


def test_what_trains_the_model_is_compared_with_every_seed(measured):
    task, bench, _ = measured
    record = at_hand_of(task, bench).record
    lines = {(line.facts.id, line.seed): line for line in record.strategies}
    assert [*lines] == [*((name, 0) for name in NAMES), ("lora", 1)]
    assert {line.status for line in record.strategies} == {"completed"}
    assert all(len(line.scores) == 20 for line in record.strategies)
    assert lines["lora", 0].operations > lines["prompt.few-shot", 0].operations / 100 > 0
    assert lines["baseline.majority", 0].operations == 0.0
    assert record.task.training_tokens > 40


def test_every_kind_of_evidence_is_found_without_a_test_row(measured):
    task, bench, told = measured
    evidence = at_hand_of(task, bench).evidence
    deeds = {each.action.deed for each in evidence.findings}
    assert deeds == {"features", "rows", "likelihood", "head", "pilot"}
    assert [each.trouble for each in evidence.findings if each.trouble] == []
    rows = {row for each in evidence.findings for row in each.scores}
    seen = {row.id for row in (*task.dataset.train, *task.dataset.validation)}
    assert rows <= seen
    labels = {label for each in evidence.findings for label in each.labels.values()}
    assert labels <= {"0", "1", "2", "-1"}
    assert evidence.head.guesses
    for each in evidence.findings:
        if each.action.deed in ("likelihood", "pilot"):
            assert {*each.readings} == {"nats", "tokens", "share"}
            assert {row for of in each.readings.values() for row in of} <= seen
        assert each.cpu_seconds >= 0
    assert any("pilot lora" in line for line in told)


def test_it_is_replayed_within_its_budgets(measured):
    task, bench, _ = measured
    done = replay_all([task], bench, shipped=bench.out / "none")
    assert done.left_out == ()
    ours = [each for each in done.replays if each.way == FORECAST]
    assert [each.budget for each in ours] == [*BUDGETS]
    assert all(set(each.strategies) == set(NAMES) for each in ours)
    # of so short a comparison thinking takes most, and which step comes first decides how many fit
    assert len(ours[-1].steps) >= len(ours[0].steps)
