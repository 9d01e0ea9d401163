"""Worlds whose truth is known: scores drawn from normal numbers, alike by row and by group.

Every score is a function of one standard normal number, so its mean is known. The number is made
of parts: what all strategies share in a group of rows, what each has to itself there, what all
share in a row, what each has to itself everywhere (as a seed has), and the rest. So strategies
agree on hard rows and rows of a group stand or fall together, whatever the scores look like.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle

import numpy as np
from scipy import special, stats

from benchmarks.resampling import Floats

GRID = 4_001
ROWS_A_GROUP = 5
UNEVEN = (1, 1, 2, 3, 5, 8)
"""Sizes of groups that differ, over and over; the last one is cut where the rows end."""


@dataclass(frozen=True)
class Shape:
    """Scores as a function of a standard normal number, and their mean."""

    name: str
    mean: float
    of: Callable[[Floats], Floats]
    bounded: bool = True


def right(rate: float) -> Shape:
    """1 with this probability, else 0."""
    limit = float(special.ndtri(rate))
    return Shape(f"right {rate:g}", rate, lambda z: (z < limit).astype(float))


def mixed(name: str, zeros: float, ones: float, a: float, b: float) -> Shape:
    """Shares of 0 and of 1, and Beta(a, b) between them.

    The quantiles are read from a table, linear between its lines; so is the mean, exactly.
    """
    grid = np.linspace(0, 1, GRID)
    inner = np.clip((grid - zeros) / (1 - zeros - ones), 0, 1)
    scores = stats.beta.ppf(inner, a, b)
    mean = float(np.trapezoid(scores, grid))
    return Shape(name, mean, lambda z: np.interp(special.ndtr(z), grid, scores))


HALF_RIGHT = mixed("mixed", 0.25, 0.25, 2, 2)
BETTER = mixed("mixed, better", 0.15, 0.35, 2, 2)
NEARLY_RIGHT = mixed("nearly all right", 0.0, 0.9, 2, 2)
NEARLY_WRONG = mixed("nearly all wrong", 0.9, 0.0, 2, 2)
LOW = mixed("low", 0.0, 0.0, 1, 12)
NORMAL = Shape("normal", 3.0, lambda z: 3 + 2 * z, bounded=False)
SKEWED = Shape("exponential", 1.0, lambda z: -special.log_ndtr(-z), bounded=False)


@dataclass(frozen=True)
class Alike:
    """Shares of the variance of the normal numbers; the rest is every score's own. Groups have
    ROWS_A_GROUP rows each, or such sizes as UNEVEN."""

    group: float = 0.0
    group_own: float = 0.0
    row: float = 0.0
    run: float = 0.0
    uneven: bool = False

    @property
    def grouped(self) -> bool:
        return self.group + self.group_own > 0


def drawn(
    rng: np.random.Generator, shapes: tuple[Shape, ...], alike: Alike, *, rows: int, sets: int
) -> Floats:
    """Scores rows × sets × strategies."""
    width = len(shapes)
    rest = 1 - alike.group - alike.group_own - alike.row - alike.run
    z = np.sqrt(rest) * rng.standard_normal((rows, sets, width))
    if alike.row:
        z += np.sqrt(alike.row) * rng.standard_normal((rows, sets, 1))
    if alike.run:
        z += np.sqrt(alike.run) * rng.standard_normal((1, sets, width))
    sizes = sizes_of(alike, rows)
    for share, own in ((alike.group, 1), (alike.group_own, width)):
        if share:
            groups = rng.standard_normal((len(sizes), sets, own))
            z += np.sqrt(share) * np.repeat(groups, sizes, axis=0)
    return np.stack([shape.of(z[..., place]) for place, shape in enumerate(shapes)], axis=-1)


def sizes_of(alike: Alike, rows: int) -> list[int]:
    """Rows of each group, together `rows`."""
    sizes: list[int] = []
    for size in cycle(UNEVEN if alike.uneven else (ROWS_A_GROUP,)):
        left = rows - sum(sizes)
        if left == 0:
            return sizes
        sizes.append(min(size, left))
    raise AssertionError("a cycle has no end")


def groups_of(alike: Alike, rows: int) -> list[str | None]:
    if not alike.grouped:
        return [None] * rows
    sizes = sizes_of(alike, rows)
    return [f"g{place}" for place, size in enumerate(sizes) for _ in range(size)]
