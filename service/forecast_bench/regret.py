"""What is lost by a choice, against the winner that half the test rows chose. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import NormalDist, fmean

import numpy as np

from benchmarks.statistics import wilson
from service.forecast_bench.misses import HAIR
from service.forecast_bench.truth import Audit, Truth

Share = tuple[float, float, float]
"""A share with the ends of its 95% interval (Wilson 1927)."""


def regret_of(pick: str | None, audits: Sequence[Audit]) -> float:
    """Quality of the winner minus that of `pick`, 0 to 1, on rows that chose neither: the mean
    over the audits.

    Negative where the pick is better than what the rule chose, or where luck has it so: on
    average over tasks a choice as good as the rule's own comes out at 0. A pick of nothing, and a
    winner that is nothing, are worth what takes no thought; so is one that was never measured.
    """
    return fmean(worth(audit.winner, audit) - worth(pick, audit) for audit in audits)


def worth(strategy: str | None, audit: Audit) -> float:
    if strategy is None:
        return audit.nothing
    return audit.qualities.get(strategy, audit.nothing)


def is_found(pick: str | None, truth: Truth) -> bool:
    """Whether the pick is the winner of the whole comparison, or loses no more than the practical
    margin against the winners of halves."""
    return pick == truth.winner or regret_of(pick, truth.audits) <= truth.margin


def error_of(pick: str | None, truth: Truth) -> float:
    """Standard error of the regret by the luck of the test rows; see `Truth`."""
    return truth.errors.get(pick or "", truth.error_of_nothing)


def chance_found(pick: str | None, truth: Truth) -> float:
    """The chance that the true regret is within the practical margin: normal around what was
    measured, with its standard error. No regret at all, known to no better than the margin, is
    within it with a chance of 84%."""
    left = truth.margin - regret_of(pick, truth.audits)
    error = error_of(pick, truth)
    return NormalDist().cdf(left / error) if error > 0 else float(left >= -HAIR)


def share_of(hits: Iterable[bool]) -> Share:
    """0 (0 to 1) where there is nothing to count."""
    known = list(hits)
    if not known:
        return 0.0, 0.0, 1.0
    low, high = wilson(np.array([float(sum(known))]), len(known))
    return sum(known) / len(known), float(low[0]), float(high[0])
