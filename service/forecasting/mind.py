"""What findings so far make one believe: a predictor, asked about one task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import is_
from typing import Protocol

from benchmarks.belief.belief import Belief
from benchmarks.belief.macro import Expected
from benchmarks.belief.predictor import Predictor
from benchmarks.evidence.finding import Action, Finding
from benchmarks.records import StrategyFacts
from corpora.task import Kind

Completed = Callable[[Sequence[Finding]], Sequence[Finding]]
"""Adds to findings what follows from them."""


def as_they_are(findings: Sequence[Finding]) -> Sequence[Finding]:
    return findings


class Remembered:
    """Completes the same findings once: a forecast asks again for each action that it weighs."""

    def __init__(self, completed: Completed) -> None:
        self.completed = completed
        self.last: tuple[tuple[Finding, ...], Sequence[Finding]] = ((), ())

    def __call__(self, findings: Sequence[Finding]) -> Sequence[Finding]:
        asked, found = self.last
        same = len(asked) == len(findings) and all(map(is_, asked, findings))
        if not same:
            found = self.completed(findings)
            self.last = (tuple(findings), found)
        return found


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
    completed: Completed = as_they_are

    def belief(self, findings: Sequence[Finding]) -> Belief:
        return self.predictor.belief(
            self.kind, self.strategies, self.completed(findings), self.expected
        )

    def foreseen(self, findings: Sequence[Finding], action: Action) -> Belief:
        return self.predictor.foreseen(
            self.kind, self.strategies, self.completed(findings), action, self.expected
        )
