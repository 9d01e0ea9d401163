"""Quality of a strategy and of one against another, with errors neither hidden nor scored.

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
from benchmarks.results import Comparison, Quality
from benchmarks.statistics import Difference, compare, interval
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


def compare_tracks(a: Track, b: Track, task: TaskFacts, seed: int) -> Comparison:
    """`a` minus `b` on the rows that both answered.

    Where either has more than 5% errors, the interval runs from the worst to the best case for
    `a`, and the p-value is that of the case nearer to zero: 1 where zero lies between the two.
    """
    names = [name for name in a.outcomes if name in b.outcomes]
    both = [name for name in names if a.outcomes[name].state == b.outcomes[name].state == "ok"]
    found = paired(a, b, both, task, seed)
    if too_many_errors(a) or too_many_errors(b):
        worst = paired(a, b, names, task, seed, errors_as=(0.0, 1.0))
        best = paired(a, b, names, task, seed, errors_as=(1.0, 0.0))
        found = between(found, worst, best)
    return Comparison(
        a=a.id,
        b=b.id,
        difference=found.difference,
        low=found.low,
        high=found.high,
        p_value=found.p_value,
        n=len(both),
    )


def paired(
    a: Track,
    b: Track,
    names: Sequence[str],
    task: TaskFacts,
    seed: int,
    errors_as: tuple[float, float] = (0.0, 0.0),
) -> Difference:
    if not names:
        return Difference(0.0, -1.0, 1.0, 1.0)
    first, finish = scored_table([a.outcomes[n] for n in names], task, errors_as=errors_as[0])
    second, _ = scored_table([b.outcomes[n] for n in names], task, errors_as=errors_as[1])
    groups = [a.outcomes[name].group for name in names]
    return compare(first, second, groups, seed=seed, finish=finish)


def between(middle: Difference, worst: Difference, best: Difference) -> Difference:
    low, high = min(middle.low, worst.low), max(middle.high, best.high)
    p_value = worst.p_value if low > 0 else best.p_value if high < 0 else 1.0
    return Difference(middle.difference, low, high, p_value)
