"""Answered rows where the metric is macro-F1, which is no mean over rows. Pure.

Few rows tell it too low where there are many labels: one that came once is right or wrong as a
whole, and one that was said once by mistake counts as much as any. And its noise is that of the
rarest labels. So from some rows a label on it is read as it is, with the jackknife's deviation
(Tukey 1958). Of fewer rows the share of right ones is read, all labels weighed alike: it has no
such bias, and is about the same where the mistakes of labels balance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from benchmarks.aggregates import MacroF1
from benchmarks.evidence.finding import Action, Chain, Finding
from benchmarks.evidence.rows import rows_of
from benchmarks.resampling import Floats
from corpora.task import Dataset

Places = NDArray[np.intp]
METRIC = "macro_f1"
NO_LABEL = -1
"""The place of an answer that is no label."""
ENOUGH = 8
"""Rows a label from which on macro-F1 itself is read, were labels equally frequent."""
GAP = 0.05
"""Standard deviation, as an angle, of macro-F1 around what is read of fewer rows."""
Expected = Mapping[str, str]
"""The right label of each row that may judge, by id; empty where the metric is a mean over
rows."""
NONE_EXPECTED: Expected = {}


@dataclass(frozen=True)
class MacroScore:
    """What rows say of macro-F1, 0 to 1, with its variance by their luck. From `enough` rows on it
    is macro-F1 itself. It takes `extra` times the rows to see as many of the rare labels as there
    would be were all equally frequent."""

    value: float
    variance: float
    enough: int
    extra: float


def expected_of(dataset: Dataset, seed: int) -> Expected:
    """Of the rows that judge; nothing where each row's score is its share of the figure."""
    if dataset.task.metric != METRIC:
        return {}
    judges = rows_of(dataset.train, dataset.validation, seed).judges
    return {row.id: row.output for row in judges}


def extra_of(expected: Expected) -> float:
    """Times the rows that show as much of the rare labels as there would be were all equally
    frequent: the variance of a mean that weighs all labels alike beside that over rows (Kish 1965).
    1 where no right labels are expected."""
    counts = Counter(expected.values())
    each = [len(expected) / count for count in counts.values()]
    return fmean(each) / len(counts) if each else 1.0


def enough_of(expected: Expected) -> int:
    """Rows from which on macro-F1 itself is read; 0 where no right labels are expected."""
    return ceil(ENOUGH * len(set(expected.values())) * extra_of(expected))


def gap_at(rows: int, enough: int) -> float:
    """How far what is read of so many rows may be from macro-F1 beside their luck."""
    return GAP if rows < enough else 0.0


def macro_score(finding: Finding, expected: Expected) -> MacroScore | None:
    """None where some row's right label is not known."""
    wanted = [expected[row] for row in finding.scores if row in expected]
    if not wanted or len(wanted) < len(finding.scores):
        return None
    counts, extra = Counter(expected.values()), extra_of(expected)
    scores, count = np.array([*finding.scores.values()]), len(wanted)
    enough = enough_of(expected)
    if count < enough:
        weights = 1 / np.array([counts[label] for label in wanted])
        value = float(weights @ scores / weights.sum())
        return MacroScore(value, weighed(value, extra, count), enough, extra)
    said = [finding.labels.get(row) for row in finding.scores]
    place = {label: at for at, label in enumerate(dict.fromkeys([*wanted, *said]))}
    codes = np.array([place[label] for label in wanted])
    told = np.array([NO_LABEL if label is None else place[label] for label in said])
    table = table_of(codes, np.where(scores == 1.0, codes, told), len(place))
    value, variance = jackknifed(table)
    # the jackknife sees nothing of a rare label whose few rows all went well
    return MacroScore(value, max(variance, weighed(value, extra, count)), enough, extra)


def balanced(findings: Sequence[Finding], expected: Expected) -> Sequence[Finding]:
    """Findings whose shares of right rows and mean probabilities of right labels weigh all labels
    alike, where the metric is macro-F1: what is read of the frequent label says little of it. As
    they are where no right labels are `expected`."""
    if not expected:
        return findings
    shares: dict[tuple[Chain, float], dict[str, float]] = {}
    found = []
    for finding in findings:
        figures, chain = dict(finding.figures), (finding.action.chain, pilot_share(finding.action))
        known = shares.setdefault(chain, {})  # a later finding tells of the rows new to it alone
        known.update(finding.readings.get("share", {}))
        if "accuracy" in figures and (value := weighed_mean(finding.scores, expected)) is not None:
            figures["accuracy"] = value
            figures.pop("out_of_fold", None)  # a share of training rows, as they are
            figures.pop("score", None)  # macro-F1 of a pilot's few rows; its accuracy is read
        if "right_probability" in figures and (value := weighed_mean(known, expected)) is not None:
            figures["right_probability"] = value
        found.append(finding.model_copy(update={"figures": figures}))
    return found


def pilot_share(action: Action) -> float:
    """Each growth of a pilot reads all its rows anew."""
    return action.share if action.deed == "pilot" else 0.0


def weighed_mean(values: Mapping[str, float], expected: Expected) -> float | None:
    """Over labels, of the means over their rows; None where no row's right label is known."""
    by_label: dict[str, list[float]] = {}
    for row, value in values.items():
        if row in expected:
            by_label.setdefault(expected[row], []).append(value)
    return fmean(fmean(each) for each in by_label.values()) if by_label else None


def weighed(value: float, extra: float, rows: int) -> float:
    """The variance of a share of right rows that are weighed by how rare their labels are."""
    return extra * value * (1 - value) / rows


def table_of(wanted: Places, said: Places, labels: int) -> Floats:
    """As `MacroF1.sums`: of each label whether it is a true positive of the row, a false positive
    or a false negative."""
    table = np.zeros((len(wanted), 3 * labels))
    rows, right = np.arange(len(wanted)), wanted == said
    wrong = ~right & (said != NO_LABEL)
    table[rows[right], wanted[right]] = 1
    table[rows[wrong], labels + said[wrong]] = 1
    table[rows[~right], 2 * labels + wanted[~right]] = 1
    return table


def jackknifed(table: Floats) -> tuple[float, float]:
    """Macro-F1 and its variance."""
    figure, total, count = MacroF1(METRIC, ()), table.sum(axis=0), len(table)
    without = figure.finish(total - table)
    squares = float(((without - without.mean()) ** 2).sum())
    return float(figure.finish(total)), (count - 1) / count * squares
