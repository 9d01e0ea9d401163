"""Bounds on a mean difference that hold however often one looks: bets against each value. Pure.

Somebody who says that a mean is at most m must take any bet that is fair at m. A bettor who stakes
the share u of all he has on each draw has, after some draws,

    wealth = product of 1 + u · (s - k · m) / (K · (1 + m))

where s is the sum of a draw's differences (each from -1 to 1), k its rows and K the rows of the
largest draw. If the mean is at most m, the wealth grows in no expectation, so it ever reaches
1 / level with a chance of no more than `level`, at whatever draw one looks (Ville 1939). The lower
bound is the largest m at which it has (Waudby-Smith and Ramdas 2024, "Estimating means of bounded
random variables by betting"). The wealth here is the mean over bettors with fixed shares (a coarse
universal portfolio: Cover 1991; Orabona and Jun 2024), which needs no guess of the spread and does
not depend on the order of the draws.

A draw is a group of rows, or a row without a group: rows of a group stand or fall together. What
is bounded is the mean over rows that nobody has seen, not over the rows at hand: the mean of a
small split is known for certain once all of it is seen, and would tell nothing of other rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np
from scipy import special

from benchmarks.resampling import Floats, Groups, cluster_sums, mean_sums

BETS = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95])
"""Shares that the bettors stake. Large ones see a large difference in few draws; smaller ones than
these would gain only where there are thousands of rows."""
STEPS = 40
"""Halvings of an interval of length 2 at most: bounds to 2e-12."""


@dataclass(frozen=True)
class Drawn:
    """Differences by draw: sums, rows, and the rows of the largest draw that may come."""

    sums: Floats
    sizes: Floats
    largest: float

    @property
    def mean(self) -> float:
        """Over rows; 0 where there is none."""
        rows = float(self.sizes.sum())
        return float(self.sums.sum()) / rows if rows else 0.0

    @property
    def turned(self) -> Drawn:
        """The same differences seen from the other side."""
        return Drawn(-self.sums, self.sizes, self.largest)


def drawn(differences: Floats, groups: Groups, largest: int | None = None) -> Drawn:
    """Rows put together by group. `largest` is stated where larger groups may still come."""
    lines = cluster_sums(mean_sums(differences), groups)
    sizes = lines[:, 1]
    most = max(1.0, float(sizes.max(initial=0.0)), float(largest or 0))
    return Drawn(lines[:, 0], sizes, most)


def log_wealth(sums: Floats, sizes: Floats, largest: float, mean: float | Floats) -> Floats:
    """The logarithm of the wealth after each draw, along the first axis, of betting that the mean
    is above `mean` (above -1). Behind the first axis there may be another, of data sets with the
    same group sizes, each with a `mean` of its own perhaps."""
    rows = sizes.reshape(-1, *[1] * (sums.ndim - 1))
    fair = (sums - rows * mean) / (largest * (1 + mean))
    each = np.cumsum(np.log1p(BETS * fair[..., None]), axis=0)
    result: Floats = special.logsumexp(each, axis=-1) - log(len(BETS))
    return result


def shows_above(found: Drawn, mean: float, level: float) -> bool:
    """Whether the true mean is shown to be above `mean`: wrongly, at any of all looks, with a
    chance of `level` at most."""
    if not len(found.sums) or found.mean <= mean:
        return False
    if mean <= -1:
        return True
    wealth = log_wealth(found.sums, found.sizes, found.largest, mean)
    return bool(wealth[-1] >= -log(level))


def lower_bound(found: Drawn, level: float) -> float:
    """The largest mean that the true one is shown to be above; -1 where there is none."""
    low, high = -1.0, found.mean
    if not len(found.sums) or high <= low:
        return -1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        if shows_above(found, middle, level):
            low = middle
        else:
            high = middle
    return low


def upper_bound(found: Drawn, level: float) -> float:
    """The smallest mean that the true one is shown to be below; 1 where there is none."""
    return -lower_bound(found.turned, level)
