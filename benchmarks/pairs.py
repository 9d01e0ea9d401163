"""Every strategy of a run against every other, pair by pair and all pairs at once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from benchmarks.families import at_once, critical_value, holm, influences
from benchmarks.paired import Difference, Differences, compare
from benchmarks.quality import scored_table, too_many_errors
from benchmarks.records import TaskFacts
from benchmarks.resampling import Floats, cluster_sums, finish_mean, mean_sums
from benchmarks.results import Comparison
from benchmarks.track import Track

Cluster = tuple[str, str]


def all_comparisons(tracks: Sequence[Track], task: TaskFacts, seed: int) -> tuple[Comparison, ...]:
    """Every pair of completed strategies: p-values adjusted for their number (Holm), and beside
    the interval of the pair the one that holds for all pairs at once."""
    pairs = list(combinations(tracks, 2))
    found = [compare_tracks(one, other, task, seed) for one, other in pairs]
    if not found:
        return ()
    moved = [influences_of(one, other, task) for one, other in pairs]
    critical = critical_value(side_by_side(moved), seed=seed)
    own = [(pair.difference, pair.low, pair.high, pair.p_value) for pair in found]
    together = Differences(*np.array(own).T)
    lows, highs = at_once(together, critical, np.array([len(each) for each in moved]))
    adjusted = holm(together.p_value)
    return tuple(
        pair.model_copy(
            update={"p_value": float(p), "low_all": float(low), "high_all": float(high)}
        )
        for pair, p, low, high in zip(found, adjusted, lows, highs, strict=True)
    )


def influences_of(a: Track, b: Track, task: TaskFacts) -> dict[Cluster, float]:
    """How far each cluster of the rows that both answered moves their difference."""
    names = answered_by_both(a, b)
    rows = [a.outcomes[name] for name in names]
    clusters = list(
        dict.fromkeys(
            ("row", row.example) if row.group is None else ("group", row.group) for row in rows
        )
    )
    if not clusters:
        return {}
    columns = []
    for track in (a, b):
        table, finish = scored_table([track.outcomes[n] for n in names], task, errors_as=0.0)
        lines = mean_sums(table) if finish is None else table
        sums = cluster_sums(lines, [row.group for row in rows])
        columns.append(influences(sums, finish or finish_mean))
    return dict(zip(clusters, (columns[0] - columns[1]).tolist(), strict=True))


def side_by_side(moved: Sequence[dict[Cluster, float]]) -> Floats:
    """Clusters × pairs, 0 where a pair lacks a cluster."""
    every = dict.fromkeys(cluster for each in moved for cluster in each)
    columns = [[each.get(cluster, 0.0) for cluster in every] for each in moved]
    return np.array(columns).reshape(len(moved), len(every)).T


def answered_by_both(a: Track, b: Track) -> list[str]:
    return [
        name
        for name, row in a.outcomes.items()
        if name in b.outcomes and row.state == b.outcomes[name].state == "ok"
    ]


def compare_tracks(a: Track, b: Track, task: TaskFacts, seed: int) -> Comparison:
    """`a` minus `b` on the rows that both answered.

    Where either has more than 5% errors, the interval runs from the worst to the best case for
    `a`, and the p-value is that of the case nearer to zero: 1 where zero lies between the two.
    """
    both = answered_by_both(a, b)
    found = paired(a, b, both, task, seed)
    if too_many_errors(a) or too_many_errors(b):
        names = [name for name in a.outcomes if name in b.outcomes]
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
