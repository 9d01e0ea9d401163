"""From scores of rows to one figure, in a form that can be resampled.

An aggregate turns each row into numbers that may be added up (`sums`), and added-up numbers into
the figure (`finish`). So a resample is a weighted sum, and thousands are one matrix product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.records import OutcomeRecord

Floats = NDArray[np.float64]


class Aggregate(Protocol):
    """How the rows of one strategy become one figure."""

    def sums(self, rows: Sequence[OutcomeRecord]) -> Floats:
        """One line of addable numbers a row: shape rows × features."""
        ...

    def finish(self, totals: Floats) -> Floats:
        """Figures from totals, along the last axis: resamples × features to resamples, say."""
        ...


@dataclass(frozen=True)
class Mean:
    """The mean of a metric over rows."""

    metric: str

    def sums(self, rows: Sequence[OutcomeRecord]) -> Floats:
        return np.array([[row.scores[self.metric], 1.0] for row in rows]).reshape(-1, 2)

    def finish(self, totals: Floats) -> Floats:
        return ratio(totals[..., 0], totals[..., 1])


@dataclass(frozen=True)
class MacroF1:
    """F1 of each label, averaged over the labels that are expected or predicted at all.

    An answer that is no label counts against its expected label only. Features are the true
    positives, false positives and false negatives of each label, in this order.
    """

    metric: str
    labels: tuple[str, ...]

    def sums(self, rows: Sequence[OutcomeRecord]) -> Floats:
        place = {label: column for column, label in enumerate(self.labels)}
        size = len(self.labels)
        table = np.zeros((len(rows), 3 * size))
        for line, row in enumerate(rows):
            wanted, said = place.get(row.expected or ""), place.get(row.predicted or "")
            if row.scores[self.metric] == 1.0:
                said = wanted
            if wanted is not None and wanted == said:
                table[line, wanted] = 1
                continue
            if said is not None:
                table[line, size + said] = 1
            if wanted is not None:
                table[line, 2 * size + wanted] = 1
        return table

    def finish(self, totals: Floats) -> Floats:
        right, wrong, missed = np.split(totals, 3, axis=-1)
        seen = (right + wrong + missed) > 0
        per_label = ratio(2 * right, 2 * right + wrong + missed)
        return ratio((per_label * seen).sum(axis=-1), seen.sum(axis=-1).astype(float))


def ratio(part: Floats, whole: Floats) -> Floats:
    """Element by element, 0 where the whole is 0."""
    result: Floats = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    return result
