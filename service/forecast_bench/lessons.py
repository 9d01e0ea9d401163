"""What a measured task teaches a predictor: its qualities, and the evidence found before them; of
a published comparison the qualities alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from math import sqrt
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter, ValidationError

from benchmarks.belief.macro import METRIC
from benchmarks.belief.measured import USUAL, Measured, MeasuredQuality
from benchmarks.errors import BenchmarkError
from benchmarks.journal import Journal
from benchmarks.metrics import aggregate
from benchmarks.standing import latest_run
from benchmarks.track import track_of
from corpora.task import Frozen
from service.forecast_bench.findings import Evidence
from service.forecast_bench.noise import row_variance
from service.forecast_bench.record import TaskRecord
from service.forecast_bench.truth import Truth

COMPARISONS = "comparisons.json"
"""In a folder of results: published comparisons that teach beside its own tasks."""


def lesson_of(record: TaskRecord, truth: Truth, evidence: Evidence | None) -> Measured:
    """Without evidence the task still teaches which strategies do well on its kind."""
    lines = record.run_of(record.seeds[0])
    return Measured(
        name=record.task.name,
        source=record.task.source,
        data=record.task.data,
        kind=record.task.task.kind,
        strategies=tuple(line.facts for line in lines),
        qualities={
            name: MeasuredQuality(
                value=min(1.0, max(0.0, known.value)),
                error=min(1.0, sqrt(known.variance)),
                n=max(1, known.n),
            )
            for name, known in truth.known.items()
        },
        alike=alike([line.scores for line in lines]),
        findings=evidence.findings if evidence else (),
        expected=expected_in(record),
    )


def expected_in(record: TaskRecord) -> dict[str, str]:
    """The right labels, by number, of the rows that evidence was judged on, where the metric is
    macro-F1; nothing in records from before they were kept."""
    if record.task.task.metric != METRIC:
        return {}
    judged = record.task.judged
    return {row: str(label) for row, (_, label) in judged.items() if label is not None}


class Published(Frozen):
    """Where the records of a published comparison lie, from the folder of results on, and the
    source of its data."""

    records: str
    source: str


def in_order(whole: Iterable[Measured], published: Sequence[Measured]) -> list[Measured]:
    """What tasks measured whole teach, by name, and behind them the published comparisons of
    others."""
    found = {lesson.name: lesson for lesson in whole}
    rest = [lesson for lesson in published if lesson.name not in found]
    return [*(found[name] for name in sorted(found)), *rest]


def lessons_published(place: Path) -> list[Measured]:
    """Of the comparisons that a folder of results names beside its own tasks, measured whole or
    not. Raises BenchmarkError for a list, or for records, that are none."""
    path = place / COMPARISONS
    if not path.is_file():
        return []
    try:
        named = TypeAdapter(dict[str, Published]).validate_json(path.read_bytes())
    except ValidationError as error:
        raise BenchmarkError(f"{path}: no list of comparisons: {error}") from error
    return [
        lesson_of_comparison(place / one.records, name, one.source)
        for name, one in sorted(named.items())
    ]


def lesson_of_comparison(path: Path, name: str, source: str) -> Measured:
    """Of a published comparison, which no evidence was collected beside, and which is told apart
    by its source alone. Raises BenchmarkError for what holds none."""
    records = Journal(path).read()
    run = latest_run(records)
    if run is None:
        raise BenchmarkError(f"{name}: {path} holds no records of a comparison.")
    tracks = [track_of(records, facts) for facts in run.strategies]
    done = [track for track in tracks if track.status == "completed" and track.scored]
    metric = run.task.metric
    scores = [{row.example: row.scores[metric] for row in track.scored} for track in done]
    rows = sorted({row for each in scores for row in each})
    return Measured(
        name=name,
        source=source,
        kind=run.task.kind,
        strategies=run.strategies,
        qualities={
            track.id: MeasuredQuality(
                value=aggregate(metric, track.scored, run.task.labels),
                error=min(1.0, sqrt(row_variance(track, run.task))),
                n=len(track.scored),
            )
            for track in done
        },
        alike=alike([[each.get(row) for row in rows] for each in scores]),
    )


def alike(scores: Sequence[Sequence[float | None]]) -> float:
    """The mean correlation of the scores of two strategies over the rows that both answered,
    those that score every row the same left out; from 0 to 0.95."""
    rows = [np.array([np.nan if s is None else s for s in each]) for each in scores]
    found = []
    for one, other in combinations([each for each in rows if len(each)], 2):
        both = ~(np.isnan(one) | np.isnan(other))
        a, b = one[both], other[both]
        if len(a) > 2 and a.std() > 0 and b.std() > 0:
            found.append(float(np.corrcoef(a, b)[0, 1]))
    return min(0.95, max(0.0, float(np.mean(found)))) if found else USUAL
