"""How far predicted qualities miss, with what the test rows add to that taken out. Pure.

A quality that is measured on some rows is the true one plus noise, whose variance v follows from
the rows. A forecast never sees them, so the two errors are independent, and on average

    (predicted - measured)² = (predicted - true)² + v.

So the root mean square error without noise is sqrt(max(0, mean of (error² - v))), called s. An
error e of a strategy tells of the true one by its posterior under a normal prior of spread s: with
w = s² / (s² + v) that is normal around w × e with variance w × v. An interval for the true quality
is held against the measured one after each of its arms has grown to sqrt(arm² + 1.645² × v).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist, fmean

NEAR = 0.03
"""Three points."""
NORMAL = NormalDist()
Z90 = NORMAL.inv_cdf(0.95)
HAIR = 1e-12
"""Errors are held against limits up to this rounding."""


@dataclass(frozen=True)
class Miss:
    """One strategy of one task: what was predicted, with the 90% interval, and what was measured
    with the variance of its test noise. Qualities run from 0 to 1."""

    task: str
    strategy: str
    predicted: float
    low: float
    high: float
    measured: float
    variance: float

    @property
    def error(self) -> float:
        return self.predicted - self.measured

    @property
    def covered(self) -> bool:
        return self.low - HAIR <= self.measured <= self.high + HAIR

    @property
    def covered_with_noise(self) -> bool:
        """Held against the interval that test noise has widened."""
        low, high = (
            sqrt((end - self.predicted) ** 2 + Z90**2 * self.variance)
            for end in (self.low, self.high)
        )
        return -high - HAIR <= self.error <= low + HAIR


def rmse(misses: Sequence[Miss]) -> float:
    """As measured, noise included; 0 for none."""
    return sqrt(fmean(each.error**2 for each in misses)) if misses else 0.0


def rmse_without_noise(misses: Sequence[Miss]) -> float:
    """See the module."""
    if not misses:
        return 0.0
    return sqrt(max(0.0, fmean(each.error**2 - each.variance for each in misses)))


def within(misses: Sequence[Miss], limit: float = NEAR) -> float:
    """The share of errors no larger than the limit, noise included."""
    return fmean(abs(each.error) <= limit + HAIR for each in misses) if misses else 0.0


def within_without_noise(misses: Sequence[Miss], limit: float = NEAR) -> float:
    """The share of true errors no larger than the limit, to be expected by what was measured."""
    spread = rmse_without_noise(misses) ** 2
    return fmean(chance_within(each, spread, limit) for each in misses) if misses else 0.0


def chance_within(miss: Miss, spread: float, limit: float) -> float:
    """That the true error of one strategy is within the limit; `spread` is s²."""
    weight = spread / (spread + miss.variance) if spread + miss.variance > 0 else 1.0
    middle, error = weight * miss.error, sqrt(weight * miss.variance)
    if error < HAIR:
        return float(abs(middle) <= limit + HAIR)
    return NORMAL.cdf((limit - middle) / error) - NORMAL.cdf((-limit - middle) / error)


def coverage(misses: Sequence[Miss]) -> float:
    """The share of intervals that hold the measured quality as they are."""
    return fmean(each.covered for each in misses) if misses else 0.0


def coverage_with_noise(misses: Sequence[Miss]) -> float:
    """The same after test noise has widened them: 90% where they are right for the true one."""
    return fmean(each.covered_with_noise for each in misses) if misses else 0.0
