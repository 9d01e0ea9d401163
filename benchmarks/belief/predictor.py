"""From findings to a belief: fitted to tasks measured whole, or unfitted and wide."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.belief.belief import Belief, Observation
from benchmarks.belief.measured import Measured
from benchmarks.evidence.finding import Action, Finding
from benchmarks.records import StrategyFacts
from corpora.task import Frozen, Kind


class Predictor(Frozen):
    """What measured tasks taught; a readable JSON file. `Predictor()` has seen none."""

    @classmethod
    def fit(cls, tasks: Sequence[Measured]) -> Predictor:
        """Fit to tasks measured whole. None or few leave the built-in guesses nearly as they are."""
        ...

    @classmethod
    def read(cls, path: Path) -> Predictor:
        """Raises InvalidInput for a file that is not one."""
        ...

    def write(self, path: Path) -> None:
        """Whole or not at all."""
        ...

    def prior(self, kind: Kind, strategies: Sequence[StrategyFacts]) -> Belief:
        """Before any finding. A strategy never measured is believed to be like its family."""
        ...

    def belief(
        self, kind: Kind, strategies: Sequence[StrategyFacts], findings: Sequence[Finding]
    ) -> Belief:
        """After all these findings, whatever their order; of one deed and strategy the one with
        most rows or the largest share counts. Findings with trouble, or of strategies that are
        not among `strategies`, say nothing."""
        ...

    def foreseen(
        self,
        kind: Kind,
        strategies: Sequence[StrategyFacts],
        findings: Sequence[Finding],
        action: Action,
    ) -> Belief:
        """The belief as `action` would leave it, finding what is expected: the same mean, and the
        covariance that would remain. For `Belief.worth`."""
        ...

    def observation(self, finding: Finding, kind: Kind, belief: Belief) -> Observation | None:
        """What one finding says alone; None where it says nothing of any strategy believed in."""
        ...
