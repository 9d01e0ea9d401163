"""A strategy tried with several random seeds on the same rows: both might have been others. Pure.

The error of the mean over rows × seeds has two parts: what other rows would have changed, and
what other seeds would have. They are estimated from the sums of one way over the other (errors
clustered two ways: Cameron, Gelbach and Miller 2011), what both sums hold counted once. Each
part reaches as far as Student's quantile for its own number, and the two are added in squares
(Zou and Donner 2008): three seeds that disagree make a wide interval, and should.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log, log1p, sqrt

import numpy as np
from scipy import stats
from scipy.optimize import brentq

from benchmarks.paired import Difference
from benchmarks.resampling import ALPHA, Floats, Groups, cluster_keys, cluster_sums
from benchmarks.statistics import NO_SPREAD, UNIT, Limits, even_clusters, interval, wilson

SMALLEST = 1e-9
Part = tuple[float, float]
"""A part of the variance of a mean, and its degrees of freedom."""


def interval_over_seeds(
    scores: Floats, groups: Groups, *, limits: Limits = UNIT
) -> tuple[float, float]:
    """The 95% interval of the mean over rows and seeds: `scores` is rows × seeds.

    Of scores from 0 to 1 Wilson's, with the number of rows that would have this error (the
    effective sample size of Korn and Graubard 1998) and Student's quantile; of others Student's.
    A single seed tells nothing of others: then it is the interval over rows. One cluster proves
    nothing: the interval is all there is.
    """
    if scores.shape[1] == 1:
        return interval(scores[:, 0], groups, limits=limits)
    if is_one_cluster(groups):
        return limits
    value = float(scores.mean())
    found = parts(scores, groups)
    half = reach_of(found, ALPHA)
    if limits != UNIT:
        return value - half, value + half
    variance = sum(each for each, _ in found)
    if half == 0:
        size = np.array([found[0][1] + 1])
        low, high = wilson(value * size, size)
    else:
        size = np.array([value * (1 - value) / variance])
        low, high = wilson(value * size, size, half / sqrt(variance))
    return float(low[0]), float(high[0])


def compare_over_seeds(a: Floats, b: Floats, groups: Groups) -> Difference:
    """`a` minus `b`, each rows × seeds of its own: paired by row, not by seed. Scores from 0 to 1.

    The p-value is the level at which the interval would just reach 0. Where no row and no seed
    differs there is no error to go by: nothing is said.
    """
    value = float(a.mean() - b.mean())
    rows = parts((a.mean(axis=1) - b.mean(axis=1))[:, None], groups)[0]
    found = [rows, *(parts(each, groups)[1] for each in (a, b) if each.shape[1] > 1)]
    half = reach_of(found, ALPHA)
    if half == 0 or is_one_cluster(groups):
        return Difference(value, -1.0, 1.0, 1.0)
    low, high = max(-1.0, value - half), min(1.0, value + half)
    return Difference(value, low, high, level_of(found, abs(value)))


def is_one_cluster(groups: Groups) -> bool:
    """One cluster tells nothing of others."""
    return max(cluster_keys(groups), default=0) == 0


def parts(scores: Floats, groups: Groups) -> tuple[Part, Part]:
    """What rows and what seeds add to the variance of the mean of rows × seeds.

    What single answers vary by, rows and seeds aside, is in the sums of both ways and is left to
    the rows alone, whose degrees of freedom go by `even_clusters`.
    """
    apart = cluster_sums(scores - scores.mean(), groups)
    even = float(even_clusters(cluster_sums(np.ones((len(scores), 1)), groups))[0])
    seeds, df = one_way(apart.sum(axis=0), scores.size)
    rest = apart - apart.mean(axis=1, keepdims=True) - apart.mean(axis=0)
    free = (rest.shape[0] - 1) * (rest.shape[1] - 1)
    both = (rest**2).mean() / free * (rest.size / scores.size) ** 2 if free else 0.0
    rows, _ = one_way(apart.sum(axis=1), scores.size)
    return (rows, max(1.0, even - 1)), (max(0.0, seeds - float(both)), df)


def one_way(sums: Floats, size: int) -> Part:
    count = len(sums)
    if count < 2:
        return 0.0, 1.0
    return float(count / (count - 1) * (sums**2).sum() / size**2), count - 1.0


def reach_of(found: Sequence[Part], level: float) -> float:
    """Half the width of the interval that leaves out `level`; 0 where, but for rounding, nothing
    varies."""
    if sum(variance for variance, _ in found) < NO_SPREAD**2:
        return 0.0
    return sqrt(sum(variance * stats.t.isf(level / 2, df) ** 2 for variance, df in found))


def level_of(found: Sequence[Part], distance: float) -> float:
    """The level whose interval reaches so far, to one in a billion."""
    if distance < reach_of(found, 1 - NO_SPREAD):
        return 1.0
    if distance > reach_of(found, SMALLEST):
        return SMALLEST
    return float(
        np.exp(
            brentq(lambda x: reach_of(found, exp(x)) - distance, log(SMALLEST), log1p(-NO_SPREAD))
        )
    )
