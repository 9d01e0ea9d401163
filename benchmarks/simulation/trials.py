"""One cell simulated: how often the product's intervals hold the truth, and equals seem to differ.

Nothing here computes an interval: the functions that reports are made with are called, with many
data sets at once. A block of data sets shares the resampling weights of one seed, as all figures
of one report do; the next block has the next seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from benchmarks.families import at_once, critical_value, influences
from benchmarks.paired import Differences, compare_sets
from benchmarks.resampling import ALPHA, Floats, cluster_sums, finish_mean, mean_sums
from benchmarks.seeds import interval_over_seeds
from benchmarks.simulation.cells import Cell, Kind
from benchmarks.simulation.worlds import drawn, groups_of
from benchmarks.statistics import UNBOUNDED, UNIT, Limits, intervals

BLOCKS: dict[Kind, int] = {"score": 250, "difference": 250, "family": 50, "seeds": 250}
"""Data sets at a time: bounds the memory."""
HAIR = 1e-12
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Tally:
    """Counts of simulations: whose interval held the truth (all intervals of a family), and, of
    equal strategies, in which some pair was called different or had a p-value of 5% or less."""

    simulations: int
    covered: int
    different: int | None
    rejected: int | None


def simulate(cell: Cell, simulations: int) -> Tally:
    """The same cell gives the same tally; more simulations go on where fewer ended."""
    size = BLOCKS[cell.kind]
    counts = np.zeros(3, dtype=int)
    for block, start in enumerate(range(0, simulations, size)):
        rng = np.random.default_rng([crc32(cell.name.encode()), block])
        scores = drawn(rng, cell.shapes, cell.alike, rows=cell.rows, sets=size)
        scores = scores[:, : simulations - start]
        counts += [int(flags.sum()) for flags in TRIALS[cell.kind](cell, scores, block)]
    covered, different, rejected = (int(count) for count in counts)
    if not cell.equal:
        return Tally(simulations, covered, None, None)
    return Tally(simulations, covered, different, None if cell.kind == "family" else rejected)


def score_trials(cell: Cell, scores: Floats, seed: int) -> tuple[Flags, ...]:
    groups = groups_of(cell.alike, cell.rows)
    low, high = intervals(mean_sums(scores[..., 0]), groups, seed=seed, limits=limits_of(cell))
    covered = holds(low, high, cell.shapes[0].mean)
    return covered, np.zeros_like(covered), np.zeros_like(covered)


def difference_trials(cell: Cell, scores: Floats, seed: int) -> tuple[Flags, ...]:
    one, other = (mean_sums(scores[..., place]) for place in (0, 1))
    groups = groups_of(cell.alike, cell.rows)
    found = compare_sets(one, other, groups, seed=seed, limits=limits_of(cell))
    truth = cell.shapes[0].mean - cell.shapes[1].mean
    different = (found.low > 0) | (found.high < 0)
    return holds(found.low, found.high, truth), different, found.p_value <= ALPHA


def family_trials(cell: Cell, scores: Floats, seed: int) -> tuple[Flags, ...]:
    """All pairs of the strategies, as `benchmarks.pairs` compares them."""
    groups = groups_of(cell.alike, cell.rows)
    rows, sets, width = scores.shape
    first, second = np.array(list(combinations(range(width), 2))).T
    one, other = (scores[..., place].reshape(rows, -1) for place in (first, second))
    found = compare_sets(mean_sums(one), mean_sums(other), groups, seed=seed)
    found = Differences(*(each.reshape(sets, -1) for each in vars(found).values()))
    moved = influences(cluster_sums(mean_sums(scores), groups), finish_mean)
    critical = critical_value(moved[..., first] - moved[..., second], seed=seed)
    low, high = at_once(found, critical[:, None], len(moved))
    means = np.array([shape.mean for shape in cell.shapes])
    covered: Flags = np.all(holds(low, high, means[first] - means[second]), axis=1)
    different: Flags = np.any((low > 0) | (high < 0), axis=1)
    return covered, different, np.zeros_like(covered)


def seeds_trials(cell: Cell, scores: Floats, seed: int) -> tuple[Flags, ...]:
    groups = groups_of(cell.alike, cell.rows)
    ends = np.array([interval_over_seeds(each, groups) for each in scores.swapaxes(0, 1)])
    covered = holds(ends[:, 0], ends[:, 1], cell.shapes[0].mean)
    return covered, np.zeros_like(covered), np.zeros_like(covered)


def holds(low: Floats, high: Floats, truth: Floats | float) -> Flags:
    result: Flags = (low <= truth + HAIR) & (truth - HAIR <= high)
    return result


def limits_of(cell: Cell) -> Limits:
    return UNIT if cell.shapes[0].bounded else UNBOUNDED


TRIALS: dict[Kind, Callable[[Cell, Floats, int], tuple[Flags, ...]]] = {
    "score": score_trials,
    "difference": difference_trials,
    "family": family_trials,
    "seeds": seeds_trials,
}
