"""The decision after each step, with costs that follow what was timed on the way."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import binom

from benchmarks.belief.belief import Belief
from benchmarks.evidence.finding import Finding
from benchmarks.results import StrategyResult
from service.forecasting.defaults import CONFIDENCE
from service.forecasting.expected import Outlook, expected_rows, measured_speeds
from service.forecasting.verdict import Judged, Seen, judge_worlds
from service.suitability import ERRORS_ALLOWED

DRAWS = 2_000
ENOUGH = 30
"""Answers from which on the share of errors among them counts as it is."""
FEW = 8
"""Answers of fewer say nothing of errors."""


@dataclass
class Bench:
    """Judges beliefs about one comparison; `seed` gives every step the same luck, so that what
    moves is what was found."""

    outlook: Outlook
    confidence: float = CONFIDENCE
    seed: int = 0
    _known: dict[object, tuple[StrategyResult, ...]] = field(default_factory=dict)

    def __call__(self, belief: Belief, findings: Sequence[Finding]) -> Judged:
        worlds = belief.draws(np.random.default_rng(self.seed), DRAWS)
        return judge_worlds(
            worlds,
            belief.ids,
            self.rows(findings),
            self.outlook.run.task,
            self.outlook.run.needs,
            confidence=self.confidence,
            seen=seen_in(findings, self.confidence, self.hosted),
        )

    @property
    def hosted(self) -> list[str]:
        """The ids of strategies with a hosted model."""
        return [each.id for each in self.outlook.fitting if self.outlook.is_hosted(each)]

    def rows(self, findings: Sequence[Finding]) -> tuple[StrategyResult, ...]:
        """Every strategy with what it is expected to cost, worked out once for the same times."""
        telling = [f for f in findings if f.trouble is not None or "ms_per_row" in f.figures]
        key = (len(telling), *sorted(measured_speeds(findings).items()))
        if key not in self._known:
            self._known = {key: expected_rows(self.outlook, findings)}
        return self._known[key]


def seen_in(findings: Sequence[Finding], confidence: float, hosted: Collection[str] = ()) -> Seen:
    """Of each strategy by the finding with the most rows. Few answers tell little of errors: one of
    eight is no eighth. From FEW on they count where so many would come with a chance of at most
    1 - `confidence` were there no more than are allowed (an exact binomial test)."""
    errors = {}
    last: dict[str, Finding] = {}
    for finding in sorted(findings, key=lambda one: one.action.rows):
        if finding.action.deed == "rows" and finding.action.strategy and not finding.trouble:
            last[finding.action.strategy] = finding
    for id, finding in last.items():
        wrong = int(finding.figures.get("errors", 0.0))
        asked = len(finding.scores) + wrong
        by_chance = float(binom.sf(wrong - 1, asked, ERRORS_ALLOWED))
        if asked >= ENOUGH or (asked >= FEW and by_chance <= 1 - confidence):
            errors[id] = wrong / asked
    speeds = measured_speeds(findings)
    return Seen(frozenset(speeds), errors, {id: 1000 * speeds.get(id, 0.0) for id in hosted})
