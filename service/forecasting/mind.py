"""What findings so far make one believe: a predictor, asked about one task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from benchmarks.belief.belief import Belief
from benchmarks.belief.cascade import with_cascades
from benchmarks.belief.macro import Expected
from benchmarks.belief.predictor import Predictor
from benchmarks.evidence.finding import Action, Finding
from benchmarks.records import StrategyFacts
from corpora.task import Kind


class Mind(Protocol):
    """Beliefs about the strategies of one task."""

    def belief(self, findings: Sequence[Finding]) -> Belief:
        """After all of these."""
        ...

    def foreseen(self, findings: Sequence[Finding], action: Action) -> Belief:
        """As one more action would leave it, finding what is expected."""
        ...


@dataclass(frozen=True)
class Learned:
    """A mind that holds what measured tasks taught, of a task with documents or without.
    `expected` are the right labels of rows where the metric is macro-F1."""

    predictor: Predictor
    kind: Kind
    strategies: tuple[StrategyFacts, ...]
    has_documents: bool
    expected: Expected = field(default_factory=dict)

    def belief(self, findings: Sequence[Finding]) -> Belief:
        found = self.predictor.belief(self.kind, self.strategies, findings, self.expected)
        return self.bound(found)

    def foreseen(self, findings: Sequence[Finding], action: Action) -> Belief:
        found = self.predictor.foreseen(self.kind, self.strategies, findings, action, self.expected)
        return self.bound(found)

    def bound(self, belief: Belief) -> Belief:
        return with_cascades(belief, self.kind, self.strategies, has_documents=self.has_documents)
