"""How sure a score is: its 95% interval, by rows in clusters. Pure.

No normal approximation is used for a single score. The same seed gives the same numbers. Pairs
are in `benchmarks.paired`, several strategies at once in `benchmarks.families` and
`benchmarks.odds`, several seeds in `benchmarks.seeds`; docs/statistics.md has the formulas.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.distributions import normal_quantile, student_quantile
from benchmarks.resampling import (
    ALPHA,
    Finish,
    Floats,
    Groups,
    bounds,
    cluster_sums,
    drawn_counts,
    finish_mean,
    is_flat,
    mean_sums,
    weighed,
)

FEWEST_ODD = 3
NO_SPREAD = 1e-12
NO_SKEW = 1e-6
Limits = tuple[float, float]
UNIT: Limits = (0.0, 1.0)
UNBOUNDED: Limits = (-np.inf, np.inf)


def interval(
    scores: Sequence[float] | Floats,
    groups: Groups,
    *,
    seed: int = 0,
    finish: Finish | None = None,
    limits: Limits = UNIT,
) -> tuple[float, float]:
    """The 95% interval of a mean score from 0 to 1, or of another figure.

    With `finish`, `scores` is a table of addable lines (rows × features) and `finish` makes the
    figure of their totals. `limits` are those of the figure: 0 and 1, or UNBOUNDED for a mean of
    any numbers. See `intervals`.
    """
    table = mean_sums(scores) if finish is None else np.asarray(scores, dtype=float)
    lows, highs = intervals(table[:, None, :], groups, seed=seed, finish=finish, limits=limits)
    return float(lows[0]), float(highs[0])


def intervals(
    tables: Floats,
    groups: Groups,
    *,
    seed: int = 0,
    finish: Finish | None = None,
    limits: Limits = UNIT,
) -> tuple[Floats, Floats]:
    """Lower and upper ends for data sets of the same groups: tables rows × sets × features.

    A mean of scores from 0 to 1: Wilson's, see `by_clusters`; where no group has more than one
    row and all scores are 0 or 1, that is Wilson's own. Any other mean: Student's with Hall's
    correction for skewness, see `by_skewness`. Other figures: the expanded-percentile bootstrap
    over clusters. One cluster proves nothing: the interval is all there is.
    """
    clusters = cluster_sums(tables, groups)
    count, sets = clusters.shape[:2]
    if count < 2:
        lows, highs = np.full(sets, limits[0]), np.full(sets, limits[1])
    elif finish is not None:
        lows, highs = by_resampling(clusters, finish, seed)
    elif limits != UNIT:
        lows, highs = by_skewness(clusters)
    else:
        lows, highs = by_clusters(clusters)
        if is_flat(groups):
            exact = are_binary(tables[..., 0])
            lows[exact], highs[exact] = wilson(tables[:, exact, 0].sum(axis=0), count)
    return np.maximum(limits[0], lows), np.minimum(limits[1], highs)


def by_clusters(clusters: Floats) -> tuple[Floats, Floats]:
    """Wilson's intervals for means of scores from 0 to 1, of clusters × sets × (sum, rows).

    In place of the number of rows stands the number that would have this error, value ×
    (1 - value) / error² (the effective sample size of Korn and Graubard 1998), in place of the
    normal's quantile Student's. Where fewer than FEWEST_ODD clusters score differently from the
    rest (all answers right, say), their spread shows too little of what could be: Wilson on the
    number of clusters, the widest that scores from 0 to 1 can call for, takes its place. Clusters
    count as `even_clusters` does.
    """
    count = len(clusters)
    even = even_clusters(clusters[..., 1])
    value, moved = centred(clusters)
    variance = count / (count - 1) * (moved**2).sum(axis=0)
    told = (variance > NO_SPREAD**2) & (odd_ones(finish_mean(clusters)) >= FEWEST_ODD)
    lows, highs = wilson(value * even, even)
    size = np.maximum(even[told], (value * (1 - value))[told] / variance[told])
    reach = -student_quantile(ALPHA / 2, np.maximum(1.0, even[told] - 1))
    lows[told], highs[told] = wilson(value[told] * size, size, reach)
    return lows, highs


def even_clusters(rows: Floats) -> Floats:
    """How many clusters of one size tell as much as these: (sum of m)² / sum of m² (Kish 1965).

    `rows` is clusters × sets. Sixty rows on their own beside one group of thirty are 61 clusters,
    but a third of the mean hangs on one of them: it is as uncertain as that of 8.
    """
    even: Floats = rows.sum(axis=0) ** 2 / (rows**2).sum(axis=0)
    return even


def by_skewness(clusters: Floats) -> tuple[Floats, Floats]:
    """Student's intervals for means of any numbers, with the skewness of the mean taken out of t
    by Hall's cubic transformation (1992, "On the removal of skewness by transformation")."""
    count = len(clusters)
    value, moved = centred(clusters)
    error = np.sqrt(count / (count - 1) * (moved**2).sum(axis=0))
    spread = np.sqrt((moved**2).mean(axis=0))
    skew = np.divide((moved**3).mean(axis=0), spread**3, out=np.zeros_like(error), where=spread > 0)
    skew = np.where(np.abs(skew) < NO_SKEW, NO_SKEW, skew)
    reach = -student_quantile(ALPHA / 2, count - 1)
    low, high = (
        3
        * np.sqrt(count)
        / skew
        * (np.cbrt(1 + skew * (t / np.sqrt(count) - skew / (6 * count))) - 1)
        for t in (reach, -reach)
    )
    return value - error * low, value - error * high


def by_resampling(clusters: Floats, finish: Finish, seed: int) -> tuple[Floats, Floats]:
    """Of any figure from 0 to 1; Wilson on the number of clusters where no resample differs."""
    count = len(clusters)
    rng = np.random.default_rng(seed)
    value = finish(clusters.sum(axis=0))
    draws = np.concatenate([finish(weighed(w, clusters)) for w in drawn_counts(rng, count)])
    low, high = bounds(draws, count)
    still = np.ptp(draws, axis=0) < NO_SPREAD
    lows, highs = wilson(value * count, count)
    return (
        np.where(still, lows, np.minimum(low, value)),
        np.where(still, highs, np.maximum(high, value)),
    )


def centred(clusters: Floats) -> tuple[Floats, Floats]:
    """The means, and what each cluster adds to their errors."""
    totals = clusters.sum(axis=0)
    value = finish_mean(totals)
    return value, (clusters[..., 0] - value * clusters[..., 1]) / totals[..., 1]


def odd_ones(values: Floats) -> NDArray[np.int64]:
    """How many values of each column differ from its most frequent one."""
    common = [np.unique(column, return_counts=True)[1].max() for column in values.round(12).T]
    return len(values) - np.array(common, dtype=np.int64)


def are_binary(scores: Floats) -> NDArray[np.bool_]:
    """Of each column, whether it holds nothing but 0 and 1."""
    result: NDArray[np.bool_] = np.all((scores == 0) | (scores == 1), axis=0)
    return result


def wilson(
    successes: Floats, n: Floats | int, reach: Floats | float | None = None
) -> tuple[Floats, Floats]:
    """Wilson's score intervals (1927) at 95%; with `reach` in place of the normal's 1.96. `n` is
    above 0: of none, there is no share."""
    z = -normal_quantile(ALPHA / 2) if reach is None else reach
    share, scale = successes / n, 1 + z**2 / n
    centre = (share + z**2 / (2 * n)) / scale
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / scale
    return np.maximum(0.0, centre - half), np.minimum(1.0, centre + half)
