"""Made-up tasks for the benchmark of the forecast: data sets, records and what is true of them."""

import numpy as np
from scipy.stats import norm

from benchmarks.records import Environment, ModelFacts, StrategyFacts, TaskFacts
from corpora.task import Dataset, Example, Needs, Task
from service.forecast_bench.record import StrategyLine, TaskLine, TaskRecord
from service.forecast_bench.tasks import BenchTask
from service.forecast_bench.truth import Audit, Known, Truth

MODEL = ModelFacts(name="tiny", parameters=1_000, dtype="float32", fingerprint="0")
FAMILIES = {
    "baseline.majority": "baseline",
    "baseline.linear": "baseline",
    "prompt.nearest": "prompting",
    "lora": "fine-tuning",
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
