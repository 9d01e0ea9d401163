"""How quality grows with training examples: a saturating power law with its interval. Pure.

q(n) = a - b × (n / N)^-c, N being the most examples measured, 0 <= a <= 1, b >= 0, 0 < c <= 2.
Such a law holds once a model has begun to learn a task; before that gains speed up (the
"pre-power phase" of Lin et al. 2024, "Selecting Large Language Model to Fine-tune via Rectified
Scaling Law"). So nothing is extrapolated from points that do not rise or lie off every such law,
nor far beyond them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.distributions import f_quantile
from benchmarks.resampling import Floats, bounds

EXPONENTS = np.geomspace(0.02, 2.0, 60)
FEWEST_SIZES = 4
"""Three points lie on some such law, whatever they are."""
FEWEST_FREEDOM = 2
FARTHEST = 4.0
"""Nothing is said of more than so many times the examples measured."""
WIDEST = 0.2
"""An interval wider than this says nothing that helps to decide."""
MISFIT, SPEEDS_UP = 0.95, 0.9
"""From what chance on points are taken to lie off every law, or gains to speed up."""
LEAST_SPREAD = 0.005
"""Standard deviation between trainings that is assumed at least: scores of a few seeds can agree
by chance."""


@dataclass(frozen=True)
class Growth:
    """One strategy at several sizes of training data, smallest first.

    `means` are over trainings at each size, `draws` the same under resampling of test rows and
    trainings (resamples × sizes). `spread` is the variance between trainings of one size, told
    by `freedom` degrees; `clusters` counts those of the test rows.
    """

    sizes: Floats
    trainings: Floats
    means: Floats
    draws: Floats
    spread: float
    freedom: int
    clusters: int


@dataclass(frozen=True)
class Laws:
    """Fitted laws, one a line: `a`, `b` and `c` of each, and how far the points lie off it, as a
    sum of squares over trainings."""

    a: Floats
    b: Floats
    c: Floats
    off: Floats
    largest: float

    def at(self, n: Sequence[float] | Floats) -> Floats:
        """Quality with `n` examples: laws × numbers."""
        shares = np.asarray(n, dtype=float) / self.largest
        reached: Floats = self.a[:, None] - self.b[:, None] * shares ** -self.c[:, None]
        return np.clip(reached, 0.0, 1.0)


def growth_of(
    sizes: Sequence[int],
    values: Sequence[Sequence[float] | Floats],
    draws: Sequence[Floats],
    *,
    clusters: int,
    rng: np.random.Generator,
) -> Growth:
    """The figures of the trainings at each size (`values`), and the same under resampling of the
    test rows (`draws`, resamples × trainings). `rng` must be another than the one that drew those,
    and another for each strategy.

    Trainings differ by their seed and by the rows they were given. Drawing three of three shows
    two thirds of that variance, and one of one none of it, so it is pooled over the sizes and
    each resample gets a variance of its own (scaled inverse chi-square), for how little so few
    trainings tell of it. What of it comes from the test rows, on which trainings differ by luck,
    is in the rows' resampling already.
    """
    trainings = np.array([len(each) for each in values], dtype=float)
    means = np.array([np.mean(each) for each in values])
    freedom = int(trainings.sum()) - len(values)
    squares = sum(float(np.sum((np.asarray(each) - np.mean(each)) ** 2)) for each in values)
    spread = max(squares / freedom, LEAST_SPREAD**2) if freedom else LEAST_SPREAD**2
    rows = np.column_stack([each.mean(axis=1) for each in draws])
    apart = sum(
        float((each - each.mean(axis=1, keepdims=True)).var(axis=0).sum()) for each in draws
    )
    scale = np.full(len(rows), spread)
    if freedom:
        scale = spread * freedom / rng.chisquare(freedom, len(rows)) - apart / freedom
    scale = np.maximum(scale, LEAST_SPREAD**2)
    noise = rng.standard_normal(rows.shape) * np.sqrt(np.divide.outer(scale, trainings))
    return Growth(
        sizes=np.array(sizes, dtype=float),
        trainings=trainings,
        means=means,
        draws=rows + noise,
        spread=spread,
        freedom=freedom,
        clusters=clusters,
    )


def fitted(growth: Growth, quality: Floats) -> Laws:
    """The least-squares law of each line of `quality` (lines × sizes), a size weighing as many
    times as it was trained.

    For each exponent of a grid the rest is linear, with its bounds in closed form: where a would
    pass 1 it is 1, where b would be negative it is 0.
    """
    weights = growth.trainings / growth.trainings.sum()
    shapes = (growth.sizes / growth.sizes[-1]) ** -EXPONENTS[:, None]  # exponents × sizes
    middle = shapes @ weights
    around = shapes - middle[:, None]
    level = quality @ weights
    slope = -(quality @ (around * weights).T) / ((around**2) @ weights)  # lines × exponents
    b = np.maximum(slope, 0.0)
    a = level[:, None] + b * middle
    full = ((1 - quality) @ (shapes * weights).T) / ((shapes**2) @ weights)
    b = np.where(a > 1, np.maximum(full, 0.0), b)
    a = np.minimum(a, 1.0)
    laws = a[:, :, None] - b[:, :, None] * shapes
    off = ((quality[:, None, :] - laws) ** 2) @ growth.trainings
    best = off.argmin(axis=1)
    lines = np.arange(len(quality))
    return Laws(
        a[lines, best],
        b[lines, best],
        EXPONENTS[best],
        off[lines, best],
        float(growth.sizes[-1]),
    )


def law_of(growth: Growth) -> Laws:
    """The law of the points as they were measured."""
    return fitted(growth, growth.means[None, :])


def refusal(growth: Growth) -> str | None:
    """Why these points are not to be extrapolated, as half a sentence; None where they may be."""
    if len(growth.sizes) < FEWEST_SIZES:
        return (
            f"{FEWEST_SIZES} sizes of training data are needed, as any three points lie on some"
            f" curve, and {len(growth.sizes)} gave a result"
        )
    if growth.freedom < FEWEST_FREEDOM:
        return "too few sizes were trained more than once to tell gains from luck"
    rise = growth.draws[:, -1:] - growth.draws[:, :1]
    if bounds(rise, growth.clusters)[0][0] <= 0:
        return (
            "the score does not rise with the examples by more than noise: it may be at its"
            " height, or learning may not have begun"
        )
    if speeding_up(growth) > SPEEDS_UP:
        return "gains still speed up with the examples, so that where they end is open"
    left = len(growth.sizes) - 3
    off = float(law_of(growth).off[0]) / left
    if off > growth.spread * f_quantile(MISFIT, left, growth.freedom):
        return "the points lie off every curve that levels out"
    return None


def speeding_up(growth: Growth) -> float:
    """The share of resamples in which the last doubling brought more than those before it did on
    average: on every law it brings less."""
    doublings = np.log2(growth.sizes)
    q = growth.draws
    last = (q[:, -1] - q[:, -2]) / (doublings[-1] - doublings[-2])
    before = (q[:, -2] - q[:, 0]) / (doublings[-2] - doublings[0])
    return float(np.mean(last > before))
