"""What further evidence promises: less at stake, and an answer that is sure enough. Pure.

The value of sample information (Raiffa and Schlaifer 1961, "Applied Statistical Decision Theory"):
what the best choice loses on average now, less what the best choice after the evidence is expected
to lose. The choice is the rule's, so evidence that could not turn it lowers nothing, however
much it would sharpen a figure. Such evidence can still make a "not yet" a yes or a no, which
saves the comparison.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from benchmarks.belief.belief import Belief, root
from benchmarks.resampling import Floats
from service.forecasting.calls import calls
from service.forecasting.worlds import Terms, losses, picks

OUTCOMES = 24
"""What the evidence may turn out to say: so many possibilities."""
WORLDS = 160
"""Worlds drawn in each of them, the same deviations in all: luck moves every choice alike."""
NOTHING_LEARNED = 1e-12


@dataclass(frozen=True)
class Promise:
    """`gain` is by how much the stake is expected to fall, 0 to 1, and `call` the chance that the
    answer is then a yes or a no that is sure enough."""

    gain: float
    call: float


def promise(
    now: Belief, then: Belief, terms: Terms, *, confidence: float, seed: int = 0
) -> Promise:
    """`then` is the belief as the evidence would leave it, finding what is expected: its means are
    then normal around the present ones, with the covariance that it takes away."""
    learned = root(now.covariance - then.covariance)
    if float((learned**2).sum()) < NOTHING_LEARNED:
        return Promise(0.0, 0.0)
    rng = np.random.default_rng(seed)
    found = now.mean + spread_out(rng, OUTCOMES, len(now.ids)) @ learned.T
    left = spread_out(rng, WORLDS, len(now.ids)) @ root(then.covariance).T
    columns = [now.ids.index(name) for name in terms.ids]
    worlds = now.qualities(found[:, None, :] + left[None])[..., columns]
    flat = worlds.reshape(-1, len(columns))
    picked = picks(flat, terms)
    lost = losses(flat, terms, picked)
    by_outcome = lost.reshape(OUTCOMES, WORLDS, -1).mean(axis=1)
    now_best = by_outcome[:, by_outcome.mean(axis=0).argmin()]
    gain = (now_best - by_outcome.min(axis=1)).mean()  # exactly 0 where no outcome turns the choice
    called = calls(worlds, terms, confidence, picked).mean()
    return Promise(float(gain), float(called))


def spread_out(rng: np.random.Generator, count: int, width: int) -> Floats:
    """Standard normal rows, each column of which holds the same evenly spaced quantiles in another
    order (McKay, Beckman and Conover 1979): with few rows, mean and spread are right and the
    direction in which evidence speaks is covered evenly."""
    quantiles = norm.ppf((np.arange(count) + 0.5) / count)
    rows = np.repeat((quantiles / quantiles.std())[:, None], width, axis=1)
    return np.asarray(rng.permuted(rows, axis=0))
