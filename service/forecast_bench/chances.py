"""Whether foretold chances of being best are true: their Brier score, and told beside true. Pure.

What is best the whole comparison knows itself by chance only: by y, its own odds from all test
rows. The Brier score is the mean over tasks of what the sum of (p - 1 where best, else 0)² over
strategies comes to on average by these odds: sum of p² - 2 × p × y, plus 1. Where y is certain
that is the score as Brier (1950) has it, from 0 to 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

EDGES = (0.0, 0.02, 0.1, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Bin:
    """Strategies whose chance was foretold to lie from `low` to `high`: the mean of what was told,
    the mean of what is true, and how many they are."""

    low: float
    high: float
    told: float
    true: float
    n: int


def brier(told: Sequence[Mapping[str, float]], true: Sequence[Mapping[str, float]]) -> float:
    """One mapping of strategies to chances for each task; 0 for none."""
    if not told:
        return 0.0
    return fmean(brier_of(p, y) for p, y in zip(told, true, strict=True))


def brier_of(told: Mapping[str, float], true: Mapping[str, float]) -> float:
    return 1 + sum(p**2 - 2 * p * true.get(name, 0.0) for name, p in told.items())


def reliability(
    told: Sequence[Mapping[str, float]], true: Sequence[Mapping[str, float]]
) -> list[Bin]:
    """All strategies of all tasks by what was foretold; empty bins are left out."""
    pairs = [
        (p, y.get(name, 0.0))
        for each, y in zip(told, true, strict=True)
        for name, p in each.items()
    ]
    bins = []
    for low, high in pairwise(EDGES):
        inside = [pair for pair in pairs if low <= pair[0] < high or pair[0] == high == 1.0]
        if inside:
            ps, ys = zip(*inside, strict=True)
            bins.append(Bin(low, high, fmean(ps), fmean(ys), len(inside)))
    return bins
