"""Whether a belief is sure enough for a yes or a no, for many beliefs at once. Pure.

What `service.commitment` decides of one belief is asked here of all that an action may lead to.
It ranks actions, and decides nothing: what errors do to an answer is left out, and so is what was
stopped or failed.
"""

from __future__ import annotations

import numpy as np

from benchmarks.resampling import Floats
from service.commitment import FORGONE, SMALLEST_MARGIN
from service.evidence import HAIR
from service.forecasting.worlds import NOTHING, UNCERTAIN, Flags, Terms, picks


def calls(worlds: Floats, terms: Terms, confidence: float) -> Flags:
    """`worlds` is beliefs × draws × strategies, 0 to 1."""
    means = worlds.mean(axis=1)
    picked = picks(means, terms)
    return np.array(
        [
            is_called(draws, mean, place, terms, confidence)
            for draws, mean, place in zip(worlds, means, picked, strict=True)
        ],
        dtype=bool,
    )


def is_called(draws: Floats, mean: Floats, place: int, terms: Terms, confidence: float) -> bool:
    """Of one belief whose expected qualities the rule picks `place` from."""
    if place == NOTHING:
        return float((picks(draws, terms) == NOTHING).mean()) >= confidence
    low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    bar = 0.0 if terms.bar is None else terms.bar
    ruled_out = (terms.shortfall >= UNCERTAIN) | (high < bar)
    if terms.tuned[place]:
        serves = terms.shortfall[place] == 0 and low[place] >= bar
        able = ~ruled_out & ~terms.trivial
        return bool(serves) and is_yes(draws, mean, able, place, terms, confidence)
    rivals = draws[:, terms.tuned & (~ruled_out | ruled_out[place])]
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
