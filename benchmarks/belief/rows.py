"""Answered validation rows as an observation: unbiased, and noisy together. Pure.

Strategies answer the same rows, so a hard sample is hard for all, and it is the differences by
row that decide between two. The noise of their mean scores is therefore correlated, as far as
their scores by row are. Macro-F1 is no mean over rows; `macro` says what rows tell of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, sqrt
from statistics import fmean

import numpy as np
from pydantic import Field

from benchmarks.belief.angles import measured_angle
from benchmarks.belief.belief import Observation
from benchmarks.belief.macro import (
    NONE_EXPECTED,
    Expected,
    enough_of,
    extra_of,
    gap_at,
    macro_score,
)
from benchmarks.belief.measured import USUAL
from benchmarks.evidence.finding import Action, Finding
from benchmarks.resampling import Floats
from corpora.task import Frozen

ROWS_OF_USUAL = 4
"""Rows that the usual correlation is worth. Two strategies that agreed on all of 60 rows then
still may differ by about one row, either way."""
ROWS_OF_WIDEST = 4
"""Rows, as far apart as right and wrong, that the spread of scores starts from."""


class Drift(Frozen):
    """How far a quality on validation rows may be from that on test rows beyond sampling, as
    standard deviations on the scale of angles: of all strategies together, and of each. Guesses
    until fitted."""

    shared: float = Field(default=0.03, gt=0)
    own: float = Field(default=0.02, gt=0)


@dataclass(frozen=True)
class Answered:
    """A strategy's validation rows: the mean score, their number, and by id where known. `ratio`
    is the variance of scores beside that of as many right and wrong rows of that mean. `enough`
    are the rows from which on the score is the metric itself; of fewer it is what is nearest."""

    score: float
    rows: int
    ratio: float
    by_row: Mapping[str, float]
    enough: int = 0

    @property
    def deviation(self) -> float:
        """Sampling noise on the scale of angles, and what few rows leave open beside it."""
        return sqrt(self.ratio / (4 * self.rows + 2) + gap_at(self.rows, self.enough) ** 2)


def answered(
    findings: Iterable[Finding], ids: Sequence[str], expected: Expected = NONE_EXPECTED
) -> dict[str, Answered]:
    """Of each strategy the finding with the most rows, the later of equals."""
    found: dict[str, Answered] = {}
    for finding in findings:
        id, one = finding.action.strategy, answered_in(finding, expected)
        if id is None or id not in ids or one is None:
            continue
        if one.rows >= (found[id].rows if id in found else 0):
            found[id] = one
    return {id: found[id] for id in ids if id in found}


def answered_in(finding: Finding, expected: Expected = NONE_EXPECTED) -> Answered | None:
    """None where it is no finding of rows, or holds no score. With right labels `expected` of the
    rows the metric is macro-F1."""
    if finding.action.deed != "rows" or finding.trouble:
        return None
    scores = list(finding.scores.values())
    if not scores and "score" not in finding.figures:
        return None
    score = finding.figures.get("score", fmean(scores) if scores else 0.0)
    rows = len(scores) or finding.action.rows
    if rows < 1:
        return None
    macro = macro_score(finding, expected) if expected else None
    if macro is not None:
        ratio = ratio_of(macro.value, macro.variance * rows**2, rows, most=inf, extra=macro.extra)
        return Answered(macro.value, rows, ratio, finding.scores, macro.enough)
    spread = finding.figures.get("sd_score", 0.0) ** 2 * rows
    if scores:
        spread = float(np.var(scores)) * len(scores)
    return Answered(
        score, rows, ratio_of(fmean(scores) if scores else score, spread, rows), finding.scores
    )


def ratio_of(
    mean: float, squares: float, rows: int, *, most: float = 1.0, extra: float = 1.0
) -> float:
    """Of the sum of squared deviations to that of right and wrong rows: 1 for those, less for
    graded scores, and near 1 (or `extra`) for few rows."""
    inside = (mean * rows + 1) / (rows + 2)
    first = ROWS_OF_WIDEST * inside * (1 - inside)
    return min(most, (squares + extra * first) / (rows * mean * (1 - mean) + first))


def correlation(one: Answered, other: Answered) -> float:
    """Of the scores by row, from the rows that both answered, drawn to the usual one."""
    both = [id for id in one.by_row if id in other.by_row]
    a, b = (np.array([each.by_row[id] for id in both]) for each in (one, other))
    if len(both) < 2 or a.std() == 0 or b.std() == 0:
        # rows that all score alike tell of no correlation, save that of two that are the same
        same = len(both) if len(both) and np.array_equal(a, b) else 0
        return (same + ROWS_OF_USUAL * USUAL) / (same + ROWS_OF_USUAL)
    seen = float(np.corrcoef(a, b)[0, 1])
    return (len(both) * seen + ROWS_OF_USUAL * USUAL) / (len(both) + ROWS_OF_USUAL)


def overlap(one: Answered, other: Answered) -> float:
    """How much of their noise two samples can share: 1 for the same rows. Of rows not known by id
    the smaller sample is taken to lie in the larger one."""
    both = min(one.rows, other.rows)
    if all(len(each.by_row) == each.rows for each in (one, other)):
        both = sum(id in other.by_row for id in one.by_row)
    return both / sqrt(one.rows * other.rows)


def sampling_noise(seen: Sequence[Answered]) -> Floats:
    """Covariance of the mean scores' noise on the scale of angles."""
    shared = np.eye(len(seen))
    for i, one in enumerate(seen):
        for j, other in enumerate(seen[:i]):
            shared[i, j] = shared[j, i] = correlation(one, other) * overlap(one, other)
    values, vectors = np.linalg.eigh(shared)
    # correlations of pairs, each from its own rows, may contradict each other a little
    shared = vectors * np.maximum(values, 1e-3) @ vectors.T
    deviations = np.array([one.deviation for one in seen])
    return np.asarray(shared * np.outer(deviations, deviations))


def rows_observation(seen: Mapping[str, Answered], drift: Drift) -> Observation | None:
    """What all answered rows say together; None without any."""
    if not seen:
        return None
    count = len(seen)
    values = [measured_angle(one.score, one.rows / one.ratio) for one in seen.values()]
    noise = sampling_noise(list(seen.values()))
    noise += drift.shared**2 * np.ones((count, count)) + drift.own**2 * np.eye(count)
    return Observation(tuple(seen), np.eye(count), np.array(values), noise)


def with_more(
    seen: Mapping[str, Answered], action: Action, expected: Expected = NONE_EXPECTED
) -> dict[str, Answered]:
    """As it would be once `action` had answered rows, of whose scores only the spread counts."""
    id = action.strategy
    before = seen.get(id) if id else None
    if id is None or action.rows <= (before.rows if before else 0):
        return dict(seen)
    ratios = [one.ratio for one in ([before] if before else seen.values())]
    known = before.by_row if before else {}
    score = before.score if before else 0.5
    ratio = fmean(ratios) if ratios else extra_of(expected)
    more = Answered(score, action.rows, ratio, known, enough_of(expected))
    return {**seen, id: more}
