"""What further evidence is worth: by how much it is expected to lower what is at stake. Pure.

The value of sample information (Raiffa and Schlaifer 1961, "Applied Statistical Decision Theory"):
what the best choice loses on average now, less what the best choice after the evidence is expected
to lose. The choice is the rule's, so evidence that could not turn it is worth nothing, however
much it would sharpen a figure.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from benchmarks.belief.angles import to_quality
from benchmarks.belief.belief import Belief
from benchmarks.resampling import Floats
from service.forecasting.worlds import Terms, losses

OUTCOMES = 24
"""What the evidence may turn out to say: so many possibilities."""
WORLDS = 160
"""Worlds drawn in each of them, the same deviations in all: luck moves every choice alike."""
NOTHING_LEARNED = 1e-12


def worth(now: Belief, then: Belief, terms: Terms, *, seed: int = 0) -> float:
    """0 to 1. `then` is the belief as the evidence would leave it, finding what is expected: its
    means are then normal around the present ones, with the covariance that it takes away."""
    learned = root_of(now.covariance - then.covariance)
    if float((learned**2).sum()) < NOTHING_LEARNED:
        return 0.0
    rng = np.random.default_rng(seed)
    found = now.mean + spread_out(rng, OUTCOMES, len(now.ids)) @ learned.T
    left = spread_out(rng, WORLDS, len(now.ids)) @ root_of(then.covariance).T
    angles = (found[:, None, :] + left[None]).reshape(-1, len(now.ids))
    columns = [now.ids.index(name) for name in terms.ids]
    lost = losses(to_quality(angles)[:, columns], terms)
    by_outcome = lost.reshape(OUTCOMES, WORLDS, -1).mean(axis=1)
    return max(0.0, float(by_outcome.mean(axis=0).min() - by_outcome.min(axis=1).mean()))


def root_of(covariance: Floats) -> Floats:
    """A matrix whose product with its transpose is the covariance, its rounding errors aside."""
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    root: Floats = vectors * np.sqrt(np.maximum(values, 0.0))
    return root


def spread_out(rng: np.random.Generator, count: int, width: int) -> Floats:
    """Standard normal rows, each column of which holds the same evenly spaced quantiles in another
    order (McKay, Beckman and Conover 1979): with few rows, mean and spread are right and the
    direction in which evidence speaks is covered evenly."""
    quantiles = norm.ppf((np.arange(count) + 0.5) / count)
    rows = np.repeat((quantiles / quantiles.std())[:, None], width, axis=1)
    return np.asarray(rng.permuted(rows, axis=0))
