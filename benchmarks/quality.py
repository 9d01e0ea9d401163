"""Quality of a strategy, with errors neither hidden nor scored.

Answers in state error are counted and left out of the figure. Leaving out up to 5% hardly
matters; beyond that the interval covers both ends of what the missing answers could have been:
its lower bound takes every error as a wrong answer, its upper bound as a right one. So a
strategy that breaks on hard rows can look worse for it, and uncertain, but never better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchmarks.aggregates import Floats, Mean
from benchmarks.metrics import aggregate, aggregate_of
from benchmarks.records import OutcomeRecord, TaskFacts
from benchmarks.resampling import Finish
from benchmarks.results import Quality
from benchmarks.statistics import interval
from benchmarks.track import Track

HARMLESS_ERRORS = 0.05


def quality_of(track: Track, task: TaskFacts, seed: int) -> Quality:
    """The task's metric with its interval, and the kind's other metrics as `extra`."""
    rows = track.scored
    value = aggregate(task.metric, rows, task.labels)
    low, high = interval_of(rows, task, seed)
    if too_many_errors(track):
        every = list(track.outcomes.values())
        low = min(value, interval_of(every, task, seed, errors_as=0.0)[0])
        high = max(value, interval_of(every, task, seed, errors_as=1.0)[1])
    others = sorted({name for row in rows for name in row.scores} - {task.metric})
    return Quality(
        metric=task.metric,
        value=value,
        low=low,
        high=high,
        n=len(rows),
        errors=track.errors,
        extra={name: aggregate(name, rows, task.labels) for name in others},
    )


def too_many_errors(track: Track) -> bool:
    return track.errors > HARMLESS_ERRORS * len(track.outcomes)


def interval_of(
    rows: Sequence[OutcomeRecord], task: TaskFacts, seed: int, errors_as: float = 0.0
) -> tuple[float, float]:
    table, finish = scored_table(rows, task, errors_as=errors_as)
    return interval(table, [row.group for row in rows], seed=seed, finish=finish)


def scored_table(
    rows: Sequence[OutcomeRecord], task: TaskFacts, *, errors_as: float
) -> tuple[Floats, Finish | None]:
    """Rows as `benchmarks.statistics` takes them: scores, or addable lines with their finish."""
    figure = aggregate_of(task.metric, task.labels)
    lines = figure.sums([settled(row, task.metric, errors_as) for row in rows])
    if isinstance(figure, Mean):
        return lines[:, 0], None
    return lines, figure.finish


def settled(row: OutcomeRecord, metric: str, errors_as: float) -> OutcomeRecord:
    """A row with a score: its own, or for an error the one assumed."""
    if row.state == "ok":
        return row
    right = row.expected if errors_as == 1.0 else None
    return replace(row, scores={metric: errors_as}, predicted=right)
