"""A strategy tried with several random seeds on the same rows: both might have been others. Pure.

The error of the mean over rows × seeds has two parts that are added up: what other rows would
have changed, and what other seeds would have. Each is estimated from the sums of one way over
the other, as in errors clustered two ways (Cameron, Gelbach and Miller 2011), without taking off
the part that both hold, so that few seeds err to the safe side. Degrees of freedom are
Satterthwaite's (1946): three seeds that disagree make a wide interval, and should.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from benchmarks.paired import Difference
from benchmarks.resampling import ALPHA, Floats, Groups, cluster_sums
from benchmarks.statistics import NO_SPREAD, UNIT, Limits, interval, wilson

Part = tuple[float, float]
"""A part of the variance of a mean, and its degrees of freedom."""


def interval_over_seeds(
    scores: Floats, groups: Groups, *, limits: Limits = UNIT
) -> tuple[float, float]:
    """The 95% interval of the mean over rows and seeds: `scores` is rows × seeds.

    Of scores from 0 to 1 Wilson's, with the number of rows that would have this error (the
    effective sample size of Korn and Graubard 1998) and Student's quantile; of others Student's.
    A single seed tells nothing of others: then it is the interval over rows.
    """
    if scores.shape[1] == 1:
        return interval(scores[:, 0], groups, limits=limits)
    value = float(scores.mean())
    rows, seeds = parts(scores, groups)
    variance, reach = added([rows, seeds])
    if limits != UNIT:
        return value - reach * np.sqrt(variance), value + reach * np.sqrt(variance)
    size = value * (1 - value) / variance if variance > 0 else rows[1] + 1
    low, high = wilson(np.array([value * size]), np.array([size]), reach)
    return float(low[0]), float(high[0])


def compare_over_seeds(a: Floats, b: Floats, groups: Groups) -> Difference:
    """`a` minus `b`, each rows × seeds of its own: paired by row, not by seed. Scores from 0 to 1.

    The interval and the p-value are Student's. Where no row and no seed differs there is no
    error to go by: nothing is said.
    """
    value = float(a.mean() - b.mean())
    rows = parts((a.mean(axis=1) - b.mean(axis=1))[:, None], groups)[0]
    by_seed = [parts(each, groups)[1] for each in (a, b) if each.shape[1] > 1]
    variance, reach = added([rows, *by_seed])
    if variance == 0:
        return Difference(value, -1.0, 1.0, 1.0)
    error = np.sqrt(variance)
    low, high = value - reach * error, value + reach * error
    p_value = 2 * stats.t.sf(abs(value) / error, freedom([rows, *by_seed]))
    return Difference(value, max(-1.0, float(low)), min(1.0, float(high)), float(p_value))


def parts(scores: Floats, groups: Groups) -> tuple[Part, Part]:
    """What rows and what seeds add to the variance of the mean of rows × seeds."""
    apart = scores - scores.mean()
    return one_way(cluster_sums(apart, groups).sum(axis=1), scores.size), one_way(
        apart.sum(axis=0), scores.size
    )


def one_way(sums: Floats, size: int) -> Part:
    count = len(sums)
    if count < 2:
        return 0.0, 1.0
    return float(count / (count - 1) * (sums**2).sum() / size**2), count - 1.0


def freedom(found: Sequence[Part]) -> float:
    total = sum(variance for variance, _ in found)
    return total**2 / sum(variance**2 / df for variance, df in found)


def added(found: Sequence[Part]) -> tuple[float, float]:
    """The variance of the mean, and how many of its roots the interval reaches."""
    total = sum(variance for variance, _ in found)
    if total < NO_SPREAD**2:  # but for rounding, nothing varies
        return 0.0, float(stats.norm.isf(ALPHA / 2))
    return total, float(stats.t.isf(ALPHA / 2, freedom(found)))
