"""Resampling whole clusters of rows: what intervals, tests and the odds of being best rest on.

Rows that share a group stand or fall together, so groups are drawn, not rows: on rows clustered
by source a bootstrap over rows is far too sure of itself. A row without a group is a cluster of
its own. Each row is a line of addable numbers (see `benchmarks.aggregates`); a resample is a
weighted sum of the clusters' lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Finish = Callable[[Floats], Floats]

RESAMPLES = 4_000
BLOCK = 500
"""Resamples drawn at once: bounds the memory at BLOCK × clusters numbers."""


def mean_sums(scores: Sequence[float] | Floats) -> Floats:
    """Scores as addable lines for `finish_mean`."""
    values = np.asarray(scores, dtype=float)
    return np.column_stack([values, np.ones_like(values)])


def finish_mean(totals: Floats) -> Floats:
    result: Floats = totals[:, 0] / np.maximum(totals[:, 1], np.finfo(float).tiny)
    return result


def cluster_sums(sums: Floats, groups: Sequence[str | None]) -> Floats:
    """The rows of each group added up, groups in order of first appearance."""
    place: dict[object, int] = {}
    index = [
        place.setdefault(("row", line) if group is None else ("group", group), len(place))
        for line, group in enumerate(groups)
    ]
    totals = np.zeros((len(place), sums.shape[1]))
    np.add.at(totals, index, sums)
    return totals


def is_flat(groups: Sequence[str | None]) -> bool:
    """Whether no group has more than one row."""
    named = [group for group in groups if group is not None]
    return len(named) == len(set(named))


def drawn_counts(rng: np.random.Generator, clusters: int) -> Iterator[Floats]:
    """Blocks of the classical bootstrap's weights: how often each cluster was drawn."""
    for _ in range(RESAMPLES // BLOCK):
        counts = rng.multinomial(clusters, np.full(clusters, 1 / clusters), size=BLOCK)
        yield counts.astype(float)


def dirichlet_weights(rng: np.random.Generator, clusters: int) -> Iterator[Floats]:
    """Blocks of the Bayesian bootstrap's weights (Rubin 1981): uniform on the simplex."""
    for _ in range(RESAMPLES // BLOCK):
        yield rng.dirichlet(np.ones(clusters), size=BLOCK)


def bounds(draws: Floats, clusters: int) -> tuple[float, float]:
    """The central 95% of resampled figures, widened for few clusters."""
    low, high = bounds_by_column(draws[:, None], clusters)
    return float(low[0]), float(high[0])


def bounds_by_column(draws: Floats, clusters: int) -> tuple[Floats, Floats]:
    """The lower and upper ends of each column, a figure each, over its rows, the resamples.

    The plain percentile interval is too narrow for small samples: it lacks the factor
    sqrt(n / (n - 1)) and takes the normal's tail for Student's. Expanded percentiles put both
    back (Hesterberg 2015, "What Teachers Should Know About the Bootstrap", section 5.3).
    """
    reach = stats.t.ppf(0.975, clusters - 1) * np.sqrt(clusters / (clusters - 1))
    tail = float(stats.norm.cdf(-reach))
    low, high = np.quantile(draws, [tail, 1 - tail], axis=0)
    return low, high


def resampled_figures(
    tables: Sequence[Floats], finish: Finish, *, seed: int, resamples: int = RESAMPLES
) -> Floats:
    """Figures of several tables (clusters × features, the same clusters in the same order) under
    the same draws of clusters, so that differences of columns are paired: resamples × tables."""
    rng = np.random.default_rng(seed)
    blocks = islice(drawn_counts(rng, len(tables[0])), resamples // BLOCK)
    return np.concatenate(
        [np.column_stack([finish(block @ table) for table in tables]) for block in blocks]
    )
