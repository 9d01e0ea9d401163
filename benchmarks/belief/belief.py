"""A joint belief over the qualities of strategies on one task, on the scale of angles.

It is normal, but for strategies that follow the better of two others.

Strategies are correlated: what one is seen to reach tells of those like it, and evidence moves
all of them at once (Kalman 1960). Nothing here knows where a belief comes from. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import hypot, sqrt

import numpy as np
from scipy.stats import norm

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
    of `ids`.

    `between` names strategies that are about as good as the better of two others, with these. Of
    them `mean` and `covariance` hold how far they are from it, whatever the others reach.
    """

    ids: tuple[str, ...]
    mean: Floats
    covariance: Floats
    between: Mapping[str, tuple[str, str]] = field(default_factory=dict)

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
        return replace(self, mean=mean, covariance=(left + left.T) / 2)

    def tied(
        self, between: Mapping[str, tuple[str, str]], shift: float, deviation: float
    ) -> Belief:
        """With these strategies `between` two others, from the better of which their angles are
        `shift` away, give or take `deviation`. What was believed of them before is dropped."""
        mean, covariance = self.mean.copy(), self.covariance.copy()
        for at in map(self.ids.index, between):
            mean[at], covariance[at], covariance[:, at] = shift, 0.0, 0.0
            covariance[at, at] = deviation**2
        return Belief(self.ids, mean, covariance, between)

    @cached_property
    def moments(self) -> tuple[Floats, Floats]:
        """Mean and standard deviation of each angle, in the order of `ids`."""
        mean = self.mean.copy()
        deviations = np.sqrt(np.maximum(np.diag(self.covariance), 0.0))
        for name, parts in self.between.items():
            both = [self.ids.index(part) for part in parts]
            at = self.ids.index(name)
            best, deviation = of_better(self.mean[both], self.covariance[np.ix_(both, both)])
            mean[at] += best
            deviations[at] = hypot(deviations[at], deviation)
        return mean, deviations

    @property
    def deviations(self) -> Floats:
        return self.moments[1]

    @property
    def widths(self) -> Floats:
        """Of the 90% intervals of the qualities, 0 to 1, in the order of `ids`."""
        mean, deviations = self.moments
        reach = REACH * deviations
        return np.asarray(to_quality(mean + reach) - to_quality(mean - reach))

    def quality(self, id: str) -> Estimate:
        """What a strategy would reach."""
        mean, deviation = (each[self.ids.index(id)] for each in self.moments)
        low, high = (float(to_quality(mean + side * REACH * deviation)) for side in (-1, 1))
        return Estimate(float(expected_quality(mean, deviation)), low, high)

    def draws(self, rng: np.random.Generator, n: int) -> Floats:
        """Qualities that may be true together: n × strategies, 0 to 1."""
        normal = rng.standard_normal((n, len(self.ids)))
        return self.qualities(self.mean + normal @ root(self.covariance).T)

    def qualities(self, angles: Floats) -> Floats:
        """Those that go with draws of the normal distribution, ... × strategies."""
        angles = angles.copy()
        for name, parts in self.between.items():
            one, other = (angles[..., self.ids.index(part)] for part in parts)
            angles[..., self.ids.index(name)] += np.maximum(one, other)
        return np.asarray(to_quality(angles))


def of_better(means: Floats, covariance: Floats) -> tuple[float, float]:
    """Mean and standard deviation of the greater of two normal figures (Clark 1961, "The greatest
    of a finite set of random variables")."""
    apart = sqrt(max(0.0, covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]))
    if apart == 0.0:
        best = int(means.argmax())
        return float(means[best]), sqrt(max(0.0, covariance[best, best]))
    ahead = (means[0] - means[1]) / apart
    first, second, near = norm.cdf(ahead), norm.cdf(-ahead), apart * norm.pdf(ahead)
    mean = means[0] * first + means[1] * second + near
    squares = means**2 + np.diag(covariance)
    square = squares[0] * first + squares[1] * second + means.sum() * near
    return float(mean), sqrt(max(0.0, square - mean**2))


def root(covariance: Floats) -> Floats:
    """A matrix whose product with its own transpose is the covariance, singular or not."""
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    found: Floats = vectors * np.sqrt(np.maximum(values, 0.0))
    return found
