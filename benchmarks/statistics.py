"""How sure the figures are: intervals, paired comparisons, the odds of being best.

Everything is paired by row and clustered by group. No normal approximation is used for a single
score. All functions are pure; the same seed gives the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from benchmarks.resampling import (
    RESAMPLES,
    Finish,
    Floats,
    bounds,
    cluster_sums,
    dirichlet_weights,
    drawn_counts,
    finish_mean,
    is_flat,
    mean_sums,
)

Groups = Sequence[str | None]
ALPHA = 0.05
FEWEST_ODD = 3
EXACT_FLIPS = 12
"""Up to this many clusters, all 2^n sign flips are counted instead of drawn."""


@dataclass(frozen=True)
class Difference:
    """A figure of `a` minus that of `b` on the same rows."""

    difference: float
    low: float
    high: float
    p_value: float


def interval(
    scores: Sequence[float] | Floats, groups: Groups, *, seed: int = 0, finish: Finish | None = None
) -> tuple[float, float]:
    """The 95% interval of a mean score from 0 to 1, or of another figure.

    With `finish`, `scores` is a table of addable lines (rows × features) and `finish` makes the
    figure of their totals. Wilson for scores of 0 and 1 where no group has more than one row;
    the expanded-percentile bootstrap over clusters otherwise. Where fewer than FEWEST_ODD
    clusters score differently from the rest (all answers right, say), resampling them shows too
    little of what could be, and Wilson on the number of clusters, the widest that a mean of
    values from 0 to 1 can call for, takes its place. One cluster proves nothing: 0 to 1.
    """
    plain = finish is None
    table = mean_sums(scores) if finish is None else np.asarray(scores, dtype=float)
    if finish is None and is_flat(groups) and is_binary(table[:, 0]):
        return wilson(float(table[:, 0].sum()), len(table))
    finish = finish or finish_mean
    clusters = cluster_sums(table, groups)
    count = len(clusters)
    if count < 2:
        return 0.0, 1.0
    rng = np.random.default_rng(seed)
    draws = np.concatenate([finish(block @ clusters) for block in drawn_counts(rng, count)])
    value = float(finish(clusters.sum(axis=0, keepdims=True))[0])
    if np.ptp(draws) < 1e-12 or (plain and odd_ones(finish(clusters)) < FEWEST_ODD):
        return wilson(value * count, count)
    low, high = bounds(draws, count)
    return max(0.0, min(low, value)), min(1.0, max(high, value))


def odd_ones(values: Floats) -> int:
    """How many values differ from the most frequent one."""
    return len(values) - int(np.unique(values.round(12), return_counts=True)[1].max())


def is_binary(values: Floats) -> bool:
    return bool(np.all((values == 0) | (values == 1)))


def wilson(successes: float, n: int) -> tuple[float, float]:
    """Wilson's score interval (1927) at 95%."""
    if n == 0:
        return 0.0, 1.0
    low, high = proportion_confint(successes, n, alpha=0.05, method="wilson")
    return max(0.0, float(low)), min(1.0, float(high))


def compare(
    a: Sequence[float] | Floats,
    b: Sequence[float] | Floats,
    groups: Groups,
    *,
    seed: int = 0,
    finish: Finish | None = None,
) -> Difference:
    """`a` minus `b`, paired by row, with a 95% interval and a two-sided p-value.

    Scores of 0 and 1 without groups: Agresti and Min's (2005) interval, which adds half a row
    to each cell of the paired table, and McNemar's exact test. Otherwise the bootstrap over
    clusters and a permutation test that swaps `a` and `b` in whole clusters. Where few clusters
    differ the bootstrap is too sure of itself: of 40 rows that tie but for 4 won by `a` it shuts
    out 0, which four tosses of a coin cannot. So an interval leaves 0 out only where the test
    rejects at 5%, too.
    """
    plain = finish is None
    first = mean_sums(a) if plain else np.asarray(a, dtype=float)
    second = mean_sums(b) if plain else np.asarray(b, dtype=float)
    if plain and is_flat(groups) and is_binary(first[:, 0]) and is_binary(second[:, 0]):
        return compare_binary(first[:, 0], second[:, 0])
    finish = finish or finish_mean
    one, other = cluster_sums(first, groups), cluster_sums(second, groups)
    value = difference_of_totals(one, other, finish)
    count = len(one)
    if count < 2:
        return Difference(value, -1.0, 1.0, 1.0)
    rng = np.random.default_rng(seed)
    draws = np.concatenate(
        [finish(block @ one) - finish(block @ other) for block in drawn_counts(rng, count)]
    )
    if np.ptp(draws) < 1e-12:
        slack = wilson(0, count)[1]
        low, high = value - slack, value + slack
    else:
        low, high = bounds(draws, count)
    p_value = swap_test(one, other, finish, rng)
    if p_value > ALPHA:
        low, high = min(low, 0.0), max(high, 0.0)
    return Difference(value, max(-1.0, min(low, value)), min(1.0, max(high, value)), p_value)


def compare_binary(a: Floats, b: Floats) -> Difference:
    """The paired table of two columns of 0 and 1: only rows on which they differ count."""
    n = len(a)
    only_a, only_b = int(((a == 1) & (b == 0)).sum()), int(((a == 0) & (b == 1)).sum())
    if n == 0:
        return Difference(0.0, -1.0, 1.0, 1.0)
    centre = (only_a - only_b) / (n + 2)
    spread = sqrt(only_a + only_b + 1 - (only_a - only_b) ** 2 / (n + 2)) / (n + 2)
    reach = float(stats.norm.ppf(0.975)) * spread
    value = (only_a - only_b) / n
    low, high = min(centre - reach, value), max(centre + reach, value)
    return Difference(value, max(-1.0, low), min(1.0, high), mcnemar(only_a, only_b))


def mcnemar(only_a: int, only_b: int) -> float:
    """McNemar's exact test: are the rows that differ split like tosses of a coin?"""
    if only_a + only_b == 0:
        return 1.0
    return float(stats.binomtest(only_a, only_a + only_b, 0.5).pvalue)


def difference_of_totals(one: Floats, other: Floats, finish: Finish) -> float:
    totals = np.stack([one.sum(axis=0), other.sum(axis=0)])
    first, second = finish(totals)
    return float(first - second)


def swap_test(one: Floats, other: Floats, finish: Finish, rng: np.random.Generator) -> float:
    """Two-sided permutation test under which each cluster's two answers may trade places.

    Exact for few clusters; otherwise drawn, counting the data as one of the draws
    (Phipson and Smyth 2010), so that p is never 0.
    """
    count = len(one)
    observed = abs(difference_of_totals(one, other, finish)) - 1e-12
    if count <= EXACT_FLIPS:
        swaps = ((np.arange(2**count)[:, None] >> np.arange(count)) & 1).astype(float)
        return float(np.mean(np.abs(swapped(swaps, one, other, finish)) >= observed))
    extreme = 0
    for _ in range(RESAMPLES // 500):
        swaps = rng.integers(0, 2, size=(500, count)).astype(float)
        extreme += int((np.abs(swapped(swaps, one, other, finish)) >= observed).sum())
    return (1 + extreme) / (1 + RESAMPLES)


def swapped(swaps: Floats, one: Floats, other: Floats, finish: Finish) -> Floats:
    """Differences where cluster j trades places wherever `swaps[i, j]` is 1."""
    moved = swaps @ (other - one)
    return finish(one.sum(axis=0) + moved) - finish(other.sum(axis=0) - moved)


def p_best(
    strategies: Mapping[str, Sequence[float] | Floats],
    groups: Groups,
    *,
    seed: int = 0,
    finish: Finish | None = None,
) -> dict[str, float]:
    """How likely each strategy has the highest figure, by the Bayesian bootstrap over clusters.

    Every strategy is weighed on the same draws, so their rows must be the same, in the same
    order. A tie is shared out. The values sum to 1.
    """
    if not strategies:
        return {}
    make = finish or finish_mean
    tables = [
        cluster_sums(mean_sums(rows) if finish is None else np.asarray(rows, dtype=float), groups)
        for rows in strategies.values()
    ]
    rng = np.random.default_rng(seed)
    shares = np.zeros(len(tables))
    for weights in dirichlet_weights(rng, len(tables[0])):
        figures = np.stack([make(weights @ table) for table in tables])
        best = figures >= figures.max(axis=0) - 1e-9
        shares += (best / best.sum(axis=0)).sum(axis=1)
    return dict(zip(strategies, (shares / RESAMPLES).tolist(), strict=True))


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted for their number (Holm 1979): no more than 5% of families err."""
    if not p_values:
        return []
    return [float(p) for p in multipletests(list(p_values), method="holm")[1]]
