"""What tasks measured whole say of strategies on a task not yet measured. Pure.

Qualities measured, their noise, and the effects of `spread` make one normal distribution; what is
believed of a new task is that distribution given the measured ones. How certain the average of a
strategy is, or a strategy's on a kind of which there were two tasks, is thereby in the belief.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from scipy import optimize

from benchmarks.belief.angles import MIDDLE, slope_at, to_angle
from benchmarks.belief.belief import Belief
from benchmarks.belief.measured import Measured, MeasuredQuality
from benchmarks.belief.spread import LEVEL, PARTS, Spread, alike, parts_of
from benchmarks.records import StrategyFacts
from benchmarks.resampling import Floats
from corpora.task import Kind
from strategies.cascade import Cascade

UNSURE = 0.7
"""How far a variance may be from its guess before any task is seen: standard deviation of its
logarithm, so by a factor of two, or of four at times."""
LEAST_NOISE = 0.2
"""No mean is taken as surer than this share of the noise of as many right and wrong rows: where
all rows score the same, their spread says nothing."""
WEIGHT_OF_ONE = 20
"""Measured qualities that the belief in the model's own spread is worth."""


@dataclass(frozen=True)
class Table:
    """Measured angles, one row a task and strategy, with the covariance of their noise."""

    strategies: list[StrategyFacts]
    tasks: list[str]
    sources: list[str]
    kinds: list[Kind]
    angles: Floats
    noise: Floats


def noise_of(quality: MeasuredQuality) -> float:
    """Standard deviation of a measured quality on the scale of angles."""
    error = quality.error * float(slope_at(quality.value))
    return max(error, LEAST_NOISE / 2 / sqrt(quality.n))


def table_of(tasks: Sequence[Measured]) -> Table:
    """Without cascades, which follow what their parts reach."""
    rows = [
        (task, strategy, task.qualities[strategy.id])
        for task in tasks
        for strategy in task.strategies
        if strategy.id in task.qualities and strategy.name != Cascade.name
    ]
    names = [task.name for task, _, _ in rows]
    deviations = np.array([noise_of(quality) for _, _, quality in rows])
    shared = alike(names, names) * np.array([task.alike for task, _, _ in rows])[:, None]
    np.fill_diagonal(shared, 1.0)
    return Table(
        strategies=[strategy for _, strategy, _ in rows],
        tasks=names,
        sources=[task.source for task, _, _ in rows],
        kinds=[task.kind for task, _, _ in rows],
        angles=np.array([float(to_angle(quality.value)) for _, _, quality in rows]),
        noise=shared * np.outer(deviations, deviations),
    )


@dataclass(frozen=True)
class Sharing:
    """What the rows of a table have in common, which the variances weigh: parts × rows × rows,
    and twice rows × rows."""

    parts: Floats
    same_kind: Floats
    same_task: Floats

    def levels(self, over_all: float, over_kind: float) -> Floats:
        return over_all + over_kind * self.same_kind + self.same_task


def sharing_of(table: Table) -> Sharing:
    return Sharing(
        parts=parts_of(table.strategies, table.strategies),
        same_kind=alike(table.kinds, table.kinds),
        same_task=alike(table.tasks, table.tasks),
    )


def covariance_of(table: Table, spread: Spread) -> Floats:
    """Of all measured angles, their noise included."""
    sharing = sharing_of(table)
    shared = np.tensordot(spread.variances, sharing.parts, axes=1)
    levels = sharing.levels(spread.over_all, spread.over_kind)
    total: Floats = levels * shared + LEVEL**2 + table.noise
    return total


def fitted_spread(table: Table) -> Spread:
    """The most probable variances given the measured angles and the guesses."""
    if not len(table.angles):
        return Spread()
    guess, sharing, off = logarithms(Spread()), sharing_of(table), table.angles - MIDDLE

    def lost(logs: Floats) -> tuple[float, Floats]:
        values = np.exp(logs)
        shared = np.tensordot(values[:-2], sharing.parts, axes=1)
        levels = sharing.levels(*values[-2:])
        inverse, determinant = inverted(levels * shared + LEVEL**2 + table.noise)
        pulled = inverse @ off
        slopes = (inverse - np.outer(pulled, pulled)) / 2
        by_part = np.tensordot(sharing.parts, slopes * levels, axes=2)
        by_level = [(slopes * shared).sum(), (slopes * shared * sharing.same_kind).sum()]
        away = (logs - guess) / UNSURE
        value = (off @ pulled + determinant + away @ away) / 2
        return float(value), np.concatenate([by_part, by_level]) * values + away / UNSURE

    found = optimize.minimize(
        lost, guess, jac=True, method="L-BFGS-B", options={"maxiter": 60, "ftol": 1e-7}
    )
    return spread_of(found.x)


def inverted(matrix: Floats) -> tuple[Floats, float]:
    """The inverse of a covariance, and the logarithm of its determinant."""
    lower = np.linalg.cholesky(matrix)
    half = np.linalg.solve(lower, np.eye(len(matrix)))
    return half.T @ half, 2 * float(np.log(np.diag(lower)).sum())


def logarithms(spread: Spread) -> Floats:
    ratios = [log(spread.over_all), log(spread.over_kind)]
    return np.concatenate([np.log(spread.variances), ratios])


def spread_of(logs: Floats) -> Spread:
    deviations = dict(zip(PARTS, np.exp(logs[:-2] / 2).tolist(), strict=True))
    return Spread(**deviations, over_all=float(np.exp(logs[-2])), over_kind=float(np.exp(logs[-1])))


def doubt_of(table: Table, spread: Spread) -> float:
    """By how much the covariance of a new task is to be multiplied, 1 or more.

    Each source in turn is foretold from all others. Misses larger than the covariance says, by
    the mean square of their standardised size, are laid to the model; few of them to chance.
    """
    if not len(table.angles):
        return 1.0
    inverse, _ = inverted(covariance_of(table, spread))
    pulled = inverse @ (table.angles - MIDDLE)
    squares = 0.0
    for source in dict.fromkeys(table.sources):
        rows = [place for place, each in enumerate(table.sources) if each == source]
        squares += float(pulled[rows] @ np.linalg.solve(inverse[np.ix_(rows, rows)], pulled[rows]))
    count = len(table.angles)
    return max(1.0, (WEIGHT_OF_ONE + squares) / (WEIGHT_OF_ONE + count))


@dataclass(frozen=True)
class History:
    """A table with what is needed to foretell from it: the Cholesky factor of its covariance and
    the angles, from the middle on, divided by it."""

    table: Table
    spread: Spread
    doubt: float
    factor: Floats
    divided: Floats

    def belief(self, kind: Kind, strategies: Sequence[StrategyFacts]) -> Belief:
        """Of a task of that kind that is none of the table's."""
        spread, table = self.spread, self.table
        own = np.tensordot(spread.variances, parts_of(strategies, strategies), axes=1)
        across = np.tensordot(spread.variances, parts_of(strategies, table.strategies), axes=1)
        levels = spread.over_all + spread.over_kind * alike([kind], table.kinds)
        half = np.linalg.solve(self.factor, (levels * across + LEVEL**2).T)
        mean = MIDDLE + half.T @ self.divided
        whole = (spread.over_all + spread.over_kind + 1) * own + LEVEL**2
        return Belief(tuple(s.id for s in strategies), mean, self.doubt * (whole - half.T @ half))


def history_of(table: Table, spread: Spread, doubt: float) -> History:
    factor = np.linalg.cholesky(covariance_of(table, spread))
    divided = np.linalg.solve(factor, table.angles - MIDDLE)
    return History(table, spread, doubt, np.asarray(factor), np.asarray(divided))
