"""One strategy against another on the same rows: paired by row, clustered by group. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.distributions import binomial_cdf, normal_quantile
from benchmarks.resampling import (
    ALPHA,
    BLOCK,
    RESAMPLES,
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
from benchmarks.statistics import NO_SPREAD, UNIT, Limits, are_binary, wilson

EXACT_FLIPS = 13
"""Up to this many clusters, all 2^(n - 1) swaps that differ are counted instead of drawn."""
DISTINCT = 20
"""Up to this many, no swap is drawn twice: of more there are so many that none is likely to be."""


@dataclass(frozen=True)
class Difference:
    """A figure of `a` minus that of `b` on the same rows."""

    difference: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True)
class Differences:
    """One of each for every data set."""

    difference: Floats
    low: Floats
    high: Floats
    p_value: Floats


def compare(
    a: Sequence[float] | Floats,
    b: Sequence[float] | Floats,
    groups: Groups,
    *,
    seed: int = 0,
    finish: Finish | None = None,
    limits: Limits = UNIT,
) -> Difference:
    """`a` minus `b`, paired by row, with a 95% interval and a two-sided p-value.

    `finish` and `limits` as in `benchmarks.statistics.interval`. See `compare_sets`.
    """
    plain = finish is None
    tables = (mean_sums(each) if plain else np.asarray(each, dtype=float) for each in (a, b))
    one, other = (table[:, None, :] for table in tables)
    found = compare_sets(one, other, groups, seed=seed, finish=finish, limits=limits)
    return Difference(*(float(each[0]) for each in vars(found).values()))


def compare_sets(
    a: Floats,
    b: Floats,
    groups: Groups,
    *,
    seed: int = 0,
    finish: Finish | None = None,
    limits: Limits = UNIT,
) -> Differences:
    """For data sets of the same groups: tables rows × sets × features.

    Scores of 0 and 1 without groups: Agresti and Min's (2005) interval, which adds half a row
    to each cell of the paired table, and McNemar's exact test. Otherwise the bootstrap over
    clusters and a permutation test that swaps `a` and `b` in whole clusters.
    """
    exact = np.zeros(a.shape[1], dtype=bool)
    if finish is None and limits == UNIT and is_flat(groups) and len(a):
        exact = are_binary(a[..., 0]) & are_binary(b[..., 0])
    columns = np.empty((4, len(exact)))
    if exact.any():
        found = compare_binary(a[:, exact, 0], b[:, exact, 0])
        columns[:, exact] = list(vars(found).values())
    if not exact.all():
        one, other = (cluster_sums(each[:, ~exact], groups) for each in (a, b))
        make, bounded = finish or finish_mean, limits == UNIT
        found = compare_resampled(one, other, seed=seed, finish=make, bounded=bounded)
        columns[:, ~exact] = list(vars(found).values())
    return Differences(*columns)


def compare_binary(a: Floats, b: Floats) -> Differences:
    """The paired tables of columns of 0 and 1: only rows on which they differ count."""
    n = len(a)
    only_a, only_b = (a > b).sum(axis=0), (a < b).sum(axis=0)
    ahead = only_a - only_b
    centre = ahead / (n + 2)
    spread = np.sqrt(only_a + only_b + 1 - ahead**2 / (n + 2)) / (n + 2)
    reach = normal_quantile(1 - ALPHA / 2) * spread
    value = ahead / n
    low, high = np.minimum(centre - reach, value), np.maximum(centre + reach, value)
    p_value = mcnemar(only_a, only_b)
    return Differences(value, np.maximum(-1.0, low), np.minimum(1.0, high), p_value)


def mcnemar(only_a: NDArray[np.int64], only_b: NDArray[np.int64]) -> Floats:
    """McNemar's exact test: are the rows that differ split like tosses of a coin?"""
    fewer, both = np.minimum(only_a, only_b), only_a + only_b
    result: Floats = np.minimum(1.0, 2 * binomial_cdf(fewer, both, 0.5))
    return result


def compare_resampled(
    one: Floats, other: Floats, *, seed: int, finish: Finish, bounded: bool
) -> Differences:
    """Of clusters × sets × features.

    Where few clusters differ the bootstrap is too sure of itself: of 40 rows that tie but for 4
    won by `a` it shuts out 0, which four tosses of a coin cannot. So an interval leaves 0 out
    only where the test rejects at 5%, too.
    """
    count, sets = one.shape[:2]
    value = finish(one.sum(axis=0)) - finish(other.sum(axis=0))
    widest = 1.0 if bounded else np.inf
    if count < 2:
        most = np.full(sets, widest)
        return Differences(value, -most, most, np.ones(sets))
    drawn, swapped = apart(one, other, finish)
    rng = np.random.default_rng(seed)
    draws = np.concatenate([drawn(weights) for weights in drawn_counts(rng, count)])
    low, high = bounds(draws, count)
    still = np.ptp(draws, axis=0) < NO_SPREAD
    slack = wilson(np.zeros(1), count)[1][0] if bounded else 0.0
    low, high = np.where(still, value - slack, low), np.where(still, value + slack, high)
    p_value = swap_test(swapped, value, count, rng)
    unsure = p_value > ALPHA
    low = np.minimum(np.where(unsure, np.minimum(low, 0.0), low), value)
    high = np.maximum(np.where(unsure, np.maximum(high, 0.0), high), value)
    return Differences(value, np.maximum(-widest, low), np.minimum(widest, high), p_value)


def apart(one: Floats, other: Floats, finish: Finish) -> tuple[Finish, Finish]:
    """Differences by the weights of clusters, and where cluster j trades places wherever
    `swaps[i, j]` is 1.

    With clusters of one size the difference of means is the mean of differences: one product
    instead of two tables of sums and counts.
    """
    rows = np.stack([one[..., -1], other[..., -1]])
    if finish is finish_mean and np.ptp(rows) == 0:
        each = (one[..., 0] - other[..., 0]) / rows[0].sum(axis=0)
        return lambda weights: weighed(weights, each), lambda swaps: weighed(1 - 2 * swaps, each)

    def drawn(weights: Floats) -> Floats:
        return finish(weighed(weights, one)) - finish(weighed(weights, other))

    def swapped(swaps: Floats) -> Floats:
        moved = weighed(swaps, other - one)
        return finish(one.sum(axis=0) + moved) - finish(other.sum(axis=0) - moved)

    return drawn, swapped


def swap_test(swapped: Finish, value: Floats, count: int, rng: np.random.Generator) -> Floats:
    """Two-sided permutation test under which each cluster's two answers may trade places.

    To swap all clusters is to swap none, the other way round, so the last one is never swapped.
    Exact for few clusters; otherwise drawn, with the data as one of the draws, so that p is never
    0: of up to DISTINCT clusters without replacement, and the data are not drawn again (Hemerik and
    Goeman 2018), of more freely (Phipson and Smyth 2010). Data that were drawn again would be taken
    for a second proof of chance, and no difference were certain enough to be told among many pairs.
    """
    observed = np.abs(value) - NO_SPREAD
    if count <= EXACT_FLIPS:
        swaps = bits(np.arange(2 ** (count - 1)), count)
        return np.asarray((np.abs(swapped(swaps)) >= observed).mean(axis=0))
    extreme = np.zeros(value.shape)
    for swaps in drawn_swaps(count, rng):
        extreme += (np.abs(swapped(swaps)) >= observed).sum(axis=0)
    return (1 + extreme) / (1 + RESAMPLES)


def drawn_swaps(count: int, rng: np.random.Generator) -> Iterator[Floats]:
    """RESAMPLES draws in blocks, draws × clusters."""
    if count <= DISTINCT:
        numbers = 1 + rng.choice(2 ** (count - 1) - 1, RESAMPLES, replace=False)
        yield from (bits(block, count) for block in numbers.reshape(-1, BLOCK))
        return
    for _ in range(RESAMPLES // BLOCK):
        yield rng.integers(0, 2, size=(BLOCK, count)).astype(float)


def bits(numbers: NDArray[np.int64], count: int) -> Floats:
    """The binary digits of each, the lowest first: numbers × count."""
    return np.asarray(((numbers[:, None] >> np.arange(count)) & 1).astype(float))
