"""How sure a score is: its 95% interval, by rows in clusters. Pure.

No normal approximation is used for a single score. The same seed gives the same numbers. Pairs
are in `benchmarks.paired`, several strategies at once in `benchmarks.families` and
`benchmarks.odds`, several seeds in `benchmarks.seeds`; docs/statistics.md has the formulas.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from statsmodels.stats.proportion import proportion_confint

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

    Wilson for scores of 0 and 1 where no group has more than one row; the expanded-percentile
    bootstrap over clusters otherwise. Where fewer than FEWEST_ODD clusters score differently
    from the rest (all answers right, say), resampling them shows too little of what could be,
    and Wilson on the number of clusters, the widest that a mean of values from 0 to 1 can call
    for, takes its place. One cluster proves nothing: the interval is all there is.
    """
    bounded = limits == UNIT
    plain = finish is None and bounded
    finish = finish or finish_mean
    clusters = cluster_sums(tables, groups)
    count, sets = clusters.shape[:2]
    if count < 2:
        return np.full(sets, limits[0]), np.full(sets, limits[1])
    value = finish(clusters.sum(axis=0))
    lows, highs = wilson(value * count, count) if bounded else (value.copy(), value.copy())
    exact = are_binary(tables[..., 0]) if plain and is_flat(groups) else np.zeros(sets, bool)
    rest = np.flatnonzero(~exact)
    if len(rest):
        rng = np.random.default_rng(seed)
        some = np.ascontiguousarray(clusters[:, rest])
        draws = np.concatenate([finish(weighed(w, some)) for w in drawn_counts(rng, count)])
        enough = np.ptp(draws, axis=0) >= NO_SPREAD
        if plain:
            enough &= odd_ones(finish(some)) >= FEWEST_ODD
        told = rest[enough]
        low, high = bounds(draws[:, enough], count)
        lows[told], highs[told] = np.minimum(low, value[told]), np.maximum(high, value[told])
    return np.maximum(limits[0], lows), np.minimum(limits[1], highs)


def odd_ones(values: Floats) -> NDArray[np.int64]:
    """How many values of each column differ from its most frequent one."""
    common = [np.unique(column, return_counts=True)[1].max() for column in values.round(12).T]
    return len(values) - np.array(common, dtype=np.int64)


def are_binary(scores: Floats) -> NDArray[np.bool_]:
    """Of each column, whether it holds nothing but 0 and 1."""
    result: NDArray[np.bool_] = np.all((scores == 0) | (scores == 1), axis=0)
    return result


def wilson(successes: Floats, n: int) -> tuple[Floats, Floats]:
    """Wilson's score intervals (1927) at 95%; 0 to 1 of no rows."""
    shares = np.atleast_1d(np.asarray(successes, dtype=float))
    if n == 0:
        return np.zeros_like(shares), np.ones_like(shares)
    lows, highs = proportion_confint(shares, n, alpha=ALPHA, method="wilson")
    return np.maximum(0.0, lows), np.minimum(1.0, highs)
