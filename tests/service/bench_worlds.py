"""Made-up tasks for the benchmark of the forecast: data sets, records and what is true of them."""

import json
import shutil
from dataclasses import replace

import numpy as np
from scipy.stats import norm

from benchmarks.costs import read_prices
from benchmarks.evidence.finding import Action, Finding
from benchmarks.records import Environment, ModelFacts, StrategyFacts, TaskFacts
from corpora.task import Dataset, Example, Needs, Task
from service.forecast_bench.findings import Evidence, EvidenceLine, write_evidence
from service.forecast_bench.measure import Bench, Watching, findings_in, record_in
from service.forecast_bench.record import StrategyLine, TaskLine, TaskRecord, write_record
from service.forecast_bench.sizes import SMALL
from service.forecast_bench.tasks import BenchTask, read_task, task_folders
from service.forecast_bench.truth import Audit, Known, Truth, truth_of

MODEL = ModelFacts(name="tiny", parameters=1_000, dtype="float32", fingerprint="0")
FAMILIES = {
    "baseline.majority": "baseline",
    "baseline.linear": "baseline",
    "prompt.nearest": "prompting",
    "lora": "fine-tuning",
    "cascade": "combined",
}
LABELS = ("red", "green", "blue")


def colours(train=30, validation=12, test=24, name="colours", groups=0):
    """A task whose training rows are mostly red; `groups` of test rows, none where 0."""

    def rows(split, count, start):
        return tuple(
            Example(
                id=f"{split}{n}",
                input=f"{split} order {start + n}: {LABELS[n % 3]}, please, number {start + n}",
                output=LABELS[n % 3],
                group=f"g{n % groups}" if groups and split == "test" else None,
            )
            for n in range(count)
        )

    task = Task(
        name=name,
        kind="classification",
        instruction="Name the colour that the customer asks for.",
        labels=LABELS,
        metric="accuracy",
    )
    return Dataset(
        task=task,
        train=rows("train", train, 0),
        validation=rows("valid", validation, 1000),
        test=rows("test", test, 2000),
    )


def bench_task(name="colours", source=None, **sizes):
    dataset = colours(name=name, **sizes)
    return BenchTask(name, source or name, dataset, f"data-{name}")


def task_line(rows, *, name="made-up", groups=None, metric="accuracy", **more):
    task = TaskFacts(
        name=name,
        kind="classification",
        metric=metric,
        labels=("0", "1", "2"),
        n_train=60,
        n_validation=12,
        n_test=len(rows),
        n_documents=0,
    )
    told = {
        "source": name,
        "size": "small",
        "data": f"data-{name}",
        "code": ("state",),
        "needs": Needs(),
        "models": (MODEL,),
        "environment": Environment(
            cpu="none",
            cores=1,
            memory_gb=1.0,
            gpu=None,
            torch="none",
            versions={},
            started_at="2026-01-01T00:00:00+00:00",
        ),
        "prices": {
            "machine": "made-up",
            "usd_per_hour": 0.09,
            "source": "made up",
            "as_of": "2026-01",
        },
        "training_tokens": 100,
        "validation": ("v0", "v1"),
    }
    return TaskLine(name=name, task=task, rows=rows, groups=groups, **{**told, **more})


def line(name, scores, *, seed=0, setup=1.0, **more):
    facts = StrategyFacts(
        id=name,
        name=name,
        family=FAMILIES[name],
        model=None if name.startswith("baseline") else "tiny",
    )
    training = {"epochs": 3, "seeds": [seed]} if name == "lora" else None
    return StrategyLine(
        seed=seed,
        facts=facts,
        status="completed",
        setup_seconds=setup,
        batches=((10, 2.0), (10, 2.5)),
        latencies_ms=(100.0, 120.0),
        training=more.pop("training", training),
        scores=tuple(scores),
        **more,
    )


def record_of(qualities, *, rows=60, seed=0, seeds=(0,), groups=None, **more):
    """Scores of 0 and 1 that happen on `rows` rows where those are the true qualities; strategies
    find the same rows hard. What trains the model has scores of its own for each of the `seeds`."""
    rng = np.random.default_rng(seed)
    names = tuple(f"r{n}" for n in range(rows))
    shared = rng.standard_normal(rows)

    def drawn(quality):
        hard = np.sqrt(0.5) * shared + np.sqrt(0.5) * rng.standard_normal(rows)
        return (norm.cdf(hard) < quality).astype(float).tolist()

    lines = [line(name, drawn(quality), seed=seeds[0]) for name, quality in qualities.items()]
    lines += [
        line(name, drawn(quality), seed=each)
        for each in seeds[1:]
        for name, quality in qualities.items()
        if name == "lora"
    ]
    return TaskRecord(task=task_line(names, groups=groups, **more), strategies=tuple(lines))


def truth(name="made-up", *, known, audits=(), winners=("lora",), commits=("yes",), **more):
    return Truth(
        key="",
        name=name,
        source=more.pop("source", name),
        margin=more.pop("margin", 0.02),
        winners=winners,
        commits=commits,
        known={
            each: Known(value=v, variance=s, p_best=p, n=100) for each, (v, s, p) in known.items()
        },
        audits=tuple(audits),
        seconds=more.pop("seconds", 1000.0),
        operations=more.pop("operations", 1e12),
    )


def audit(winner, nothing=0.1, **qualities):
    return Audit(
        winner=winner,
        qualities={name.replace("_", "."): value for name, value in qualities.items()},
        nothing=nothing,
    )


WAYS = ("baseline.majority", "baseline.linear", "prompt.nearest", "lora")
SIZE = replace(SMALL, strategies=WAYS)
TUNED = {"baseline.majority": 0.2, "baseline.linear": 0.4, "prompt.nearest": 0.5, "lora": 0.9}
PLAIN = {"baseline.majority": 0.2, "baseline.linear": 0.9, "prompt.nearest": 0.5, "lora": 0.4}


def write_folder(folder, weights, *, source=None, offset=0):
    """A task folder whose model is the folder `weights`: enough for a quote, and for no more."""
    folder.mkdir(parents=True)
    (folder / "task.yaml").write_text(
        f"name: {folder.name}\nkind: classification\nmodel: {weights}\n"
        "instruction: Name the colour that the customer of the shop asks for.\n"
        "labels: ['red', 'green', 'blue']\nexamples: examples.jsonl\n"
        f"strategies: [{', '.join(WAYS)}]\n"
    )
    rows = [
        {"id": f"{split}{n}", "split": split, "input": text_of(start + n), "output": LABELS[n % 3]}
        for split, count, start in (
            ("train", 40, offset),
            ("validation", 30, offset + 1000),
            ("test", 40, offset + 2000),
        )
        for n in range(count)
    ]
    (folder / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    if source is not None:
        (folder / "SOURCE.md").write_text(f"- Origin: {source}\n")


def text_of(number):
    """Texts of which no two are nearly the same."""
    words = [f"{'bcdfghjk'[number // 8**k % 8]}{'aeiou'[(number + k) % 5]}x" for k in range(6)]
    return " ".join([*words, f"n{number * 7919 % 10007}"])


def write_measured(out, task, qualities, *, rng=0, test_seed=0, evidence=True):
    """The record of a task read from a folder, of those true qualities, and evidence that goes by
    them, too; 100 seconds each of the trained strategy and 10 of any other."""
    drawn = record_of(
        qualities,
        rows=len(task.dataset.test),
        seed=test_seed,
        name=task.name,
        source=task.source,
        data=task.data,
    )
    head = drawn.task.model_copy(update={"rows": tuple(row.id for row in task.dataset.test)})
    lines = tuple(
        each.model_copy(update={"setup_seconds": 1000.0 if each.facts.name == "lora" else 100.0})
        for each in drawn.strategies
    )
    write_record(record_in(out, task.name), TaskRecord(task=head, strategies=lines))
    if evidence:
        kept = Evidence(
            head=EvidenceLine(name=task.name, size="small", data=task.data, code=("e",)),
            findings=tuple(findings_of(task, qualities, np.random.default_rng(rng))),
        )
        write_evidence(findings_in(out, task.name), kept)


def measured_world(place):
    """Four task folders of three sources in `tasks`, and in `out` what was measured of them."""
    (place / "weights").mkdir()
    sources = {"one": "shared.org/x", "two": "shared.org/x", "three": None, "four": None}
    for number, (name, source) in enumerate(sources.items()):
        folder = place / "tasks" / name
        write_folder(folder, place / "weights", source=source, offset=number * 5000)
    tasks = [read_task(folder, SIZE) for folder in task_folders(place / "tasks")]
    for number, task in enumerate(tasks):
        qualities = TUNED if number % 2 else PLAIN
        write_measured(place / "out", task, qualities, rng=number, test_seed=number)
        truth_of(record_in(place / "out", task.name), place / "out" / "tasks")
    return tasks


def bench_of_its_own(place, tasks, tmp_path):
    """A bench of a copy of that world, its tasks by name, and everything that is said kept."""
    shutil.copytree(place / "out", tmp_path / "out")
    told = []
    watching = Watching(lambda event: None, told.append, lambda: False)
    bench = Bench(tmp_path / "out", SIZE, read_prices(None), watching)
    return bench, {task.name: task for task in tasks}, told


def findings_of(task, qualities, rng):
    yield found("features", None, 0, 0.1, figures={"n_train": 40.0})
    rows = [row.id for row in task.dataset.validation]
    for name, quality in qualities.items():
        if name == "lora":
            continue
        scores = {row: float(rng.random() < quality) for row in rows}
        for size in (8, 16, 30):
            some = dict(list(scores.items())[:size])
            figures = {"score": float(np.mean(list(some.values()))), "ms_per_row": 50.0}
            yield found("rows", name, size, size / 10, scores=some, figures=figures)
    for share in (0.25, 0.5):
        figures = {"score": qualities["lora"] - 0.05 / share / 4, "nll": 1.0 - share}
        yield found("pilot", "lora", 30, 60 * share, share=share, figures=figures)


def found(deed, strategy, rows, seconds, *, share=1.0, **more):
    action = Action(deed=deed, strategy=strategy, rows=rows, share=share, seconds=seconds)
    return Finding(action=action, seconds=seconds, operations=1e6, **more)
