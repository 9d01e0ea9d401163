"""Does a report follow from its records? Every figure and the verdict are computed again."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.journal import JOURNAL, Journal
from benchmarks.judging import is_answerable, is_no_answer
from benchmarks.metrics import label_of, score_row
from benchmarks.raced import contest_in, eliminations
from benchmarks.records import OutcomeRecord, Record, TaskFacts
from benchmarks.standing import latest_run
from corpora.task import Example, Task
from service.report import build_report

TOLERANCE = 1e-9
NAMES = ("id", "name", "strategy", "what", "check")
"""Fields that tell the items of a list apart, for readable paths."""
LATER = ("parts",)
"""Keys that older reports do not have: where nothing is stored, there is nothing to compare."""


@dataclass(frozen=True)
class Difference:
    """One place where the stored value is not the recomputed one."""

    path: str
    stored: Any
    recomputed: Any

    def __str__(self) -> str:
        return f"{self.path}: stored {self.stored!r}, recomputed {self.recomputed!r}"


def verify(folder: Path) -> list[Difference]:
    """Every difference between report.json and what outcomes.jsonl gives; empty where it agrees.

    Where the records carry the texts, each answer is scored again too. Raises OSError where
    there is no report, and BenchmarkError where the records are damaged or hold no run.
    """
    stored = (folder / "report.json").read_text(encoding="utf-8")
    records = Journal(folder / JOURNAL).read()
    recomputed = json.loads(build_report(records).as_json())
    try:
        report = json.loads(stored)
    except ValueError as error:
        return [Difference("report.json", f"no JSON: {error}", recomputed["schema"])]
    return [*differences(report, recomputed), *misjudged(records), *misraced(records)]


def differences(stored: Any, recomputed: Any, path: str = "") -> Iterator[Difference]:
    """Walk both values; numbers may differ by 1e-9, all else must be equal."""
    if isinstance(stored, dict) and isinstance(recomputed, dict):
        for key in [*recomputed, *(key for key in stored if key not in recomputed)]:
            if key in LATER and key not in stored:
                continue
            place = f"{path}.{key}" if path else key
            yield from differences(stored.get(key), recomputed.get(key), place)
    elif isinstance(stored, list) and isinstance(recomputed, list):
        if len(stored) != len(recomputed):
            yield Difference(f"{path}.length", len(stored), len(recomputed))
        for index, (one, other) in enumerate(zip(stored, recomputed, strict=False)):
            yield from differences(one, other, f"{path}[{label(other, index)}]")
    elif not same(stored, recomputed):
        yield Difference(path, stored, recomputed)


def same(stored: Any, recomputed: Any) -> bool:
    if is_number(stored) and is_number(recomputed):
        return math.isclose(stored, recomputed, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return type(stored) is type(recomputed) and bool(stored == recomputed)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def label(item: Any, index: int) -> str:
    """How an item of a list is called in a path: its name where it has one, else its place."""
    if isinstance(item, Mapping):
        if "a" in item and "b" in item:
            return f"{item['a']}, {item['b']}"
        if "from" in item and "to" in item:
            return f"{item['from']}, {item['to']}"
        if "strategy" in item and "n" in item:
            return f"{item['strategy']}, {item['n']}"
        for name in NAMES:
            if isinstance(item.get(name), str):
                return str(item[name])
    return str(index)


def misraced(records: Sequence[Record]) -> Iterator[Difference]:
    """Eliminations that do not follow from what had been answered by then. One that was foretold,
    for a reason in words, rests on nothing in the records."""
    for record, before in eliminations(records):
        if record.ground == "forecast":
            continue
        contest = contest_in(before)
        racer = contest.racer(record.strategy) if contest else None
        stop = contest.stop_of(racer) if contest and racer else None
        place = f"eliminations[{record.strategy}]"
        if stop is None:
            yield Difference(place, record.reason, None)
            continue
        for name in ("by", "ground", "difference", "at_most", "n", "reason"):
            found = getattr(stop, name)
            yield from differences(getattr(record, name), found, f"{place}.{name}")


def misjudged(records: Sequence[Record]) -> Iterator[Difference]:
    """Answers whose stored score is not what the metrics give for the stored texts."""
    run = latest_run(records)
    if run is None:
        return
    task = task_from(run.task)
    for row in records:
        if isinstance(row, OutcomeRecord) and row.state == "ok":
            yield from misjudged_row(row, task)


def misjudged_row(row: OutcomeRecord, task: Task) -> Iterator[Difference]:
    """One answer; nothing where its texts are not in the records."""
    if row.text is None or row.reference is None:
        return
    example = Example(
        id=row.example,
        input=row.input or "-",
        output=row.reference,
        alternatives=row.alternatives,
    )
    place = f"outcomes[{row.strategy}, {row.example}]"
    yield from differences(row.scores, score_row(task, example, row.text), f"{place}.scores")
    if row.declined is not None:
        yield from differences(row.declined, is_no_answer(task, row.text), f"{place}.declined")
        right = is_answerable(task, example)
        yield from differences(row.answerable, right, f"{place}.answerable")
    if task.kind == "classification":
        named = label_of(row.text, task.labels)
        yield from differences(row.predicted, named, f"{place}.predicted")
        yield from differences(row.expected, row.reference, f"{place}.expected")


def task_from(facts: TaskFacts) -> Task:
    """As much of the task as scoring needs."""
    return Task(
        name=facts.name,
        kind=facts.kind,
        instruction="-",
        labels=facts.labels,
        output_schema=facts.output_schema,
        rules=facts.rules,
        metric=facts.metric,
        no_answer=facts.no_answer,
    )
