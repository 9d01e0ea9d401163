"""What more training examples would bring a strategy, and against which others. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.resampling import Floats, bounds
from benchmarks.results import PredictedGap, Prediction
from benchmarks.scaling import FARTHEST, WIDEST, Growth, fitted, growth_of, law_of, refusal

MORE = 500
"""Further examples asked about, beside as many again."""
STEPS = 60
OPEN = "the points leave too much open to say anything of use"


@dataclass(frozen=True)
class Sample:
    """Figures by id, as measured and as resampled over test rows, the same rows for all."""

    draws: Mapping[str, Floats]
    values: Mapping[str, float]
    clusters: int


@dataclass(frozen=True)
class Fit:
    """What is expected of one curve on a `grid` of numbers of examples, from all at hand on.

    `draws` are resamples × numbers; `sure` says where the interval is narrow enough to be told.
    """

    growth: Growth
    refused: str | None
    grid: Floats
    expected: Floats
    draws: Floats
    sure: NDArray[np.bool_]

    @property
    def places(self) -> list[int]:
        """Of the numbers asked about, those of which something can be told."""
        places = [int(np.flatnonzero(self.grid == n)[0]) for n in targets(int(self.grid[0]))]
        return [at for at in places if self.sure[at]]


@dataclass(frozen=True)
class Gap:
    """A difference on the grid with the ends of its interval."""

    value: Floats
    low: Floats
    high: Floats

    def at(self, fit: Fit) -> Iterator[tuple[int, float, float, float]]:
        """The number of examples asked about, and the three figures there."""
        for at in fit.places:
            value, low, high = self.value[at], self.low[at], self.high[at]
            yield int(fit.grid[at]), float(value), float(low), float(high)


def targets(n_train: int) -> list[int]:
    """The numbers of examples that are asked about."""
    return sorted(n for n in {2 * n_train, n_train + MORE} if n <= FARTHEST * n_train)


def ends(value: Floats, draws: Floats, clusters: int) -> tuple[Floats, Floats]:
    """The 95% interval of each column around its value."""
    low, high = bounds(draws, clusters)
    return np.minimum(low, value), np.maximum(high, value)


def fit_of(trainings: Mapping[int, Sequence[str]], sample: Sample, rng: np.random.Generator) -> Fit:
    """The curve through `trainings`, ids by their number of examples, smallest number first."""
    growth = growth_of(
        list(trainings),
        [[sample.values[name] for name in names] for names in trainings.values()],
        [np.column_stack([sample.draws[name] for name in names]) for names in trainings.values()],
        clusters=sample.clusters,
        rng=rng,
    )
    most = int(growth.sizes[-1])
    grid = np.union1d(np.geomspace(most, FARTHEST * most, STEPS).round(), targets(most))
    expected = law_of(growth).at(grid)[0]
    draws = fitted(growth, growth.draws).at(grid)
    low, high = ends(expected, draws, sample.clusters)
    fit = Fit(growth, refusal(growth), grid, expected, draws, high - low <= WIDEST)
    return fit if fit.refused or fit.places else replace(fit, refused=OPEN)


def forecast(
    name: str, fits: Mapping[str, Fit], sample: Sample, others: Sequence[str], margin: float
) -> dict[str, Any]:
    """The fields of `results.LearningCurve` that tell of more examples; empty where its fit is
    refused. `others` are strategies without a curve."""
    fit = fits[name]
    if fit.refused is not None:
        return {}
    found = {other: gap_over(other, name, fits, sample) for other in (*fits, *others)}
    gaps = {other: gap for other, gap in found.items() if gap is not None}
    quality = Gap(fit.expected, *ends(fit.expected, fit.draws, sample.clusters))
    wins = {other: first_win(fit, gap, margin) for other, gap in gaps.items() if other != name}
    return {
        "predictions": tuple(
            Prediction(n=n, quality=value, low=low, high=high)
            for n, value, low, high in quality.at(fit)
        ),
        "gaps": tuple(
            PredictedGap(other=other, n=n, difference=value, low=low, high=high)
            for other, gap in gaps.items()
            for n, value, low, high in gap.at(fit)
        ),
        "overtakes": {other: n for other, n in wins.items() if n > fit.grid[0]},
    }


def gap_over(other: str, name: str, fits: Mapping[str, Fit], sample: Sample) -> Gap | None:
    """Expected quality minus that of another strategy, or minus its own as measured; None where
    nothing can be expected of the other."""
    fit = fits[name]
    if other == name or other not in fits:
        value, draws = np.array([sample.values[other]]), sample.draws[other][:, None]
    elif fits[other].refused is None:
        value, draws = fits[other].expected, fits[other].draws
    else:
        return None
    difference = fit.expected - value
    return Gap(difference, *ends(difference, fit.draws - draws, sample.clusters))


def first_win(fit: Fit, gap: Gap, margin: float) -> int:
    """The fewest examples with which the gap is more than the margin and its interval above 0;
    0 where no number on the grid is enough."""
    wins = np.flatnonzero((gap.value > margin) & (gap.low > 0) & fit.sure)
    return int(fit.grid[wins[0]]) if len(wins) else 0
