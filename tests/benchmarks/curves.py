"""Learning curves of known truth, drawn down to the test row: for tests of what is made of them."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from benchmarks.resampling import finish_mean, mean_sums, resampled_figures
from benchmarks.scaling import growth_of

SHARES, TRAININGS = (0.1, 0.25, 0.5, 1.0), (3, 3, 2, 1)
ALIKE = 0.6
"""How much of what makes a row hard is the same for every training."""


@dataclass(frozen=True)
class Truth:
    """a - b × (n / largest)^-c, and the standard deviation between trainings."""

    a: float
    b: float
    c: float
    largest: int
    spread: float

    def at(self, n):
        return self.a - self.b * (n / self.largest) ** -self.c


def some_truth(rng):
    """Curves as tasks give them: from a tenth of the examples to all, the score rises by 5 to
    60 points."""
    a, c = rng.uniform(0.45, 0.98), rng.uniform(0.2, 1.2)
    rise = rng.uniform(0.05, 0.6) * a
    b = rise / (10**c - 1)
    truth = Truth(a, b, c, int(rng.choice([100, 200, 400, 1000])), rng.uniform(0.005, 0.03))
    return truth if truth.at(0.1 * truth.largest) > 0.02 else some_truth(rng)


def scores_of(quality, hardness, spread, rng):
    """0 or 1 for each test row of one training."""
    reached = np.clip(quality + spread * rng.standard_normal(), 0.001, 0.999)
    luck = rng.standard_normal(len(hardness))
    mixed = np.sqrt(ALIKE) * hardness + np.sqrt(1 - ALIKE) * luck
    return (mixed < stats.norm.ppf(reached)).astype(float)


def measured(at, largest, spread, rng, *, rows=200, resamples=500):
    """The growth that a run would see: `at` gives the true quality with so many examples."""
    hardness = rng.standard_normal(rows)
    sizes = [round(share * largest) for share in SHARES]
    scores = [
        [scores_of(at(n), hardness, spread, rng) for _ in range(trainings)]
        for n, trainings in zip(sizes, TRAININGS, strict=True)
    ]
    flat = [mean_sums(each) for trainings in scores for each in trainings]
    drawn = resampled_figures(flat, finish_mean, seed=int(rng.integers(2**31)), resamples=resamples)
    ends = np.cumsum(TRAININGS)
    return growth_of(
        sizes,
        [[each.mean() for each in trainings] for trainings in scores],
        [drawn[:, end - n : end] for n, end in zip(TRAININGS, ends, strict=True)],
        clusters=rows,
        rng=rng,
    )
