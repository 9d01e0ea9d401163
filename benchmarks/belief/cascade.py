"""What a cascade would have said on rows that both its parts answered. Pure.

A cascade takes its cheap part's answer where that is sure, and its dear part's elsewhere. So its
scores follow from what the parts said of the same rows, and no look is needed for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.evidence.finding import Action, Finding
from corpora.task import Kind
from strategies.cascade import Cascade, default_parts
from strategies.thresholds import tested

NAME = Cascade.name
"""Its id, too, where it stands between the parts that the task decides."""


def with_cascade(
    findings: Sequence[Finding], kind: Kind, *, has_documents: bool, margin: float
) -> Sequence[Finding]:
    """The findings, and behind them that of the cascade between the task's default parts; as they
    are where none of their rows is known of both, or where a cascade answered itself.

    `margin` is the task's practical margin, 0 to 1. The threshold is chosen on the very rows, by
    their mean score, as a cascade chooses it on validation rows.
    """
    parts = default_parts(kind, has_documents=has_documents)
    cheap, dear = (answers_of(findings, name) for name in parts)
    sure = confidences_of(findings, parts[0])
    if cheap is None or dear is None or answers_of(findings, NAME) is not None:
        return findings
    both = [row for row in cheap.scores if row in dear.scores and row in sure]
    if not both:
        return findings
    one, other = (np.array([each.scores[row] for row in both]) for each in (cheap, dear))

    def score(stands: Sequence[bool]) -> float:
        return float(np.where(stands, one, other).mean())

    _, chosen = tested([sure[row] for row in both], score, margin=margin)
    said = {row: cheap if stands else dear for row, stands in zip(both, chosen.stands, strict=True)}
    action = Action(deed="rows", strategy=NAME, rows=len(both), share=1.0, seconds=0.0)
    scores = {row: part.scores[row] for row, part in said.items()}
    labels = {row: part.labels[row] for row, part in said.items() if row in part.labels}
    return [*findings, Finding(action=action, scores=scores, labels=labels, seconds=0.0)]


def answers_of(findings: Sequence[Finding], name: str) -> Finding | None:
    """The finding with the most answers of a strategy, if any."""
    of_rows = [one for one in findings if is_of(one, name) and one.scores]
    return max(of_rows, key=lambda one: len(one.scores), default=None)


def confidences_of(findings: Sequence[Finding], name: str) -> Mapping[str, float]:
    """By row; each finding tells of the rows that were new to it."""
    found: dict[str, float] = {}
    for one in findings:
        if is_of(one, name):
            found |= one.readings.get("confidence", {})
    return found


def is_of(finding: Finding, name: str) -> bool:
    return (finding.action.deed, finding.action.strategy) == ("rows", name)
