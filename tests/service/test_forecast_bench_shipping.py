"""What ships: the predictor fitted to committed records, and what decides."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass

import pytest
from bench_worlds import audit, bench_task, record_of, truth, write_measured

from benchmarks.belief.gate import PREDICTOR
from benchmarks.belief.rivals import RIVALS
from benchmarks.errors import BenchmarkError
from benchmarks.journal import Journal
from service.forecast_bench.agenda import RESULTS, at_hand
from service.forecast_bench.checks import HEADLINE
from service.forecast_bench.compact import records_of
from service.forecast_bench.lessons import expected_in, lesson_of, lessons_published
from service.forecast_bench.measure import record_in
from service.forecast_bench.record import read_record, write_record
from service.forecast_bench.replay import key_of
from service.forecast_bench.replayed import Replay, replays_in, write_replays
from service.forecast_bench.shipping import predictor_from
from service.forecast_bench.truth import Truth, truth_in
from service.forecast_bench.truth import key_of as truth_key

QUALITIES = {"baseline.majority": 0.3, "baseline.linear": 0.6, "lora": 0.7}


@dataclass
class Results:
    """A folder of results with so many tasks, on which LoRA is right."""

    place: object
    tasks: int

    def __post_init__(self):
        for name in self.names:
            write_measured(self.place, bench_task(name, test=24), QUALITIES)
        self.settle()

    @property
    def names(self):
        return [f"t{number}" for number in range(self.tasks)]

    def settle(self):
        """What is true of each record, as it is now."""
        for name in self.names:
            path = record_in(self.place, name)
            made = truth(
                name,
                known={"lora": (0.7, 0.001, 0.9), "baseline.linear": (0.6, 0.001, 0.1)},
                audits=[audit("lora", nothing=0.3, lora=0.7, baseline_linear=0.6)],
            )
            made = made.model_copy(update={"key": truth_key(path)})
            truth_in(self.place / "tasks", name).write_text(made.model_dump_json())

    def replay(self, picks):
        """Replays of the very same, in which each way makes its pick."""
        found = [at_hand(self.place, name) for name in self.names]
        truths = {name: read_truth(self.place, name) for name in self.names}
        lessons = [lesson_of(each.record, truths[each.name], each.evidence) for each in found]
        for each in found:
            key = key_of(truths[each.name], each.evidence, each.record.task.data, lessons, HEADLINE)
            made = [replayed(each.name, key, way, picks.get(way)) for way in WAYS]
            other = [one.model_copy(update={"budget": 0.15, "pick": "lora"}) for one in made]
            write_replays(replays_in(self.place, each.name), [*made, *other])


WAYS = (PREDICTOR, *(rule.name for rule in RIVALS))


def read_truth(place, name):
    return Truth.model_validate_json(truth_in(place / "tasks", name).read_bytes())


def replayed(task, key, way, pick):
    return Replay(
        key=key,
        task=task,
        source=task,
        way=way,
        budget=HEADLINE,
        pick=pick,
        commit="yes" if pick == "lora" else "no",
        seconds=1.0,
        operations=0.0,
    )


@pytest.mark.parametrize(
    ("picks", "decides", "lost"),
    [
        ({PREDICTOR: "lora", WAYS[1]: "baseline.linear"}, PREDICTOR, 0.0),
        ({PREDICTOR: "baseline.linear", WAYS[2]: "lora"}, WAYS[2], 0.1),
    ],
)
def test_what_lost_least_on_the_replays_decides(tmp_path, picks, decides, lost):
    results = Results(tmp_path, 8)
    results.replay(picks)
    found = predictor_from(tmp_path)
    assert found.gate.way == decides
    assert (found.gate.tasks, found.gate.sources, found.gate.budget) == (8, 8, HEADLINE)
    assert [each.way for each in found.gate.held] == [*WAYS]
    ours = found.gate.held[0]
    assert ours.mean_regret == pytest.approx(lost)
    assert (ours.go_no_go, ours.calls) == (float(decides == PREDICTOR), 8)
    # a way that takes nothing is worth what takes no thought
    assert found.gate.held[-1].mean_regret == pytest.approx(0.4)
    assert [task.name for task in found.tasks] == results.names


def test_on_few_tasks_the_predictor_ships_and_says_that_it_is_untested(tmp_path):
    Results(tmp_path, 7).replay({WAYS[2]: "lora"})
    gate = predictor_from(tmp_path).gate
    assert (gate.way, gate.tasks, gate.held) == (PREDICTOR, 7, ())
    assert gate.why.startswith("Not tested against simple rules: 7 measured tasks")


def test_nothing_measured_ships_the_guesses(tmp_path):
    found = predictor_from(tmp_path)
    assert (found.tasks, found.gate.way) == ((), PREDICTOR)


def test_replays_of_something_else_decide_nothing(tmp_path):
    results = Results(tmp_path, 8)
    with pytest.raises(BenchmarkError, match=r"no replays at 7%.*t0, t1"):
        predictor_from(tmp_path)
    results.replay({WAYS[2]: "lora"})
    assert predictor_from(tmp_path).gate.way == WAYS[2]
    path = record_in(tmp_path, "t3")
    record = read_record(path)
    write_record(path, record.model_copy(update={"strategies": record.strategies[:-1]}))
    results.settle()
    with pytest.raises(BenchmarkError, match="t0, t1, t2, t3"):
        predictor_from(tmp_path)


def test_right_labels_of_judged_rows_are_taught_for_macro_f1_alone():
    judged = {"v0": ("group", 2), "v1": (None, 0), "v2": (None, None)}
    for metric, told in (("macro_f1", {"v0": "2", "v1": "0"}), ("accuracy", {})):
        assert expected_in(record_of({"lora": 0.7}, metric=metric, judged=judged)) == told


def journal(place, name):
    """A published comparison: the records of one of the made-up tasks."""
    record = record_of({"baseline.linear": 0.5, "lora": 0.7}, rows=80)
    Journal(place / f"{name}.jsonl").append(records_of(record, 0))


def test_published_comparisons_teach_beside_the_tasks_that_were_measured_whole(tmp_path):
    Results(tmp_path, 2)
    listed = {name: {"records": f"{name}.jsonl", "source": "of.org/x"} for name in ("t1", "new")}
    for name in listed:
        journal(tmp_path, name)
    (tmp_path / "comparisons.json").write_text(json.dumps(listed))
    found = predictor_from(tmp_path)
    assert [task.name for task in found.tasks] == ["t0", "t1", "new"]
    taught = found.tasks[-1]
    assert (taught.source, taught.kind) == ("of.org/x", "classification")
    record = record_of({"baseline.linear": 0.5, "lora": 0.7}, rows=80)
    for line in record.strategies:
        quality = taught.qualities[line.facts.id]
        assert quality.value == pytest.approx(sum(line.scores) / 80)
        assert quality.error == pytest.approx(
            (quality.value * (1 - quality.value) / 80) ** 0.5, 0.1
        )
        assert quality.n == 80
    assert found.gate.tasks == 0  # without evidence they test nothing


@pytest.mark.parametrize("text", ["[]", "{torn", '{"new": {"records": 3}}'])
def test_a_list_of_comparisons_that_is_none_is_refused(text, tmp_path):
    (tmp_path / "comparisons.json").write_text(text)
    with pytest.raises(BenchmarkError, match="no list of comparisons"):
        predictor_from(tmp_path)


def test_records_that_are_none_are_refused(tmp_path):
    (tmp_path / "comparisons.json").write_text('{"new": {"records": "new.jsonl", "source": "x"}}')
    with pytest.raises(BenchmarkError, match=r"new: .*new\.jsonl holds no records"):
        predictor_from(tmp_path)


def test_the_comparisons_of_the_repository_teach():
    lessons = {lesson.name: lesson for lesson in lessons_published(RESULTS)}
    assert {lesson.kind for lesson in lessons.values()} > {"generation", "question-answering"}
    for lesson in lessons.values():
        assert "lora" in lesson.qualities
        assert 0 < lesson.alike < 0.95


def test_what_a_comparison_teaches_hangs_on_no_order_of_chance():
    """Keys of replays are made of it: another seed of hashes changes no bit of it."""
    told = {
        subprocess.run(
            [sys.executable, "-c", PRINTED],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told) == 1
    assert len(told.pop()) > 1000


PRINTED = """
from service.forecast_bench.agenda import RESULTS
from service.forecast_bench.lessons import lessons_published
print([lesson.model_dump_json() for lesson in lessons_published(RESULTS)[:2]])
"""
