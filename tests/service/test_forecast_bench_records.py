"""Records of measured tasks: what they hold, what follows, and how they are told apart."""

import json
from pathlib import Path

import numpy as np
import pytest
from bench_worlds import LABELS, colours, line, record_of, task_line
from example_run import example_records

from benchmarks.errors import BenchmarkError
from benchmarks.evidence.finding import Action, Finding
from benchmarks.journal import Journal
from benchmarks.records import APART, OutcomeRecord, SentinelRecord
from benchmarks.standing import latest_run
from benchmarks.summary import summarise
from corpora.errors import InvalidInput
from corpora.task import Dataset, Example
from service.choosing import build_case
from service.commitment import commit
from service.forecast_bench.compact import records_of, strategy_lines
from service.forecast_bench.compact import task_line as line_of_task
from service.forecast_bench.findings import (
    Evidence,
    EvidenceLine,
    anonymous,
    read_evidence,
    write_evidence,
)
from service.forecast_bench.lessons import lesson_of
from service.forecast_bench.operations import tokens_learned
from service.forecast_bench.record import TaskRecord, read_record, write_record
from service.forecast_bench.sizes import DEFAULT, SMALL, cut
from service.forecast_bench.state import COMPARING, code_state, mixture, note_state
from service.forecast_bench.tasks import BenchTask, digest_of, read_tasks, source_of, task_folders
from service.forecast_bench.tokens import repeated_tasks, training_tokens
from service.forecast_bench.truth import answer_to, case_of, computed, truth_of
from strategies.errors import UnknownName

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def example():
    """The journal of a run that reads like a real one, and its record."""
    records = example_records()
    run = latest_run(records)
    outcomes = [r for r in records if isinstance(r, OutcomeRecord)]
    rows = {r.example: r for r in outcomes}
    dataset = Dataset(
        task=colours().task.model_copy(update={"labels": run.task.labels}),
        train=(),
        validation=(),
        test=tuple(Example(id=name, input=r.input, output=r.reference) for name, r in rows.items()),
    )
    task = BenchTask("banking", "polyai", dataset, "digest")
    head = line_of_task(task, records, size="default", code=["a"], training_tokens=5)
    return records, TaskRecord(task=head, strategies=tuple(strategy_lines(records, dataset)))


def test_a_record_decides_as_the_journal_does(example):
    records, record = example
    run = latest_run(records)
    before = build_case(summarise(records), run.task, run.needs)
    after = case_of(records_of(record, 0))
    assert answer_to(after) == (before.pick.first.id, commit(before).answer)
    for old, new in zip(before.summary.strategies, after.summary.strategies, strict=True):
        assert (old.id, old.status, old.p_best) == (new.id, new.status, new.p_best)
        if old.quality is not None:
            assert new.quality.value == pytest.approx(old.quality.value, abs=1e-5)
            assert new.quality.low == pytest.approx(old.quality.low, abs=1e-5)
            per_1k = old.cost.per_1k_requests_usd
            assert new.cost.per_1k_requests_usd == pytest.approx(per_1k, rel=1e-4)
            assert new.cost.horizon_usd == pytest.approx(old.cost.horizon_usd, rel=1e-4)
            assert new.latency_ms.p95 == pytest.approx(old.latency_ms.p95, rel=1e-4)


@pytest.mark.parametrize("name", ["insurance-tickets", "xquad"])
def test_a_measured_comparison_decides_the_same_from_its_record(name):
    records = Journal(ROOT / "benchmarks" / "results" / f"{name}.jsonl").read()
    run = latest_run(records)
    rows = {r.example: r for r in records if isinstance(r, OutcomeRecord)}
    spec = colours().task.model_copy(update={"labels": run.task.labels, "metric": run.task.metric})
    test = tuple(
        Example(id=id, input="left out", output=r.expected or "", group=r.group)
        for id, r in rows.items()
    )
    dataset = Dataset(task=spec, train=(), validation=(), test=test)
    task = BenchTask(name, name, dataset, "digest")
    head = line_of_task(task, records, size="default", code=["a"], training_tokens=1)
    record = TaskRecord(task=head, strategies=tuple(strategy_lines(records, dataset)))
    before = build_case(summarise(records), run.task, run.needs)
    assert answer_to(case_of(records_of(record, 0))) == answer_to(before)


def test_a_record_holds_no_text_of_the_data(example, tmp_path):
    records, record = example
    write_record(tmp_path / "banking.jsonl", record)
    written = (tmp_path / "banking.jsonl").read_text()
    texts = {r.input for r in records if isinstance(r, OutcomeRecord)}
    texts |= set(latest_run(records).task.labels)
    assert texts
    assert not [text for text in texts if text in written]
    assert len(written) < 300_000


def test_a_record_reads_as_it_was_written(example, tmp_path):
    _, record = example
    path = tmp_path / "tasks" / "banking.jsonl"
    write_record(path, record)
    assert read_record(path) == record
    assert [json.loads(text)["record"] for text in path.read_text().splitlines()] == [
        "task",
        *["strategy"] * 9,
    ]


@pytest.mark.parametrize("text", ["", "{}\n", '{"record": "strategy"}\n', "no JSON\n"])
def test_a_file_of_something_else_is_no_record(text, tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text(text)
    with pytest.raises(BenchmarkError, match="no record of this benchmark"):
        read_record(path)


@pytest.mark.parametrize(
    ("search", "learned"),
    [
        ((), 50.0),
        (({"epochs": 1.0, "validation_score": 0.5},), 50.0),
        (
            (
                {"tokens": 90.0, "depth": "upper third"},
                {"rank": 8.0, "dropped": "out of time"},
                {"tokens": 50.0, "depth": "full"},
                {"tokens": 50.0, "depth": "full"},
            ),
            130.0,
        ),
    ],
)
def test_every_training_of_a_search_counts_and_one_of_the_upper_layers_as_their_share(
    search, learned
):
    assert tokens_learned({"tokens": 50, "search": search}) == learned


def test_seconds_are_those_of_one_seed():
    record = record_of({"baseline.majority": 0.3, "lora": 0.7}, seeds=(0, 1))
    each = 1.0 + 4.5 + 0.22
    assert record.seconds == pytest.approx(2 * each)
    assert [(row.facts.id, row.seed) for row in record.run_of(1)] == [
        ("baseline.majority", 0),
        ("lora", 1),
    ]


def test_some_rows_make_a_smaller_comparison_with_the_same_costs():
    record = record_of({"baseline.linear": 0.5, "lora": 0.7}, rows=40)
    half = set(record.task.rows[:20])
    whole, part = (case_of(records_of(record, 0, rows)) for rows in (None, half))
    assert (whole.task.n_test, part.task.n_test) == (40, 20)
    scores = dict(zip(record.task.rows, record.strategies[1].scores, strict=True))
    lora = part.summary.strategies[1]
    assert lora.quality.value == pytest.approx(np.mean([scores[row] for row in half]))
    assert lora.cost == whole.summary.strategies[1].cost


def test_macro_f1_is_computed_anew_from_labels_by_number():
    said = (0, 0, 1, 2, 1, None)
    head = task_line(
        tuple(f"r{n}" for n in range(6)), metric="macro_f1", expected=(0, 0, 0, 2, 1, 1)
    )
    scores = (1.0, 1.0, 0.0, 1.0, 1.0, 0.0)
    record = TaskRecord(task=head, strategies=(line("prompt.nearest", scores, predicted=said),))
    (row,) = summarise(records_of(record, 0)).strategies
    f1 = [2 * 2 / (2 * 2 + 0 + 1), 2 * 1 / (2 * 1 + 1 + 1), 1.0]
    assert row.quality.value == pytest.approx(np.mean(f1))


def test_leaked_rows_count_for_nothing():
    record = record_of({"baseline.linear": 0.5, "lora": 0.7}, rows=40, leaked=("r0", "r1"))
    guard = next(r for r in records_of(record, 0) if isinstance(r, SentinelRecord))
    assert (guard.name, guard.passed, guard.examples) == (APART, False, ("r0", "r1"))
    found = computed(record, splits=1)
    assert found.known["lora"].n == 38
    scores = record.strategies[1].scores[2:]
    assert found.known["lora"].value == pytest.approx(np.mean(scores))


def test_the_noise_of_a_mean_is_its_standard_error():
    record = record_of({"baseline.linear": 0.5, "lora": 0.7}, rows=80)
    known = computed(record, splits=1).known["lora"]
    scores = np.array(record.strategies[1].scores)
    assert known.variance == pytest.approx(scores.var(ddof=1) / 80)


def test_rows_of_a_group_make_more_noise():
    groups = tuple(f"g{n % 8}" for n in range(80))
    alone = record_of({"baseline.linear": 0.5, "lora": 0.7}, rows=80)
    scores = tuple(float(n % 8 < 5) for n in range(80))
    lines = (alone.strategies[0], line("lora", scores))
    flat = TaskRecord(task=alone.task, strategies=lines)
    grouped = TaskRecord(task=alone.task.model_copy(update={"groups": groups}), strategies=lines)
    one, other = (computed(each, splits=1).known["lora"].variance for each in (flat, grouped))
    by_group = np.array([float(n < 5) for n in range(8)])
    assert other == pytest.approx(by_group.var(ddof=1) / 8)
    assert other > 5 * one


def test_seeds_are_averaged_and_other_seeds_judge():
    record = record_of({"baseline.linear": 0.3, "lora": 0.8}, rows=60, seeds=(0, 1, 2))
    found = computed(record, splits=2)
    means = [np.mean(row.scores) for row in record.strategies if row.facts.id == "lora"]
    assert found.known["lora"].value == pytest.approx(np.mean(means))
    assert (len(found.commits), len(found.audits)) == (3, 2 * 2)
    assert found.commit == "yes"
    assert found.winner == "lora"


def test_what_is_true_is_kept_until_the_record_changes(tmp_path):
    path = tmp_path / "tasks" / "made-up.jsonl"
    write_record(path, record_of({"baseline.linear": 0.5, "lora": 0.7}, rows=30))
    first = truth_of(path, tmp_path)
    kept = tmp_path / "made-up.truth.json"
    kept.write_text(first.model_copy(update={"seconds": 1.0}).model_dump_json())
    assert truth_of(path, tmp_path).seconds == 1.0
    kept.write_text('{"key": 1')
    assert truth_of(path, tmp_path) == first
    write_record(path, record_of({"baseline.linear": 0.5, "lora": 0.7}, rows=31))
    assert truth_of(path, tmp_path).seconds == first.seconds


def finding(deed, strategy, rows, scores=None, labels=None, **more):
    action = Action(deed=deed, strategy=strategy, rows=rows, share=0.0, seconds=1.0)
    return Finding(action=action, scores=scores or {}, labels=labels or {}, seconds=2.0, **more)


TWO = {"nats": {"v0": 1.0, "v1": 19.0}, "share": {"v0": 0.5, "v1": 0.5}}
FINDINGS = (
    finding("features", None, 0, figures={"n_train": 30.0}),
    finding("rows", "lora", 2, {"v0": 1.0, "v1": 0.0}, {"v0": "red", "v1": "pink"}),
    finding("rows", "prompt", 1, {"v0": 0.123456789}),
    finding(
        "rows",
        "lora",
        3,
        {"v0": 1.0, "v1": 0.0, "v2": 1.0},
        {"v0": "red", "v1": "pink", "v2": "blue"},
    ),
    finding("rows", "lora", 3, {"v0": 0.0, "v2": 1.0}, trouble="it broke"),
    finding(
        "pilot",
        "lora",
        0,
        figures={"nll": 1.5},
        readings={"nats": {"v0": 1.23456789, "v1": 20.0}, "share": {"v1": 1.23456789e-7}},
    ),
    finding("pilot", "lora", 0, figures={"nll": 1.2}, cpu_seconds=3.5),
    finding("pilot", "lora", 0, readings=TWO),
)


def test_evidence_reads_as_it_was_written_with_each_score_once(tmp_path):
    path = tmp_path / "colours.findings.jsonl"
    head = EvidenceLine(name="colours", size="small", data="d", code=("c",))
    kept = Evidence(head=head, findings=tuple(anonymous(each, LABELS) for each in FINDINGS))
    write_evidence(path, kept)
    assert read_evidence(path) == kept
    assert kept.findings[3].labels == {"v0": "0", "v1": "-1", "v2": "2"}
    assert kept.findings[2].scores == {"v0": 0.12346}
    assert kept.findings[5].readings["share"] == {"v1": 1.235e-7}
    lines = [json.loads(text) for text in path.read_text().splitlines()]
    assert lines.pop(1) == {"record": "rows", "rows": ["v0", "v1", "v2"]}
    assert [line.get("adds") for line in lines] == [
        None,
        False,
        False,
        False,
        True,
        False,
        False,
        True,
        True,
    ]
    assert (lines[4]["finding"]["scores"], lines[4]["columns"]["scores"]) == ({}, [1.0])
    assert lines[6]["columns"] == {
        "rows": [0, 1],
        "scores": [],
        "labels": [],
        "readings": {"nats": [1.235, 20.0], "share": [None, 1.235e-7]},
    }
    assert lines[8]["columns"]["readings"] == {"nats": [1.0, 19.0], "share": [0.5, 0.5]}
    path.write_text(path.read_text().partition("\n")[2])
    with pytest.raises(BenchmarkError, match="no evidence"):
        read_evidence(path)


def test_evidence_of_an_older_file_is_read(tmp_path):
    path = tmp_path / "colours.findings.jsonl"
    head = '{"record":"evidence","name":"colours","size":"small","data":"d","code":["c"]}\n'
    action = '{"deed":"rows","strategy":"lora","rows":1,"share":1.0,"seconds":1.0}'
    found = f'"finding":{{"action":{action},"scores":{{"SCORE":1.0}},"seconds":2.0}}'
    line = f'{{"record":"finding","adds":ADDS,{found}}}\n'
    lines = [
        line.replace("SCORE", f"v{n}").replace("ADDS", adds)
        for n, adds in enumerate(["false", "true"])
    ]
    path.write_text(head + "".join(lines))
    first, last = read_evidence(path).findings
    assert (first.scores, last.scores) == ({"v0": 1.0}, {"v0": 1.0, "v1": 1.0})
    assert (last.readings, last.cpu_seconds) == ({}, None)


@pytest.mark.parametrize(
    ("rows", "scores"), [([0, 1], [1.0]), ([0, 2], [1.0, 0.0]), (["v0", "v1"], [1.0, 0.0])]
)
def test_columns_that_do_not_fit_are_no_evidence(rows, scores, tmp_path):
    path = tmp_path / "colours.findings.jsonl"
    head = EvidenceLine(name="colours", size="small", data="d", code=("c",))
    two = finding("rows", "lora", 2, {"v0": 1.0, "v1": 0.0})
    write_evidence(path, Evidence(head=head, findings=(two,)))
    *before, last = (json.loads(text) for text in path.read_text().splitlines())
    for more in ({}, {"rows": rows, "scores": scores}):
        assert read_evidence(path).findings == (two,)
        line = last | {"columns": last["columns"] | more}
        path.write_text("".join(json.dumps(each) + "\n" for each in (*before, line)))
    with pytest.raises(BenchmarkError, match="no evidence"):
        read_evidence(path)


def test_a_task_teaches_its_qualities_with_their_errors():
    record = record_of({"baseline.linear": 0.5, "lora": 0.7}, rows=80)
    found = computed(record, splits=1)
    lesson = lesson_of(record, found, None)
    assert lesson.source == "made-up"
    assert lesson.qualities["lora"].value == found.known["lora"].value
    assert lesson.qualities["lora"].error == pytest.approx(found.known["lora"].variance ** 0.5)
    a, b = (np.array(row.scores) for row in record.strategies)
    assert lesson.alike == pytest.approx(max(0.0, np.corrcoef(a, b)[0, 1]))


def test_sizes_cap_each_split_and_keep_every_label():
    whole = colours(train=400, validation=90, test=300)
    small, default = cut(whole, SMALL), cut(whole, DEFAULT)
    assert [len(s) for s in (small.train, small.validation, small.test)] == [60, 30, 40]
    assert [len(s) for s in (default.train, default.validation, default.test)] == [300, 90, 200]
    assert {row.output for row in small.test} == set(LABELS)
    assert {row.id for row in small.train} <= {row.id for row in default.train}
    assert cut(whole, SMALL) == small


def test_the_digest_is_of_rows_and_not_of_needs():
    data = colours()
    dearer = data.task.model_copy(
        update={"needs": data.task.needs.model_copy(update={"requests_per_month": 5.0})}
    )
    assert digest_of(data) == digest_of(data.model_copy(update={"task": dearer}))
    fewer = data.model_copy(update={"train": data.train[1:]})
    assert digest_of(data) != digest_of(fewer)


@pytest.mark.parametrize(
    ("file", "text", "source"),
    [
        ("SOURCE.md", "# x\n\n- Origin: github.com/a/b\n- Commit: `1`\n", "github.com/a/b"),
        ("README.md", "Source: https://www.example.org/data/\n", "example.org/data"),
        ("SOURCE.md", "Where it comes from is not known.\n", "colours"),
    ],
)
def test_the_source_is_what_the_folder_states(file, text, source, tmp_path):
    folder = tmp_path / "colours"
    folder.mkdir()
    (folder / file).write_text(text)
    assert source_of(folder) == source


def write_task(folder, count=40):
    folder.mkdir()
    (folder / "task.yaml").write_text(
        "name: colours\nkind: classification\ninstruction: Name the colour of the order.\n"
        "labels: ['red', 'green', 'blue']\nexamples: examples.jsonl\n"
    )
    rows = [
        {"input": f"order {n} {word} {LABELS[n % 3]}", "output": LABELS[n % 3]}
        for n, word in enumerate(f"word{n * 37 % 101}" for n in range(count))
    ]
    (folder / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_tasks_that_cannot_be_read_are_told_and_left_out(tmp_path):
    write_task(tmp_path / "good")
    write_task(tmp_path / "bad")
    (tmp_path / "bad" / "examples.jsonl").write_text('{"input": "x"}\n')
    (tmp_path / "no-task").mkdir()
    told = []
    tasks, out = read_tasks(task_folders(tmp_path), SMALL, told.append)
    assert [task.name for task in tasks] == ["good"]
    assert [one.name for one in out] == ["bad"]
    assert "output" in out[0].reason
    assert told == [f"bad is left out: {out[0].reason}"]


def test_a_misspelt_task_and_an_empty_folder_end_the_command(tmp_path):
    with pytest.raises(InvalidInput, match=r"task\.yaml"):
        task_folders(tmp_path)
    with pytest.raises(InvalidInput, match="task folders"):
        task_folders(tmp_path / "nowhere")
    write_task(tmp_path / "good")
    with pytest.raises(UnknownName, match="'goood'"):
        task_folders(tmp_path, ["goood"])
    assert [folder.name for folder in task_folders(tmp_path, ["good"])] == ["good"]


def test_training_tokens_are_those_of_every_training_row():
    data = colours(train=2)
    words = sum(len(row.input.split()) + 1 for row in data.train)
    instruction = len(data.task.instruction.split())
    assert training_tokens(data, lambda text: len(text.split())) == words + 2 * instruction


def test_the_tasks_with_the_fewest_tokens_have_several_seeds():
    tokens = {"c": 5, "a": 9, "b": 5, "d": 1}
    few = repeated_tasks(tokens, 3)
    assert few == ("d", "b", "c")
    assert repeated_tasks(tokens, 0) == ()


def test_states_of_the_code_are_noted_and_mixtures_told(tmp_path):
    now = code_state(COMPARING)
    (tmp_path / f"{COMPARING}.states.json").write_text('["older"]\n')
    assert note_state(tmp_path, COMPARING) == ("older", now)
    assert note_state(tmp_path, COMPARING) == ("older", now)
    assert mixture([(now,), (now,)], COMPARING) is None
    told = mixture([(now,), ("older", now)], COMPARING)
    assert told.startswith("comparing: 1 of 2 records were made by other states")
    assert "older" in told
