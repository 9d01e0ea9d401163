"""Whether a belief settles the decision, for many beliefs at once. Pure.

What `verdict.judged` decides of one belief, by `service.commitment` and by the chance that a tuned
strategy is the right choice, and how likely that is right, is asked here of all that an action may
lead to. What errors do to an answer is left out, and so is what was stopped or failed.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.resampling import Floats
from service.commitment import FORGONE, SMALLEST_MARGIN
from service.evidence import HAIR
from service.forecasting.worlds import (
    NOTHING,
    UNCERTAIN,
    Flags,
    Indices,
    Terms,
    picks,
    rights,
    tuned_right,
)


def calls(
    worlds: Floats, terms: Terms, confidence: float, picked_there: Indices | None = None
) -> Flags:
    """Whether the answer is a yes or a no, and right with that confidence. `worlds` is beliefs ×
    draws × strategies, 0 to 1; `picked_there`, where it is known, what the rule picks in each of
    them, one after the other."""
    means = worlds.mean(axis=1)
    low, high = ends(worlds, terms, confidence)
    bar = 0.0 if terms.bar is None else terms.bar
    # of those that are expected to meet the stated quality, the ones that do so for certain first
    picked = picks(means, replace(terms, shortfall=terms.shortfall + (low < bar) * (means >= bar)))
    tuning = tuned_shares(worlds, terms, picked_there)
    return np.array(
        [
            is_called(draws, mean, low[at], high[at], place, terms, confidence, tuning[at])
            and is_right(draws, place, terms, confidence)
            for at, (draws, mean, place) in enumerate(zip(worlds, means, picked, strict=True))
        ],
        dtype=bool,
    )


def tuned_shares(worlds: Floats, terms: Terms, picked_there: Indices | None) -> Floats:
    """In how many of each belief's worlds a tuned strategy is the right choice."""
    drawn = worlds.reshape(-1, worlds.shape[2])
    picked = picks(drawn, terms) if picked_there is None else picked_there
    found: Floats = tuned_right(drawn, terms, picked).reshape(worlds.shape[:2]).mean(axis=1)
    return found


def ends(worlds: Floats, terms: Terms, confidence: float) -> tuple[Floats, Floats]:
    """Of the intervals that a stated quality is held against, each beliefs × strategies; without
    one no quality falls short."""
    if terms.bar is None:
        none = np.ones(worlds.shape[::2])
        return none, none
    found = np.quantile(worlds, [(1 - confidence) / 2, (1 + confidence) / 2], axis=1)
    return found[0], found[1]


def is_right(draws: Floats, place: int, terms: Terms, confidence: float) -> bool:
    chosen = None if place == NOTHING else terms.ids[place]
    commits = chosen is not None and bool(terms.tuned[place])
    return float(rights(draws, terms, chosen, commits).mean()) >= confidence


def is_called(
    draws: Floats,
    mean: Floats,
    low: Floats,
    high: Floats,
    place: int,
    terms: Terms,
    confidence: float,
    tuning: float,
) -> bool:
    """Of one belief from which the rule picks `place`; `low` and `high` end the intervals, and
    `tuning` is the chance that a tuned strategy is the right choice."""
    if place == NOTHING:
        return bool(terms.tuned.any())
    bar = 0.0 if terms.bar is None else terms.bar
    serves = bool(terms.shortfall[place] == 0 and low[place] >= bar)
    ruled_out = (terms.shortfall >= UNCERTAIN) | (high < bar)
    if terms.tuned[place]:
        able = ~ruled_out & ~terms.trivial
        return serves and is_yes(draws, mean, able, place, terms, confidence)
    if not terms.tuned.any():
        return (serves and terms.bar is not None) or 1 - mean[place] <= terms.margin
    rivals = draws[:, terms.tuned & (~ruled_out | ruled_out[place])]
    if not rivals.size:
        return True
    excess = np.maximum(0.0, rivals - draws[:, [place]] - terms.margin).mean(axis=0)
    if float(excess.max()) <= FORGONE * max(terms.margin, SMALLEST_MARGIN):
        return True
    return 1 - tuning >= confidence


def is_yes(
    draws: Floats, mean: Floats, able: Flags, place: int, terms: Terms, confidence: float
) -> bool:
    """Whether what is tuned gains more than the margin, or saves and loses no more than it. That
    it is the right choice as surely, `is_right` asks."""
    others = np.flatnonzero(able & ~terms.tuned)
    if not len(others):
        return bool((~terms.tuned).any())
    other = others[mean[others].argmax()]
    gap = draws[:, place] - draws[:, other]
    if (gap > terms.margin + HAIR).mean() >= confidence:
        return True
    return bool(terms.cheaper[place, other] and (gap > HAIR - terms.margin).mean() >= confidence)
