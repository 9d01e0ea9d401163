"""What a replay's own thinking is booked with."""

from dataclasses import replace

import pytest
from bench_worlds import WAYS, write_folder, write_measured

from benchmarks.belief.predictor import Predictor
from benchmarks.costs import read_prices
from service.forecast_bench import replay as replaying
from service.forecast_bench.findings import read_evidence
from service.forecast_bench.measure import Bench, Watching, findings_in, record_in
from service.forecast_bench.record import read_record
from service.forecast_bench.replay import THOUGHT, Case, Thinking, replay
from service.forecast_bench.sizes import SMALL
from service.forecast_bench.tasks import read_task
from service.forecast_bench.truth import truth_of

QUALITIES = {"baseline.majority": 0.2, "baseline.linear": 0.6, "prompt.nearest": 0.5, "lora": 0.6}


@pytest.fixture
def replayed(tmp_path, monkeypatch):
    """A replay of one measured task, with thinking at a rate."""
    (tmp_path / "weights").mkdir()
    write_folder(tmp_path / "tasks" / "one", tmp_path / "weights")
    size = replace(SMALL, strategies=WAYS)
    task = read_task(tmp_path / "tasks" / "one", size)
    write_measured(tmp_path / "out", task, QUALITIES)
    record, evidence = (place(tmp_path / "out", "one") for place in (record_in, findings_in))
    truth = truth_of(record, tmp_path / "out" / "tasks")
    case = Case(task, read_record(record), read_evidence(evidence), truth)
    watching = Watching(lambda event: None, lambda line: None, lambda: False)
    bench = Bench(tmp_path / "out", size, read_prices(None), watching)

    def made(thought):
        monkeypatch.setattr(replaying, "THOUGHT", thought)
        return case, replay(case, Predictor(), 0.5, "key", bench)

    return made


def test_thinking_takes_as_long_on_any_machine():
    clock = Thinking()
    assert [clock(), clock(), clock()] == pytest.approx([THOUGHT, 2 * THOUGHT, 3 * THOUGHT])


def test_thinking_is_paid_by_the_budget_and_is_no_second_of_the_evidence(replayed):
    case, free = replayed(0.0)
    _, dear = replayed(0.02 * case.truth.seconds)
    assert dear.steps == free.steps[: len(dear.steps)]
    assert len(dear.steps) < len(free.steps)
    for each in (free, dear):
        taken = case.evidence.findings
        least = sum(sorted(one.seconds for one in taken)[: len(each.steps)])
        most = sum(sorted((one.seconds for one in taken), reverse=True)[: len(each.steps)])
        assert least <= each.seconds + 1e-9
        assert each.seconds <= most + 1e-9
