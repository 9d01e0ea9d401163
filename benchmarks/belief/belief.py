"""A joint belief over the qualities of strategies on one task: normal, on the scale of angles.

Strategies are correlated: what one is seen to reach tells of those like it, and evidence moves
all of them at once (Kalman 1960). Nothing here knows where a belief comes from. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.belief.angles import expected_quality, to_quality
from benchmarks.resampling import Floats

REACH = 1.6448536269514722
"""Standard deviations to either side of the mean that hold 90%."""


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
    def widths(self) -> Floats:
        """Of the 90% intervals of the qualities, 0 to 1, in the order of `ids`."""
        reach = REACH * self.deviations
        return np.asarray(to_quality(self.mean + reach) - to_quality(self.mean - reach))

    def quality(self, id: str) -> Estimate:
        """What a strategy would reach."""
        place = self.ids.index(id)
        mean, deviation = self.mean[place], self.deviations[place]
        low, high = (float(to_quality(mean + side * REACH * deviation)) for side in (-1, 1))
        return Estimate(float(expected_quality(mean, deviation)), low, high)

    def draws(self, rng: np.random.Generator, n: int) -> Floats:
        """Qualities that may be true together: n × strategies, 0 to 1."""
        normal = rng.standard_normal((n, len(self.ids)))
        return to_quality(self.mean + normal @ root(self.covariance).T)


def root(covariance: Floats) -> Floats:
    """A matrix whose product with its own transpose is the covariance, singular or not."""
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    found: Floats = vectors * np.sqrt(np.maximum(values, 0.0))
    return found
