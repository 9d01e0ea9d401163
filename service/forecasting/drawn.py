"""The evidence of a forecast: gaps between strategies whose chances are counted in draws. Pure.

The rule of the recommendation asks gaps what they show (`service.evidence`). A measured gap is
normal around its difference; here it is what the draws of the belief say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from benchmarks.resampling import Floats
from benchmarks.results import Quality
from service.evidence import HAIR, Z95, Evidence, Gap

PROBABLY_BETTER = 0.5
"""In a forecast one strategy beats another where it is more likely than not to be better by more
than the margin. No proof is asked for: a prior that shrinks takes its place, and what is paid for
(tuning) asks for proof besides."""


@dataclass(frozen=True)
class DrawnGap(Gap):
    """`drawn` are differences that may be true, as many as there are draws; `n` is theirs."""

    drawn: Floats = field(default_factory=lambda: np.zeros(1), repr=False, compare=False)

    def between(self, share: float) -> tuple[float, float]:
        """The ends of the interval that holds that share of the draws."""
        low, high = np.quantile(self.drawn, [(1 - share) / 2, (1 + share) / 2])
        return float(low), float(high)

    @property
    def turned(self) -> DrawnGap:
        return drawn_gap(-self.drawn)

    @property
    def is_shown(self) -> bool:
        """More likely than not above 0."""
        return self.chance_above(0.0) > PROBABLY_BETTER

    def shows_more_than(self, margin: float) -> bool:
        return self.chance_above(margin) > PROBABLY_BETTER

    def chance_above(self, threshold: float) -> float:
        return float((self.drawn > threshold + HAIR).mean())

    def chance_among_all(self, threshold: float) -> float:
        """The same: strategies that were shrunk together need no wider interval for being many."""
        return self.chance_above(threshold)

    def expected_gain(self, beyond: float = 0.0) -> float:
        return float(np.maximum(0.0, self.drawn - beyond).mean())


def drawn_gap(drawn: Floats) -> DrawnGap:
    """Its interval is the one that a normal difference of that spread has, as elsewhere."""
    mean, reach = float(drawn.mean()), Z95 * float(drawn.std())
    return DrawnGap(mean, mean - reach, mean + reach, len(drawn), drawn=drawn)


def evidence_from(worlds: Floats, ids: Sequence[str], qualities: Mapping[str, Quality]) -> Evidence:
    """Gaps of all pairs, both ways round; `worlds` is draws × strategies in the order of `ids`."""
    gaps: dict[tuple[str, str], Gap] = {}
    for one, other in combinations(range(len(ids)), 2):
        gap = drawn_gap(worlds[:, one] - worlds[:, other])
        gaps[ids[one], ids[other]] = gap
        gaps[ids[other], ids[one]] = gap.turned
    return Evidence(qualities=dict(qualities), gaps=gaps)
