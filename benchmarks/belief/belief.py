"""A joint belief over the qualities of strategies on one task: normal, on the scale of angles.

Strategies are correlated: what one is seen to reach tells of those like it, and evidence moves
all of them at once (Kalman 1960). Nothing here knows where a belief comes from. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from benchmarks.belief.angles import expected_quality, slope_at, to_quality
from benchmarks.odds import TIE, Odds
from benchmarks.resampling import Floats

DRAWS = 4_000
REACH = 1.6448536269514722
"""Standard deviations to either side of the mean that hold 90%."""
JITTER = 1e-10


@dataclass(frozen=True)
class Estimate:
    """The mean of a quality, 0 to 1, and the ends of its 90% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Observation:
    """Figures that speak of strategies: `values` = `loadings` @ angles of `about` + noise.

    All on the scale of angles. `loadings` is figures × strategies, `noise` the covariance of the
    figures around what they should be, figures × figures.
    """

    about: tuple[str, ...]
    loadings: Floats
    values: Floats
    noise: Floats


@dataclass(frozen=True)
class Belief:
    """`mean` (strategies) and `covariance` (strategies × strategies) of the angles, in the order
    of `ids`."""

    ids: tuple[str, ...]
    mean: Floats
    covariance: Floats

    def updated(self, observation: Observation) -> Belief:
        """After an observation whose noise is independent of all earlier ones'.

        Rows of several strategies on the same items, or one pilot read at two shares, are not
        independent: `Predictor.belief` takes all findings together.
        """
        loadings = np.zeros((len(observation.values), len(self.ids)))
        loadings[:, [self.ids.index(id) for id in observation.about]] = observation.loadings
        seen = loadings @ self.covariance
        gain = np.linalg.solve(seen @ loadings.T + observation.noise, seen).T
        mean = self.mean + gain @ (observation.values - loadings @ self.mean)
        rest = np.eye(len(self.ids)) - gain @ loadings
        # Joseph's form stays symmetric and positive where the short one does not
        left = rest @ self.covariance @ rest.T + gain @ observation.noise @ gain.T
        return Belief(self.ids, mean, (left + left.T) / 2)

    @property
    def deviations(self) -> Floats:
        return np.sqrt(np.maximum(np.diag(self.covariance), 0.0))

    @property
    def values(self) -> Floats:
        """The mean qualities, 0 to 1, in the order of `ids`."""
        return expected_quality(self.mean, self.deviations)

    def quality(self, id: str, *, error: float = 0.0) -> Estimate:
        """What a strategy would reach. With `error` (a standard error, 0 to 1) what a measurement
        that inexact would find, which is what an interval can be held against."""
        place = self.ids.index(id)
        mean, variance = self.mean[place], max(0.0, self.covariance[place, place])
        value = float(expected_quality(mean, np.sqrt(variance)))
        reach = REACH * sqrt(variance + (error * float(slope_at(value))) ** 2)
        low, high = to_quality(mean - reach), to_quality(mean + reach)
        return Estimate(value, float(low), float(high))

    def draws(self, rng: np.random.Generator, n: int) -> Floats:
        """Qualities that may be true together: n × strategies, 0 to 1."""
        return to_quality(self.angles(rng.standard_normal((n, len(self.ids)))))

    def angles(self, normal: Floats) -> Floats:
        """Independent standard normal draws (n × strategies) as draws of this belief."""
        return self.mean + normal @ root(self.covariance).T

    def odds(self, *, seed: int = 0) -> dict[str, Odds]:
        """The chance of each to be best, which sum to 1, and its expected regret."""
        drawn = self.draws(np.random.default_rng(seed), DRAWS)
        top = drawn.max(axis=1, keepdims=True)
        first = drawn >= top - TIE
        best = (first / first.sum(axis=1, keepdims=True)).mean(axis=0)
        lost = (top - drawn).mean(axis=0)
        return {
            id: Odds(float(p), float(regret))
            for id, p, regret in zip(self.ids, best, lost, strict=True)
        }

    def worth(self, then: Belief | Observation, *, margin: float, seed: int = 0) -> float:
        """By how much further evidence is expected to lower the expected regret, 0 to 1.

        `then` is the belief as that evidence would leave it (`Predictor.foreseen`; only its
        covariance counts), or an observation whose values are not known yet. The decision before
        and after is the highest mean; being worse than the best by up to `margin` costs nothing,
        and what exceeds it counts. The same seed compares several actions on the same draws.

        The preposterior analysis of Raiffa and Schlaifer (1961), by draws: a truth, the belief
        that the evidence would lead to if it were true, and what both decisions lose by it.
        """
        after = (self.updated(then) if isinstance(then, Observation) else then).covariance
        normal = np.random.default_rng(seed).standard_normal((2, DRAWS, len(self.ids)))
        truths = self.angles(normal[0])
        learned = self.covariance - after
        pull = np.linalg.solve(self.covariance + JITTER * np.eye(len(self.ids)), learned).T
        means = self.mean + (truths - self.mean) @ pull.T + normal[1] @ root(pull @ after).T
        left = np.sqrt(np.maximum(np.diag(after), 0.0))
        chosen = expected_quality(means, left).argmax(axis=1)
        qualities = to_quality(truths)
        best = qualities.max(axis=1)
        now = np.maximum(best - qualities[:, self.values.argmax()] - margin, 0.0)
        later = np.maximum(best - qualities[np.arange(DRAWS), chosen] - margin, 0.0)
        return max(0.0, float((now - later).mean()))

    def among(self, ids: Sequence[str]) -> Belief:
        """Of these strategies only, in that order."""
        places = [self.ids.index(id) for id in ids]
        return Belief(tuple(ids), self.mean[places], self.covariance[np.ix_(places, places)])


def root(covariance: Floats) -> Floats:
    """A matrix whose product with its own transpose is the covariance, singular or not."""
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    found: Floats = vectors * np.sqrt(np.maximum(values, 0.0))
    return found
