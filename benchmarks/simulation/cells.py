"""What is simulated: kinds of figures, shapes of scores and numbers of rows, each pair a cell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from benchmarks.simulation.worlds import (
    BETTER,
    HALF_RIGHT,
    LOW,
    NEARLY_RIGHT,
    NEARLY_WRONG,
    NORMAL,
    SKEWED,
    Alike,
    Shape,
    right,
)

Case = tuple[tuple[Shape, ...], Alike]
Kind = Literal["score", "difference", "family", "seeds"]
ROWS = (50, 100, 200, 500)
QUICK_ROWS = (50, 200)
FAMILY = 10
SEEDS = 3
ALONE = Alike()
GROUPED = Alike(group=0.3)
UNEVEN = Alike(group=0.3, uneven=True)
PAIRED = Alike(row=0.5)
PAIRED_GROUPED = Alike(group=0.15, group_own=0.15, row=0.3)
PAIRED_UNEVEN = Alike(group=0.15, group_own=0.15, row=0.3, uneven=True)
SEEDED = Alike(row=0.6, run=0.03)
SEEDED_GROUPED = Alike(group=0.3, row=0.3, run=0.03)


@dataclass(frozen=True)
class Cell:
    """One line of the table. `shapes` are those of the strategies (of all seeds, the one)."""

    kind: Kind
    shapes: tuple[Shape, ...]
    alike: Alike
    rows: int

    @property
    def equal(self) -> bool:
        """Whether the strategies are all the same, so that to call any two different is wrong."""
        return self.kind in ("difference", "family") and len({s.name for s in self.shapes}) == 1

    @property
    def what(self) -> str:
        names = list(dict.fromkeys(shape.name for shape in self.shapes))
        told = names[0]
        if self.kind == "difference":
            told = f"{names[0]} against {names[-1]}"
        elif len(names) > 1:
            told = f"{names[0]} to {names[-1].removeprefix('right ')}"
        if self.alike.grouped:
            told += ", in uneven groups" if self.alike.uneven else ", in groups"
        return told

    @property
    def name(self) -> str:
        return f"{self.kind}: {self.what}, {self.rows} rows"


def cells(*, quick: bool) -> list[Cell]:
    """All of them, those that take longest first."""
    sizes = QUICK_ROWS if quick else ROWS
    return [
        Cell(kind, shapes, alike, rows)
        for kind, of_kind in CASES.items()
        for rows in sorted(sizes, reverse=True)
        for shapes, alike in of_kind()
    ]


def scores() -> Iterator[Case]:
    for rate in (0.5, 0.1, 0.9, 0.02, 0.98):
        yield (right(rate),), ALONE
        yield (right(rate),), GROUPED
    for shape in (HALF_RIGHT, NEARLY_RIGHT, NEARLY_WRONG, LOW):
        yield (shape,), ALONE
    for shape in (HALF_RIGHT, NEARLY_RIGHT):
        yield (shape,), GROUPED
    for shape in (NORMAL, SKEWED):
        yield (shape,), ALONE
    for shape in (right(0.5), right(0.9), HALF_RIGHT, NEARLY_RIGHT):
        yield (shape,), UNEVEN


def differences() -> Iterator[Case]:
    for rate in (0.5, 0.9, 0.98):
        yield (right(rate), right(rate)), PAIRED
    for one, other in ((0.6, 0.5), (0.9, 0.8), (0.98, 0.94)):
        yield (right(one), right(other)), PAIRED
    for shape in (HALF_RIGHT, NEARLY_RIGHT, SKEWED, NORMAL):
        yield (shape, shape), PAIRED
    for alike in (PAIRED, PAIRED_GROUPED):
        yield (BETTER, HALF_RIGHT), alike
    for rate in (0.5, 0.9):
        yield (right(rate), right(rate)), PAIRED_GROUPED
    yield (HALF_RIGHT, HALF_RIGHT), PAIRED_GROUPED
    yield (right(0.9), right(0.8)), PAIRED_GROUPED
    for pair in ((right(0.9), right(0.9)), (HALF_RIGHT, HALF_RIGHT), (BETTER, HALF_RIGHT)):
        yield pair, PAIRED_UNEVEN


def families() -> Iterator[Case]:
    for rate in (0.5, 0.9, 0.98):
        yield (right(rate),) * FAMILY, PAIRED
    for lowest in (0.3, 0.5):
        yield tuple(right(lowest + 0.05 * place) for place in range(FAMILY)), PAIRED
    for alike in (PAIRED_GROUPED, PAIRED_UNEVEN):
        yield (HALF_RIGHT,) * FAMILY, alike


def seeds() -> Iterator[Case]:
    for shape in (right(0.9), HALF_RIGHT):
        yield (shape,) * SEEDS, SEEDED
        yield (shape,) * SEEDS, SEEDED_GROUPED


CASES: dict[Kind, Callable[[], Iterator[Case]]] = {
    "family": families,
    "difference": differences,
    "seeds": seeds,
    "score": scores,
}
