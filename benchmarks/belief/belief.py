"""A joint belief over the qualities of strategies on one task: normal, on the scale of angles.

Strategies are correlated: what one is seen to reach tells of those like it. Evidence moves all of
them at once (Kalman 1960). Nothing here knows where a belief comes from. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.belief.angles import to_angle, to_quality
from benchmarks.odds import TIE, Odds
from benchmarks.resampling import Floats

DRAWS = 4_000
REACH = 1.6448536269514722
"""Standard deviations to either side of the mean that hold 90%."""
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(9)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
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
        ...

    def quality(self, id: str, *, error: float = 0.0) -> Estimate:
        """What a strategy would reach. With `error` (a standard error, 0 to 1) what a measurement
        that inexact would find, which is what an interval can be held against."""
        ...

    def draws(self, rng: np.random.Generator, n: int) -> Floats:
        """Qualities that may be true together: n × strategies, 0 to 1."""
        ...

    def odds(self, *, seed: int = 0) -> dict[str, Odds]:
        """The chance of each to be best, which sum to 1, and its expected regret."""
        ...

    def worth(self, then: Belief | Observation, *, margin: float, seed: int = 0) -> float:
        """By how much further evidence is expected to lower the expected regret, 0 to 1.

        `then` is the belief as that evidence would leave it (`Predictor.foreseen`; only its
        covariance counts), or an observation whose values are not known yet. The decision before
        and after is the highest mean; being worse than the best by up to `margin` costs nothing,
        and what exceeds it counts. The same seed compares several actions on the same draws.
        """
        ...

    def among(self, ids: Sequence[str]) -> Belief:
        """Of these strategies only, in that order."""
        ...
