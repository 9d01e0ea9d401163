"""Whether a belief is sure enough for a yes or a no, for many beliefs at once. Pure.

What `service.commitment` decides of one belief is asked here of all that an action may lead to.
Where it is not asked so finely (needs that only a strategy's interval leaves open), it errs on the
side of a call: it ranks actions, and decides nothing.
"""

from __future__ import annotations

import numpy as np

from benchmarks.resampling import Floats
from service.commitment import FORGONE, SMALLEST_MARGIN
from service.evidence import HAIR
from service.forecasting.worlds import NOTHING, Flags, Terms, picks, shortfalls


def calls(worlds: Floats, terms: Terms, confidence: float) -> Flags:
    """`worlds` is beliefs × draws × strategies, 0 to 1."""
    means = worlds.mean(axis=1)
    picked = picks(means, terms)
    short = shortfalls(means, terms)
    return np.array(
        [
            is_called(draws, mean, lacks, place, terms, confidence)
            for draws, mean, lacks, place in zip(worlds, means, short, picked, strict=True)
        ],
        dtype=bool,
    )


def is_called(
    draws: Floats, mean: Floats, short: Floats, place: int, terms: Terms, confidence: float
) -> bool:
    """Of one belief whose expected qualities the rule picks `place` from."""
    if place == NOTHING:
        return float((picks(draws, terms) == NOTHING).mean()) >= confidence
    able = (short <= short[place]) & ~terms.trivial
    if terms.tuned[place]:
        return is_yes(draws, mean, able, place, terms, confidence)
    rivals = draws[:, terms.tuned & able]
    if not rivals.size:
        return bool(terms.tuned.any())
    excess = np.maximum(0.0, rivals - draws[:, [place]] - terms.margin).mean(axis=0)
    return float(excess.max()) <= FORGONE * max(terms.margin, SMALLEST_MARGIN)


def is_yes(
    draws: Floats, mean: Floats, able: Flags, place: int, terms: Terms, confidence: float
) -> bool:
    """Whether what is tuned gains more than the margin, or saves and loses no more than it."""
    others = np.flatnonzero(able & ~terms.tuned)
    if not len(others):
        return bool((~terms.tuned).any())
    other = others[mean[others].argmax()]
    gap = draws[:, place] - draws[:, other]
    if (gap > terms.margin + HAIR).mean() >= confidence:
        return True
    return bool(terms.cheaper[place, other] and (gap > HAIR - terms.margin).mean() >= confidence)
