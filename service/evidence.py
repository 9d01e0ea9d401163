"""What the measured differences support: gaps between strategies, and the chances they imply.

A gap is taken as normal around the measured paired difference, with the standard error that its
95% interval implies: error = (high - low) / (2 × 1.96). Whether it is *shown* is asked of all
pairs of the comparison at once: among ten strategies that are all the same, hardly one
comparison in twenty may show any difference.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from math import ceil, erfc, sqrt
from statistics import NormalDist

from benchmarks.results import Comparison, Quality, Summary
from corpora.power import examples_needed

NORMAL = NormalDist()
Z95 = NORMAL.inv_cdf(0.975)
Z95_ONE_SIDED = NORMAL.inv_cdf(0.95)
Z90 = NORMAL.inv_cdf(0.90)
Z80 = NORMAL.inv_cdf(0.80)
CLOSEST = 0.001
"""Nearer than a tenth of a point to the margin, no number of rows is worth stating."""
LEAST_BEYOND = 0.005
"""No rows are counted for proving a gain to exceed a limit by less than half a point."""
LEAST_ALPHA = sys.float_info.min
"""What lies beyond so many standard errors that no number tells its chance."""
HAIR = 1e-9
"""Differences of means of rows are compared with limits up to this rounding error."""


@dataclass(frozen=True)
class Gap:
    """Quality of one strategy minus another's (or minus a fixed limit), -1 to 1.

    `low_all` and `high_all` are those of the interval that holds for all pairs at once; None
    where the gap is the only one asked about.
    """

    difference: float
    low: float
    high: float
    n: int
    low_all: float | None = None
    high_all: float | None = None

    @property
    def turned(self) -> Gap:
        """The same gap seen from the other strategy."""
        low, high = (None if each is None else -each for each in (self.high_all, self.low_all))
        return Gap(-self.difference, -self.high, -self.low, self.n, low, high)

    @property
    def error(self) -> float:
        """Standard error."""
        return (self.high - self.low) / (2 * Z95)

    @property
    def reach(self) -> float:
        """How many standard errors a difference must have to be shown."""
        if self.low_all is None or self.high_all is None or self.error < HAIR:
            return Z95
        return max(Z95, Z95 * (self.high_all - self.low_all) / (self.high - self.low))

    @property
    def is_shown(self) -> bool:
        """Above 0 with the whole interval, that for all pairs at once where there is one."""
        return (self.low if self.low_all is None else self.low_all) > 0

    @property
    def only_alone(self) -> bool:
        """Whether 0 is left out by the interval of this pair, but not with all pairs at once."""
        alone = self.low > 0 or self.high < 0
        return alone and not self.is_shown and not self.turned.is_shown

    def shows_more_than(self, margin: float) -> bool:
        """Larger than the margin, and shown to be above 0."""
        return self.difference > margin + HAIR and self.is_shown

    def chance_above(self, threshold: float) -> float:
        """The chance that the true gap exceeds `threshold`, 0 to 1."""
        if self.error < HAIR:
            return 1.0 if self.difference > threshold + HAIR else 0.0
        return 1 - NORMAL.cdf((threshold - self.difference) / self.error)

    def chance_among_all(self, threshold: float) -> float:
        """As `chance_above`, for the one of many that looks best: as much less sure as the interval
        for all pairs at once is wider than that of this pair alone."""
        wider = self.error * self.reach / Z95
        if wider < HAIR:
            return self.chance_above(threshold)
        return 1 - NORMAL.cdf((threshold - self.difference) / wider)

    def expected_gain(self, beyond: float = 0.0) -> float:
        """E[max(0, gap - beyond)]: what is forgone, on average, by leaving a gain that size."""
        return expected_excess(self.difference - beyond, self.error)

    def further_examples(self, smallest: float) -> int:
        """Test rows to add so that the gap (or `smallest`, if larger) would show at 80% power.

        The share of discordant pairs is read off the interval: a row's difference has the mean
        square n × error² + difference². A gap above 0 but not above `smallest` is settled once
        the chance that it exceeds `smallest` is down to 10%: the nearer the two, the more rows.
        """
        size = min(1.0, max(abs(self.difference), smallest, 0.01))
        discordant = min(1.0, max(self.n * self.error**2 + self.difference**2, 0.005))
        alpha = max(erfc(self.reach / sqrt(2)), LEAST_ALPHA)
        needed = examples_needed(size, discordant=discordant, alpha=alpha)
        if 0 < self.difference <= smallest:
            distance = max(smallest - self.difference, CLOSEST)
            needed = max(needed, ceil(self.n * (Z90 * self.error / distance) ** 2))
        return max(1, needed - self.n)

    def examples_to_prove(self, beyond: float) -> int:
        """Test rows to add so that the gap would show, with 80% power, to exceed `beyond` with a
        chance of 95%, if it is as large as measured, or half as large again as `beyond`: the
        nearer the two, the more rows, without end; and so that it would be shown with all pairs
        looked at at once. As `further_examples` where it measures less.
        """
        if self.difference <= beyond + HAIR:
            return self.further_examples(beyond)
        distance = max(self.difference - beyond, beyond / 2, LEAST_BEYOND)
        reaches = (Z95_ONE_SIDED + Z80) / distance, (self.reach + Z80) / self.difference
        return max(1, ceil(self.n * (max(reaches) * self.error) ** 2) - self.n)

    def examples_to_forgo(self, beyond: float, allowed: float) -> int | None:
        """Test rows to add so that no more than `allowed` is forgone beyond that gain, with 80%
        power if the true gap is the measured one; None where the measured one forgoes more."""
        size = self.difference - beyond
        if expected_excess(size, 0.0) > allowed:
            return None
        low, high = 0.0, self.error
        for _ in range(60):
            middle = (low + high) / 2
            enough = expected_excess(size + Z80 * middle, middle) <= allowed
            low, high = (middle, high) if enough else (low, middle)
        return max(1, ceil(self.n * (self.error / max(low, HAIR)) ** 2) - self.n)

    def examples_to_exclude(self, loss: float) -> int | None:
        """Test rows to add so that the interval clears a loss of that size, with 80% power if the
        true gap is the measured one; None where the measured gap is a larger loss itself."""
        distance = self.difference + loss
        if distance < CLOSEST:
            return None
        return max(1, ceil(self.n * ((Z95 + Z80) * self.error / distance) ** 2) - self.n)


def expected_excess(difference: float, error: float) -> float:
    """E[max(0, X)] for X normal: error × φ(z) + difference × Φ(z), where z = difference / error."""
    if error < HAIR:
        return max(0.0, difference)
    z = difference / error
    return error * NORMAL.pdf(z) + difference * NORMAL.cdf(z)


@dataclass(frozen=True)
class Evidence:
    """The gaps between the strategies of a summary, both ways round."""

    qualities: dict[str, Quality]
    gaps: dict[tuple[str, str], Gap]

    def gap(self, a: str, b: str) -> Gap:
        """Quality of `a` minus that of `b`; as if unpaired where no pair was measured."""
        found = self.gaps.get((a, b))
        if found is not None:
            return found
        one, two = self.qualities[a], self.qualities[b]
        reach = sqrt(((one.high - one.low) / 2) ** 2 + ((two.high - two.low) / 2) ** 2)
        value = one.value - two.value
        return Gap(value, value - reach, value + reach, min(one.n, two.n))

    def over(self, a: str, limit: float) -> Gap:
        """Quality of `a` minus a fixed limit."""
        one = self.qualities[a]
        return Gap(one.value - limit, one.low - limit, one.high - limit, one.n)


def evidence_of(summary: Summary) -> Evidence:
    there = {(c.a, c.b): gap_of(c) for c in summary.comparisons}
    back = {(b, a): gap.turned for (a, b), gap in there.items()}
    return Evidence(
        qualities={row.id: row.quality for row in summary.strategies if row.quality is not None},
        gaps={**back, **there},
    )


def gap_of(pair: Comparison) -> Gap:
    return Gap(pair.difference, pair.low, pair.high, pair.n, pair.low_all, pair.high_all)
