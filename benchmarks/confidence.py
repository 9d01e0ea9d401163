"""Whether told probabilities are true: calibration error, and accuracy where a strategy is surest.

Pure functions of confidences (0 to 1) and of what was right (0 or 1), row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import ceil, pi, sqrt

import numpy as np

from benchmarks.resampling import Floats

FEWEST_ROWS = 20
"""Below that no calibration error is told: it would be nearly all noise."""
MOST_BINS = 10
ROWS_A_BIN = 10
MOST_EXACT = 500
"""Rows of a bin up to which its expected error is exact; beyond, the normal distribution is."""


def edges(rising: Floats) -> list[int]:
    """Where bins of equal mass begin and end in confidences that rise: at most 10 bins, of about
    10 rows or more each. Rows of one confidence stay together, so that their order is no matter.
    """
    bins = max(1, min(MOST_BINS, len(rising) // ROWS_A_BIN))
    inner = [round(number * len(rising) / bins) for number in range(1, bins)]
    ends = {int(np.searchsorted(rising, rising[at - 1], side="right")) for at in inner}
    return sorted({0, *ends, len(rising)})


def calibration_error(confidences: Sequence[float], right: Sequence[float]) -> float:
    """Expected calibration error: the distance of mean confidence and accuracy, over all bins by
    their rows (Guo et al. 2017), in bins of equal mass (Nixon et al. 2019).
    """
    order = np.argsort(confidences, kind="stable")
    told = np.asarray(confidences, dtype=float)[order]
    gaps = told - np.asarray(right, dtype=float)[order]
    return sum(abs(float(gaps[a:b].sum())) for a, b in pairwise(edges(told))) / len(told)


def error_if_calibrated(confidences: Sequence[float]) -> float:
    """The calibration error that these confidences show on average if every one of them is true.

    Chance alone keeps accuracy and confidence of a bin apart, the more so the fewer rows it has:
    an error is worth what it is above this.
    """
    told = np.sort(np.asarray(confidences, dtype=float))
    return sum(expected_distance(told[a:b]) for a, b in pairwise(edges(told))) / len(told)


def expected_distance(chances: Floats) -> float:
    """The mean of |hits - expected hits| for independent events of these chances: exact, by the
    distribution of their number (Poisson binomial), up to MOST_EXACT of them.
    """
    if len(chances) > MOST_EXACT:
        return sqrt(2 / pi * float((chances * (1 - chances)).sum()))
    odds = np.ones(1)
    for chance in chances:
        odds = np.convolve(odds, [1 - chance, chance])
    return float((odds * np.abs(np.arange(len(odds)) - chances.sum())).sum())


def accuracy_at(confidences: Sequence[float], right: Sequence[float], coverage: float) -> float:
    """Accuracy on that share of the rows of which the strategy is surest. Of rows that tie at the
    border the mean counts, for as many of them as there is room.
    """
    told, hits = np.asarray(confidences, dtype=float), np.asarray(right, dtype=float)
    count = max(1, ceil(coverage * len(told) - 1e-9))
    border = np.sort(told)[-count]
    above, tied = told > border, told == border
    room = count - int(above.sum())
    return float((hits[above].sum() + room * hits[tied].mean()) / count)
