"""Resampling whole clusters of rows: what intervals, tests and the odds of being best rest on.

Rows that share a group stand or fall together, so groups are drawn, not rows: on rows clustered
by source a bootstrap over rows is far too sure of itself. A row without a group is a cluster of
its own. Each row is a line of addable numbers (see `benchmarks.aggregates`); a resample is a
weighted sum of the clusters' lines.

Between rows and numbers there may be further axes, data sets that share their groups say: one
draw of weights then serves them all, which is how `benchmarks.simulation` can afford to hold the
very functions of the product against thousands of known truths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from benchmarks.distributions import normal_cdf, student_quantile

Floats = NDArray[np.float64]
Finish = Callable[[Floats], Floats]
"""From totals to figures, along the last axis."""
Groups = Sequence[str | None]

ALPHA = 0.05
RESAMPLES = 4_000
BLOCK = 500
"""Resamples drawn at once: bounds the memory at BLOCK × clusters numbers."""


def mean_sums(scores: Sequence[float] | Floats) -> Floats:
    """Scores as addable lines for `finish_mean`: one more axis, behind the others."""
    values = np.asarray(scores, dtype=float)
    return np.stack([values, np.ones_like(values)], axis=-1)


def finish_mean(totals: Floats) -> Floats:
    result: Floats = totals[..., 0] / np.maximum(totals[..., 1], np.finfo(float).tiny)
    return result


def cluster_keys(groups: Groups) -> list[int]:
    """The cluster of each row, numbered in order of first appearance."""
    place: dict[object, int] = {}
    return [
        place.setdefault(("row", line) if group is None else ("group", group), len(place))
        for line, group in enumerate(groups)
    ]


def cluster_sums(sums: Floats, groups: Groups) -> Floats:
    """The rows of each group added up, groups in order of first appearance."""
    index = cluster_keys(groups)
    totals = np.zeros((max(index, default=-1) + 1, *sums.shape[1:]))
    np.add.at(totals, index, sums)
    return totals


def is_flat(groups: Groups) -> bool:
    """Whether no group has more than one row."""
    named = [group for group in groups if group is not None]
    return len(named) == len(set(named))


def weighed(weights: Floats, clusters: Floats) -> Floats:
    """Totals of resamples: resamples × clusters and clusters × ... to resamples × ..."""
    result: Floats = np.tensordot(weights, clusters, axes=1)
    return result


def drawn_counts(rng: np.random.Generator, clusters: int) -> Iterator[Floats]:
    """Blocks of the classical bootstrap's weights: how often each cluster was drawn."""
    for _ in range(RESAMPLES // BLOCK):
        counts = rng.multinomial(clusters, np.full(clusters, 1 / clusters), size=BLOCK)
        yield counts.astype(float)


def dirichlet_weights(rng: np.random.Generator, shares: Floats) -> Iterator[Floats]:
    """Blocks of the Bayesian bootstrap's weights (Rubin 1981), `shares` rows to each line."""
    for _ in range(RESAMPLES // BLOCK):
        yield rng.dirichlet(shares, size=BLOCK)


def bounds(draws: Floats, clusters: int) -> tuple[Floats, Floats]:
    """The central 95% of resampled figures (along the first axis), widened for few clusters.

    The plain percentile interval is too narrow for small samples: it lacks the factor
    sqrt(n / (n - 1)) and takes the normal's tail for Student's. Expanded percentiles put both
    back (Hesterberg 2015, "What Teachers Should Know About the Bootstrap", section 5.3).
    """
    reach = student_quantile(1 - ALPHA / 2, clusters - 1) * np.sqrt(clusters / (clusters - 1))
    tail = float(normal_cdf(-reach))
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
