"""What a cascade would have said on rows that both its parts answered. Pure.

A cascade takes its cheap part's answer where that is sure, and its dear part's elsewhere. So its
scores follow from what the parts said of the same rows, and no look is needed for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import numpy as np

from benchmarks.evidence.finding import Finding
from benchmarks.records import StrategyFacts
from benchmarks.resampling import Floats
from corpora.task import Kind
from strategies.cascade import Cascade, default_parts
from strategies.thresholds import cuts

FOLDS = 5
"""Parts that the rows fall into; each is judged by a threshold that the others choose."""


def with_cascades(
    findings: Sequence[Finding],
    strategies: Sequence[StrategyFacts],
    kind: Kind,
    *,
    has_documents: bool,
    margin: float,
) -> Sequence[Finding]:
    """The findings, and behind them that of each cascade among the strategies between the task's
    default parts; none where no row is known of both parts.

    `margin` is the task's practical margin, 0 to 1. A threshold looks better on the rows that chose
    it than on others. So the rows fall into FOLDS folds, and each is judged by the threshold that
    the rest of the rows choose as a cascade does, by their mean score (where the metric is
    macro-F1, the share of right ones). Rows that one part could not answer are left out, though a
    cascade would ask the other.
    """
    parts = default_parts(kind, has_documents=has_documents)
    added = []
    for cascade in strategies:
        if cascade.name == Cascade.name:
            cheap, dear = (answers_of(findings, part, cascade, strategies) for part in parts)
            if found := between(cascade.id, cheap, dear, margin):
                added.append(found)
    return [*findings, *added] if added else findings


def answers_of(
    findings: Sequence[Finding],
    part: str,
    cascade: StrategyFacts,
    strategies: Sequence[StrategyFacts],
) -> list[Finding]:
    """Those of rows of the part, with the cascade's model if it has one."""
    ids = {s.id for s in strategies if s.name == part and s.model in (None, cascade.model)}
    return [one for one in findings if one.action.deed == "rows" and one.action.strategy in ids]


def between(
    name: str, cheap: Sequence[Finding], dear: Sequence[Finding], margin: float
) -> Finding | None:
    """What the cascade of that id would have said between two parts; None without a row."""
    if not cheap or not dear:
        return None
    quick, slow = (max(each, key=lambda one: len(one.scores)) for each in (cheap, dear))
    sure: dict[str, float] = {}
    for one in cheap:  # each tells of the rows that were new to it
        sure |= one.readings.get("confidence", {})
    rows = [row for row in quick.scores if row in slow.scores and row in sure]
    if not rows:
        return None
    early = np.array([quick.scores[row] for row in rows])
    late = np.array([slow.scores[row] for row in rows])
    stands = standing([sure[row] for row in rows], early, late, margin)
    said = {row: quick if stand else slow for row, stand in zip(rows, stands, strict=True)}
    return Finding(
        action=quick.action.model_copy(
            update={"strategy": name, "rows": len(rows), "seconds": 0.0, "usd": 0.0}
        ),
        scores={row: part.scores[row] for row, part in said.items()},
        labels={row: part.labels[row] for row, part in said.items() if row in part.labels},
        seconds=0.0,
    )


def standing(sure: Sequence[float], cheap: Floats, dear: Floats, margin: float) -> list[bool]:
    """Whether the cheap answer of each row stands, by the threshold that the other folds choose."""
    places = np.arange(len(sure))
    found = [False] * len(sure)
    for fold in range(min(FOLDS, len(sure))):
        here = places % FOLDS == fold
        one, other = cheap[~here], dear[~here]

        def score(stands: Sequence[bool], one: Floats = one, other: Floats = other) -> float:
            return float(np.where(stands, one, other).mean())

        rest = [sure[place] for place in places[~here]]
        threshold = cuts(rest, score, margin=margin)[1].threshold if rest else inf
        for place in places[here]:
            found[place] = sure[place] >= threshold
    return found
