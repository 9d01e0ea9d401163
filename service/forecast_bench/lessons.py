"""What a measured task teaches a predictor: its qualities, and the evidence found before them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import sqrt

import numpy as np

from benchmarks.belief.cascade import with_cascade
from benchmarks.belief.macro import METRIC
from benchmarks.belief.measured import Measured, MeasuredQuality
from benchmarks.evidence.finding import Finding
from service.forecast_bench.findings import Evidence
from service.forecast_bench.record import StrategyLine, TaskRecord
from service.forecast_bench.truth import Truth

USUAL = 0.4
"""Correlation of two strategies' scores where no two of them vary."""


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
        alike=alike(lines),
        findings=findings_in(record, truth, evidence) if evidence else (),
        expected=expected_in(record),
    )


def findings_in(record: TaskRecord, truth: Truth, evidence: Evidence) -> tuple[Finding, ...]:
    """With what a cascade would have said, as a forecast computes it."""
    task = record.task.task
    return tuple(
        with_cascade(
            evidence.findings,
            task.kind,
            has_documents=task.n_documents > 0,
            margin=truth.margin,
        )
    )


def expected_in(record: TaskRecord) -> dict[str, str]:
    """The right labels, by number, of the rows that evidence was judged on, where the metric is
    macro-F1; nothing in records from before they were kept."""
    if record.task.task.metric != METRIC:
        return {}
    judged = record.task.judged
    return {row: str(label) for row, (_, label) in judged.items() if label is not None}


def alike(lines: Sequence[StrategyLine]) -> float:
    """The mean correlation of the scores of two strategies over the rows that both answered,
    those that score every row the same left out; from 0 to 0.95."""
    rows = [np.array([np.nan if s is None else s for s in line.scores]) for line in lines]
    found = []
    for one, other in combinations([each for each in rows if len(each)], 2):
        both = ~(np.isnan(one) | np.isnan(other))
        a, b = one[both], other[both]
        if len(a) > 2 and a.std() > 0 and b.std() > 0:
            found.append(float(np.corrcoef(a, b)[0, 1]))
    return min(0.95, max(0.0, float(np.mean(found)))) if found else USUAL
