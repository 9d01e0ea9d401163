"""Many pairs at once: what may be said of all of them together. Pure.

Among ten strategies that are all the same there are 45 pairs, and at 95% each some pair seems to
differ in more than half of all comparisons. A family of intervals holds them all at once in 95%:
each reaches `critical` standard errors instead of 1.96, where `critical` is the 95% point of the
largest of all standardised differences (max-T; Westfall and Young 1993). Drawn is that maximum
with normal multipliers on the clusters' influences, which keeps the correlations of pairs that
share a strategy or its rows (Chernozhukov, Chetverikov and Kato 2013).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.distributions import normal_cdf, normal_quantile, student_quantile
from benchmarks.paired import Differences
from benchmarks.resampling import ALPHA, BLOCK, RESAMPLES, Finish, Floats, weighed
from benchmarks.statistics import NO_SPREAD

ONE = float(normal_quantile(1 - ALPHA / 2))
"""The critical value of a single pair."""


def holm(p_values: Floats) -> Floats:
    """P-values adjusted for their number along the last axis (Holm 1979): no more than 5% of
    families err."""
    # multipletests of statsmodels takes one family at a time, and collects garbage at every call
    order = np.argsort(p_values, axis=-1)
    steps = np.arange(p_values.shape[-1], 0, -1)
    raised = np.maximum.accumulate(np.take_along_axis(p_values, order, -1) * steps, axis=-1)
    found = np.empty_like(raised)
    np.put_along_axis(found, order, np.minimum(1.0, raised), -1)
    return found


def influences(clusters: Floats, finish: Finish) -> Floats:
    """How far each cluster moves the figure: by the jackknife, mean 0 over the clusters.

    `clusters` is clusters × ... × features; the result lacks the last axis. That of a difference
    of figures is the difference of theirs.
    """
    without = finish(clusters.sum(axis=0) - clusters)
    return np.asarray(without.mean(axis=0) - without)


def critical_value(of_pairs: Floats, *, seed: int = 0) -> Floats:
    """By how many standard errors all intervals together must reach, from 1.96 on.

    `of_pairs` holds the influences of differences, clusters × ... × pairs, 0 where a pair lacks
    a cluster; the result has the axes between. Pairs without any spread add nothing.
    """
    sizes = np.sqrt((of_pairs**2).sum(axis=0))
    shapes = np.divide(of_pairs, sizes, out=np.zeros_like(of_pairs), where=sizes > NO_SPREAD)
    if not shapes.size:
        return np.full(sizes.shape[:-1], ONE)
    rng = np.random.default_rng(seed)
    largest = [
        np.abs(weighed(rng.standard_normal((BLOCK, len(shapes))), shapes)).max(axis=-1)
        for _ in range(RESAMPLES // BLOCK)
    ]
    several = (sizes > NO_SPREAD).sum(axis=-1) > 1
    reach = np.quantile(np.concatenate(largest), 1 - ALPHA, axis=0)
    return np.where(several, np.maximum(ONE, reach), ONE)


def at_once(
    found: Differences, critical: Floats, clusters: NDArray[np.int64] | int
) -> tuple[Floats, Floats]:
    """Intervals that hold all together, from those that hold one at a time.

    Each end goes as many times farther from the value as the critical value is larger than that
    of one pair, in Student's terms, since the error was estimated from so many clusters. As for
    one pair, 0 is left out only where the test rejects, too: by p-values adjusted along the last
    axis (Holm), or where none of the swaps drawn was as extreme, which is all they can tell.
    """
    df = np.maximum(1, np.asarray(clusters) - 1)
    factor = student_quantile(normal_cdf(-critical), df) / student_quantile(ALPHA / 2, df)
    low = found.difference - factor * (found.difference - found.low)
    high = found.difference + factor * (found.high - found.difference)
    unsure = (holm(found.p_value) > ALPHA) & (found.p_value > 1 / (1 + RESAMPLES))
    low, high = (
        np.where(unsure, np.minimum(low, 0), low),
        np.where(unsure, np.maximum(high, 0), high),
    )
    return np.maximum(-1.0, low), np.minimum(1.0, high)
