"""From which volume a strategy that is dearer to set up is the cheaper one.

    requests a month = (fixed_to - fixed_from) / (months × (request_from - request_to))

where `fixed` is setup and refreshes over the horizon and `request` the cost of one request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from benchmarks.costs import RunPrices
from benchmarks.results import BreakEven
from benchmarks.spending import Spending, fixed_usd
from corpora.task import Needs

DRAWS = 2_000


@dataclass(frozen=True)
class Offer:
    """A strategy on the market: its quality, its fixed dollars, what it spends on requests."""

    quality: float
    fixed: float
    spending: Spending


def break_evens(
    qualities: Mapping[str, float],
    spendings: Mapping[str, Spending],
    needs: Needs,
    prices: RunPrices,
    *,
    seed: int = 0,
) -> tuple[BreakEven, ...]:
    """One line for each pair of the frontier, from the cheaper to set up to the dearer."""
    offers = {
        name: Offer(quality, fixed_usd(spendings[name], needs, prices), spendings[name])
        for name, quality in qualities.items()
    }
    names = sorted(frontier(offers), key=lambda name: (offers[name].fixed, name))
    rng = np.random.default_rng(seed)
    return tuple(
        break_even(first, second, offers, needs.horizon_months, rng)
        for first, second in combinations(names, 2)
    )


def frontier(offers: Mapping[str, Offer]) -> list[str]:
    """Strategies that no other matches or beats in quality, fixed cost and cost of a request."""

    def point(name: str) -> tuple[float, float, float]:
        offer = offers[name]
        return -offer.quality, offer.fixed, offer.spending.usd_per_request

    def dominated(name: str) -> bool:
        mine = point(name)
        rivals = [point(other) for other in offers if other != name]
        return any(
            rival != mine and all(r <= m for r, m in zip(rival, mine, strict=True))
            for rival in rivals
        )

    return [name for name in offers if not dominated(name)]


def break_even(
    cheap: str, dear: str, offers: Mapping[str, Offer], months: float, rng: np.random.Generator
) -> BreakEven:
    """`low` and `high` are the central 95% over resampled batches; `high` is None where more
    than one resample in forty never breaks even, and both are where the measured costs never do.
    """
    gap = offers[dear].fixed - offers[cheap].fixed
    one, other = offers[cheap].spending, offers[dear].spending
    saved = np.array([one.usd_per_request - other.usd_per_request])
    volume = volumes(gap, saved, months)[0]
    if not np.isfinite(volume):
        return BreakEven(from_=cheap, to=dear, requests=None)
    drawn = volumes(gap, resampled(one.units, rng) - resampled(other.units, rng), months)
    low, high = np.quantile(drawn, [0.025, 0.975], method="inverted_cdf")
    return BreakEven(
        from_=cheap,
        to=dear,
        requests=float(volume),
        low=float(min(low, volume)),
        high=float(max(high, volume)) if np.isfinite(high) else None,
    )


def volumes(gap: float, saved: NDArray[np.float64], months: float) -> NDArray[np.float64]:
    """Requests a month at which what is saved pays for the gap; infinite where nothing is."""
    never = np.full_like(saved, np.inf)
    result: NDArray[np.float64] = np.divide(gap, months * saved, out=never, where=saved > 0)
    return result


def resampled(units: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Dollars per request of DRAWS bootstrap samples of the batches."""
    counts = rng.multinomial(len(units), np.full(len(units), 1 / len(units)), size=DRAWS)
    totals = counts @ units
    result: NDArray[np.float64] = totals[:, 0] / totals[:, 1]
    return result
