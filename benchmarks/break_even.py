"""From which volume a strategy that is dearer to set up is the cheaper one.

    requests a month = (fixed_to - fixed_from) / (months × (request_from - request_to))

where `fixed` is all over the horizon that no request causes (setup, retraining, labels,
refreshes, machines by the hour, people) and `request` the cost of one more request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from benchmarks.costs import RunPrices
from benchmarks.draws import Counts, Draws
from benchmarks.results import BreakEven
from benchmarks.spending import Spending, fixed_usd
from corpora.task import Needs


@dataclass(frozen=True)
class Offer:
    """A strategy on the market: its quality, its fixed dollars, what it spends on requests.

    `fixed_draws` are its fixed dollars as resamples of the timed requests give them, where they
    decide how many machines run.
    """

    quality: float
    fixed: float
    spending: Spending
    fixed_draws: NDArray[np.float64] | None = None


def break_evens(
    qualities: Mapping[str, float],
    spendings: Mapping[str, Spending],
    needs: Needs,
    prices: RunPrices,
    *,
    seed: int = 0,
    draws: Draws | None = None,
    hosting: Mapping[str, NDArray[np.float64]] | None = None,
) -> tuple[BreakEven, ...]:
    """One line for each pair of the frontier, from the cheaper to set up to the dearer.

    `hosting` has a month of machines in each of the resamples, for strategies whose machines
    follow from measured times. The same `draws` give a pair the same resamples again.
    """
    draws = draws or Draws(seed)
    offers = {
        name: offer_of(quality, spendings[name], needs, prices, (hosting or {}).get(name))
        for name, quality in qualities.items()
    }
    names = sorted(frontier(offers), key=lambda name: (offers[name].fixed, name))
    return tuple(
        break_even(first, second, offers, needs.horizon_months, draws)
        for first, second in combinations(names, 2)
    )


def offer_of(
    quality: float,
    spending: Spending,
    needs: Needs,
    prices: RunPrices,
    hosting: NDArray[np.float64] | None,
) -> Offer:
    fixed = fixed_usd(spending, needs, prices)
    if hosting is None or spending.hosting_usd is None:
        return Offer(quality, fixed, spending)
    spread = (hosting - spending.hosting_usd) * needs.horizon_months
    return Offer(quality, fixed, spending, fixed + spread)


def frontier(offers: Mapping[str, Offer]) -> list[str]:
    """Strategies that no other matches or beats in quality, fixed cost and cost of a request."""

    def point(name: str) -> tuple[float, float, float]:
        offer = offers[name]
        return -offer.quality, offer.fixed, offer.spending.usd_per_request

    points = {name: point(name) for name in offers}

    def dominated(name: str) -> bool:
        mine = points[name]
        return any(
            rival != mine and all(r <= m for r, m in zip(rival, mine, strict=True))
            for rival in points.values()
        )

    return [name for name in offers if not dominated(name)]


def break_even(
    cheap: str, dear: str, offers: Mapping[str, Offer], months: float, draws: Draws
) -> BreakEven:
    """`low` and `high` are the central 95% over resampled batches (and timed requests, where
    they decide the machines); `high` is None where more than one resample in forty never breaks
    even, and both are where the measured costs never do.
    """
    one, other = offers[cheap], offers[dear]
    units, other_units = one.spending.marginal_units, other.spending.marginal_units
    gap = other.fixed - one.fixed
    saved = np.array([one.spending.usd_per_request - other.spending.usd_per_request])
    volume = volumes(gap, saved, months)[0]
    if not np.isfinite(volume):
        return BreakEven(from_=cheap, to=dear, requests=None)
    spread: float | NDArray[np.float64] = gap
    if one.fixed_draws is not None or other.fixed_draws is not None:
        cheaper = one.fixed if one.fixed_draws is None else one.fixed_draws
        dearer = other.fixed if other.fixed_draws is None else other.fixed_draws
        spread = np.maximum(dearer - cheaper, 0.0)
    counts, other_counts = draws.of_pair(cheap, len(units), dear, len(other_units))
    drawn = volumes(
        spread, per_request(units, counts) - per_request(other_units, other_counts), months
    )
    low, high = np.quantile(drawn, [0.025, 0.975], method="inverted_cdf")
    return BreakEven(
        from_=cheap,
        to=dear,
        requests=float(volume),
        low=float(min(low, volume)),
        high=float(max(high, volume)) if np.isfinite(high) else None,
    )


def volumes(
    gap: float | NDArray[np.float64], saved: NDArray[np.float64], months: float
) -> NDArray[np.float64]:
    """Requests a month at which what is saved pays for the gap; infinite where nothing is."""
    never = np.full_like(saved, np.inf)
    result: NDArray[np.float64] = np.divide(gap, months * saved, out=never, where=saved > 0)
    return result


def per_request(units: NDArray[np.float64], counts: Counts) -> NDArray[np.float64]:
    """Dollars per request of each bootstrap sample of the batches."""
    totals = counts @ units
    result: NDArray[np.float64] = totals[:, 0] / totals[:, 1]
    return result
