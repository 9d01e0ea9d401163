"""One machine, one state of the code, and a second try: what a measurement may rest on."""

import json
import os
import textwrap
from dataclasses import replace

import pytest
from bench_worlds import bench_task, found

from benchmarks.costs import read_prices
from benchmarks.errors import BenchmarkError
from benchmarks.evidence.store import FindingStore, head_of, read_findings
from benchmarks.placing import ARTIFACTS
from corpora.task import Document
from service.forecast_bench import memory, state
from service.forecast_bench.agenda import at_hand_of, measure_all
from service.forecast_bench.evidence import find_evidence
from service.forecast_bench.measure import Bench, Watching, compare_again, compare_first
from service.forecast_bench.record import read_record, write_record
from service.forecast_bench.sittings import SITTINGS, sitting, sittings_in
from service.forecast_bench.sizes import SMALL
from service.forecast_bench.state import COMPARING, MACHINE, code_state, note_machine
from strategies import embedding
from strategies.embedding import HashingEmbedder

PLAIN = replace(SMALL, strategies=("baseline.majority", "baseline.copy"))
FLAKY = replace(SMALL, strategies=("baseline.majority", "acme.flaky"))


@pytest.fixture
def bench(tmp_path):
    """Two strategies without a model, and everything that is said kept in `told`."""
    told = []
    watching = Watching(lambda event: None, told.append, lambda: False)
    return Bench(tmp_path / "out", PLAIN, read_prices(None), watching), told


@pytest.fixture
def troubles(tmp_path, monkeypatch):
    """Installs `acme.flaky`; each of its preparations raises the next of what is written here
    ("memory", "value"), and none once that is used up."""
    file = tmp_path / "troubles"
    file.write_text("")
    site, module = tmp_path / "site", f"acme_{tmp_path.name}".replace("-", "_")
    info = site / "acme-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[tuneworth.strategies]\nacme.flaky = {module}:Flaky\n")
    code = f"""
        from pathlib import Path

        from strategies.baselines import Majority

        TROUBLES = Path({str(file)!r})


        class Flaky(Majority):
            name = "acme.flaky"

            def prepare(self, *given, **more):
                first, *rest = [*TROUBLES.read_text().split(), "none"]
                TROUBLES.write_text(" ".join(name for name in rest if name != "none"))
                if first == "memory":
                    raise MemoryError("made up")
                if first == "value":
                    raise ValueError("made up")
                return super().prepare(*given, **more)
        """
    (site / f"{module}.py").write_text(textwrap.dedent(code))
    monkeypatch.syspath_prepend(site)
    return file


def statuses(record):
    return {line.facts.id: line.status for line in record.strategies}


def test_a_source_that_was_changed_since_the_process_began_stops_the_measuring(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(state, "ROOT", tmp_path)
    (tmp_path / "corpora").mkdir()
    file = tmp_path / "corpora" / "task.py"
    earlier, later = state.STARTED - 5, state.STARTED + 5
    file.write_text("one = 1\n")
    os.utime(file, (earlier, earlier))
    before = code_state(COMPARING)
    assert code_state(COMPARING) == before
    os.utime(file, (later, later))
    with pytest.raises(BenchmarkError, match=r"\(corpora/task\.py\): start the command again"):
        code_state(COMPARING)
    file.write_text("two = 2\n")
    os.utime(file, (earlier, earlier))
    assert code_state(COMPARING) != before


def test_a_machine_is_noted_and_another_one_does_not_go_on(tmp_path):
    here = note_machine(tmp_path / "work")
    assert note_machine(tmp_path / "work", here).cpu == here.cpu
    path = tmp_path / "work" / MACHINE
    assert json.loads(path.read_text()) == [here.cpu, here.cores, here.gpu]
    path.write_text(json.dumps([here.cpu, here.cores + 1, here.gpu]))
    with pytest.raises(BenchmarkError, match="work was begun on another machine"):
        note_machine(tmp_path / "work")


def test_what_another_machine_compared_gets_no_evidence_and_no_seeds(bench):
    made, told = bench
    task = bench_task(test=20)
    record = compare_first(task, 5, made)
    assert note_machine(made.work(task), record.task.environment)
    there = record.task.environment.model_copy(update={"gpu": "H100"})
    other = record.model_copy(
        update={"task": record.task.model_copy(update={"environment": there})}
    )
    (made.work(task) / MACHINE).unlink()
    told.clear()
    with pytest.raises(BenchmarkError, match=r"another machine .*H100"):
        find_evidence(task, other, made)
    assert not made.findings("colours").exists()
    assert not (made.work(task) / MACHINE).exists()
    assert [*made.work(task).glob("findings-*")] == []
    assert told == []
    trained = replace(made, size=replace(SMALL, strategies=("lora",), seeds=(0, 1)))
    with pytest.raises(BenchmarkError, match=r"another machine .*H100"):
        compare_again(task, other, trained)


def test_a_comparison_that_another_machine_began_is_not_gone_on_with(bench, tmp_path):
    made, _ = bench
    task = bench_task(test=20)
    made.work(task).mkdir(parents=True)
    (made.work(task) / MACHINE).write_text('["another", 64, null]')
    (out,) = measure_all([task], ["colours"], made, shipped=tmp_path)
    assert "another, 64 cores, no GPU" in out.reason
    assert not made.record("colours").exists()


def test_a_record_says_what_its_sittings_took_and_evidence_on_which_machine(bench, tmp_path):
    made, _ = bench
    task = bench_task(test=20)
    measure_all([task], ["colours"], made, shipped=tmp_path)
    found_there = at_hand_of(task, made, shipped=tmp_path)
    head, environment = found_there.record.task, found_there.evidence.head.environment
    (told,) = sittings_in(made.comparison(task, 0) / SITTINGS)
    assert 0 < head.wall_seconds <= told.seconds
    assert (head.cpu_seconds, head.others_seconds) == (told.cpu_seconds, told.others_seconds)
    assert (environment.cpu, environment.gpu) == (head.environment.cpu, head.environment.gpu)
    assert len(sittings_in(made.work(task) / "evidence.sittings.jsonl")) == 1


def test_a_sitting_is_told_however_it_ends(tmp_path):
    path = tmp_path / "work" / SITTINGS
    assert sittings_in(path) == ()
    with pytest.raises(KeyError), sitting(path):
        raise KeyError(sum(number * number for number in range(300_000)))
    with sitting(path):
        pass
    first, second = sittings_in(path)
    assert first.cpu_seconds > second.cpu_seconds >= 0
    assert first.seconds > 0
    assert first.others_seconds >= 0


def test_a_record_tells_group_and_label_of_the_rows_that_judge(bench, tmp_path):
    made, _ = bench
    task = bench_task(test=20)
    row = task.dataset.validation[0].model_copy(update={"group": "g", "output": "blue"})
    validation = (row, *task.dataset.validation[1:])
    task = replace(task, dataset=task.dataset.model_copy(update={"validation": validation}))
    measure_all([task], ["colours"], made, shipped=tmp_path)
    whole = at_hand_of(task, made, shipped=tmp_path)
    judged = whole.record.task.judged
    assert judged[row.id] == ("g", 2)
    rows = {each.id: each for each in (*task.dataset.train, *validation)}
    labels = task.dataset.task.labels
    assert judged == {name: (rows[name].group, labels.index(rows[name].output)) for name in judged}
    assert {each.id for each in validation} < set(judged)
    assert {name for each in whole.evidence.findings for name in each.scores} == set(judged)


def test_a_record_tells_the_groups_of_the_rows_that_retrieval_is_judged_on(bench, tmp_path):
    made, _ = bench
    task = bench_task(test=20)
    learned = task.dataset.train[0].model_copy(update={"group": "g", "sources": ("d1",)})
    judged = task.dataset.validation[0].model_copy(update={"sources": ("d1",)})
    told = {
        "train": (learned, *task.dataset.train[1:]),
        "validation": (judged, *task.dataset.validation[1:]),
        "documents": (Document(id="d1", text="All about colours."),),
    }
    task = replace(task, dataset=task.dataset.model_copy(update=told))
    record = compare_first(task, 5, made)
    # the answers of other rows are shared by many, and tell nothing
    assert record.task.retrieval_groups == {judged.id: None, learned.id: "g"}
    without = compare_first(replace(task, name="plain", dataset=bench_task().dataset), 5, made)
    assert without.task.retrieval_groups == {}


def test_a_record_from_before_these_were_told_is_read(bench):
    made, _ = bench
    task = bench_task(test=20)
    record = compare_first(task, 5, made)
    path = made.record("colours")
    head, *lines = path.read_text().splitlines()
    new = ("judged", "wall_seconds", "cpu_seconds", "others_seconds")
    older = {name: value for name, value in json.loads(head).items() if name not in new}
    path.write_text("\n".join([json.dumps(older), *lines]) + "\n")
    known = read_record(path)
    assert known.strategies == record.strategies
    assert (known.task.judged, known.task.wall_seconds) == ({}, 0.0)


def test_what_was_prepared_is_kept(bench):
    made, _ = bench
    task = bench_task(test=20)
    compare_first(task, 5, made)
    assert any((made.comparison(task, 0) / ARTIFACTS / "baseline.majority").iterdir())


def test_what_fails_once_is_tried_again(bench, troubles):
    made, told = bench
    troubles.write_text("value")
    record = compare_first(bench_task(test=20), 5, replace(made, size=FLAKY))
    assert statuses(record) == {"baseline.majority": "completed", "acme.flaky": "completed"}
    assert "colours: once more, having failed: acme.flaky" in told


def test_what_fails_again_is_recorded_as_failed_and_tried_no_third_time(bench, troubles):
    made, told = bench
    troubles.write_text("value value value")
    record = compare_first(bench_task(test=20), 5, replace(made, size=FLAKY))
    assert statuses(record) == {"baseline.majority": "completed", "acme.flaky": "failed"}
    assert troubles.read_text() == "value"
    assert "colours: acme.flaky failed: ValueError: made up" in told


def test_where_memory_runs_out_again_no_record_is_written(bench, troubles):
    made = replace(bench[0], size=FLAKY)
    task = bench_task(test=20)
    troubles.write_text("memory memory")
    with pytest.raises(BenchmarkError, match=r"memory ran out for acme\.flaky"):
        compare_first(task, 5, made)
    assert not made.record("colours").exists()
    assert set(statuses(compare_first(task, 5, made)).values()) == {"completed"}
    assert len(sittings_in(made.comparison(task, 0) / SITTINGS)) == 2


def test_what_memory_runs_out_for_in_a_third_sitting_has_failed_and_the_rest_is_kept(
    bench, troubles
):
    made = replace(bench[0], size=FLAKY)
    task = bench_task(test=20)
    for _ in range(memory.PATIENCE - 1):
        troubles.write_text("memory memory")
        with pytest.raises(BenchmarkError, match="memory ran out"):
            compare_first(task, 5, made)
    troubles.write_text("memory memory")
    found = statuses(compare_first(task, 5, made))
    assert found.pop("acme.flaky") == "failed"
    assert set(found.values()) == {"completed"}


def test_evidence_that_memory_ran_out_for_is_found_anew(bench, troubles):
    made = replace(bench[0], size=FLAKY)
    task = bench_task(test=20)
    record = compare_first(task, 5, made)
    troubles.write_text("memory")
    with pytest.raises(BenchmarkError, match=r"memory ran out for rows acme\.flaky, 8 rows"):
        find_evidence(task, record, made)
    assert not made.findings("colours").exists()
    (path,) = made.work(task).glob("findings-*.jsonl")
    troubled = [each for each in read_findings(path)[1] if each.trouble]
    assert len(troubled) == 1
    evidence = find_evidence(task, record, made)
    assert [each.trouble for each in evidence.findings if each.trouble] == []
    steps = [(each.action.strategy, each.action.rows) for each in evidence.findings]
    assert len(steps) == len(set(steps))
    assert ("acme.flaky", 8) in steps


@pytest.mark.parametrize(
    ("reason", "short"),
    [
        ("OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.", True),
        ("MemoryError: ", True),
        ("RuntimeError: [enforce fail] DefaultCPUAllocator: can't allocate memory", True),
        ("the model x cannot be loaded: RuntimeError: CUDA error: out of memory", True),
        ("every answer was an error: the memory of this machine does not hold this prompt", True),
        ("ModelError: lora: a training row does not fit into memory; shorten the inputs.", True),
        ("ModelError: lora: no training row fits into 2048 tokens; shorten the inputs.", False),
        ("ValueError: made up", False),
        ("", False),
        (None, False),
    ],
)
def test_memory_that_ran_out_is_told_from_other_failures(reason, short):
    assert memory.ran_out(reason) is short


def evidence_of(strategy, seconds, *, shared, trouble=None):
    return found("rows", strategy, 8, seconds, shared=shared, trouble=trouble)


def test_what_a_dropped_finding_was_the_first_to_need_is_booked_to_the_next(tmp_path):
    model, vectors = {"model": 10.0}, {"embedding": 3.0}
    findings = [
        evidence_of("a", 1.0, shared={}),
        evidence_of("b", 14.0, shared={**model, **vectors}, trouble="MemoryError: no"),
        evidence_of("c", 2.0, shared=model),
        evidence_of("d", 2.0, shared=model, trouble="it broke"),
        evidence_of("e", 4.0, shared={**model, **vectors}),
    ]
    kept = memory.without_short(findings)
    assert [each.action.strategy for each in kept] == ["a", "c", "d", "e"]
    assert [each.seconds for each in kept] == [1.0, 12.0, 2.0, 7.0]
    path = tmp_path / "findings.jsonl"
    memory.forget(path)
    assert not path.exists()
    store = FindingStore(path, head_of(bench_task().dataset, [], 0))
    for each in findings:
        store.add(each)
    memory.forget(path)
    head, left = read_findings(path)
    assert (head, left) == (store.head, kept)


def test_what_somebody_had_paid_for_already_is_booked_to_nobody_again():
    findings = [
        evidence_of("a", 11.0, shared={"model": 10.0}),
        evidence_of("b", 1.0, shared={"model": 10.0}, trouble="MemoryError: no"),
        evidence_of("c", 2.0, shared={"model": 10.0}),
    ]
    assert [each.seconds for each in memory.without_short(findings)] == [11.0, 2.0]


def test_a_record_of_the_repository_is_copied_beside_the_evidence_it_lacked(bench, tmp_path):
    made, told = bench
    task, shipped = bench_task(test=20), tmp_path / "shipped"
    measure_all([task], ["colours"], replace(made, out=shipped), shipped=tmp_path)
    kept = replace(made, out=shipped)
    kept.findings("colours").unlink()
    assert measure_all([task], ["colours"], made, shipped=shipped) == []
    assert made.record("colours").read_bytes() == kept.record("colours").read_bytes()
    assert at_hand_of(task, made, shipped=shipped).evidence is not None
    assert not kept.findings("colours").exists()
    told.clear()
    measure_all([task], ["colours"], made, shipped=shipped)
    assert told == []


def test_a_record_of_the_repository_is_not_copied_over_one_of_other_data(bench, tmp_path):
    made, _ = bench
    task, shipped = bench_task(test=20), tmp_path / "shipped"
    there = replace(made, out=shipped)
    record = compare_first(task, 5, there)
    other = record.model_copy(update={"task": record.task.model_copy(update={"data": "other"})})
    write_record(made.record("colours"), other)
    (out,) = measure_all([task], ["colours"], made, shipped=shipped)
    assert out.reason.endswith("is of other data: give another --out, or remove it.")
    assert read_record(made.record("colours")) == other
    assert not made.findings("colours").exists()


def test_every_task_loads_the_embedder_for_its_evidence(bench, tmp_path, monkeypatch):
    loaded = []

    def load(folder, *, fingerprint):
        loaded.append(folder)
        return HashingEmbedder(8)

    monkeypatch.setattr(embedding, "model_folder", lambda name: tmp_path / name)
    monkeypatch.setattr(embedding, "SentenceEmbedder", load)
    embedding.let_go()
    made = replace(bench[0], size=replace(SMALL, strategies=("baseline.nearest",)))
    tasks = [bench_task(test=20), bench_task("other", test=20)]
    try:
        records = [compare_first(task, 5, made) for task in tasks]
        assert len(loaded) == 1
        for times, (task, record) in enumerate(zip(tasks, records, strict=True), start=2):
            evidence = find_evidence(task, record, made)
            assert len(loaded) == times
            assert any("embedder" in each.shared for each in evidence.findings)
    finally:
        embedding.let_go()
