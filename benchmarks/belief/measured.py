"""What a task measured whole teaches a predictor."""

from __future__ import annotations

from pydantic import Field

from benchmarks.evidence.finding import Finding
from benchmarks.records import StrategyFacts
from corpora.task import Frozen, Kind

USUAL = 0.4
"""Correlation of the scores of two strategies by row where no rows tell."""


class MeasuredQuality(Frozen):
    """Quality on the test rows, 0 to 1, with its standard error and number of rows."""

    value: float = Field(ge=0, le=1)
    error: float = Field(ge=0, le=1)
    n: int = Field(ge=1)


class Measured(Frozen):
    """One task after its exhaustive comparison, beside what cheap evidence said of it before.

    `source` names the data set that it was made from: tasks of one source are left out together.
    `data` is the digest of its rows and documents, which a copy under another name shares; empty
    where it is not known.
    `qualities` are by the ids of `strategies`; one that failed or did not fit has none. `alike` is
    the mean correlation of the scores of two strategies on the same test row. `findings` are those
    of the forecast's source, in the order in which they were found, of training and validation
    rows only. `expected` are the right labels of these where the metric is macro-F1.
    """

    name: str
    source: str
    data: str = ""
    kind: Kind
    strategies: tuple[StrategyFacts, ...]
    qualities: dict[str, MeasuredQuality]
    alike: float = Field(default=USUAL, ge=0, lt=1)
    findings: tuple[Finding, ...] = ()
    expected: dict[str, str] = Field(default_factory=dict)
