"""What findings so far make one believe: a predictor, asked about one task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from benchmarks.belief.belief import Belief
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
    """A mind that holds what measured tasks taught. `expected` are the right labels of rows where
    the metric is macro-F1."""

    predictor: Predictor
    kind: Kind
    strategies: tuple[StrategyFacts, ...]
    expected: Expected = field(default_factory=dict)

    def belief(self, findings: Sequence[Finding]) -> Belief:
        return self.predictor.belief(self.kind, self.strategies, findings, self.expected)

    def foreseen(self, findings: Sequence[Finding], action: Action) -> Belief:
        return self.predictor.foreseen(self.kind, self.strategies, findings, action, self.expected)
