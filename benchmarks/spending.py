"""From seconds and tokens of one strategy to dollars.

A local strategy is charged the machine's time at the throughput of its batches, as on a machine
that is kept busy; a hosted one its tokens. Preparing is charged the machine's time, and the
tokens that it asked of a hosted model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.costs import RunPrices, TokenPrice
from benchmarks.records import BatchRecord, OutcomeRecord
from benchmarks.results import Cost
from corpora.task import ChangePace, Needs

CHANGES_A_MONTH: dict[ChangePace, float] = {
    "never": 0.0,
    "monthly": 1.0,
    "weekly": 365.25 / 7 / 12,
    "daily": 365.25 / 12,
}


@dataclass(frozen=True)
class Spending:
    """What one strategy took. `units` has a line for each batch (or hosted request): dollars and
    requests. `refresh_seconds` is the time to follow one change of the documents, and
    `setup_tokens_usd` what a hosted model was paid while preparing.
    """

    setup_seconds: float
    refresh_seconds: float
    units: NDArray[np.float64]
    setup_tokens_usd: float = 0.0

    def setup_usd(self, prices: RunPrices) -> float:
        return self.setup_seconds * prices.usd_per_second + self.setup_tokens_usd

    @property
    def usd_per_request(self) -> float:
        dollars, requests = self.units.sum(axis=0) if len(self.units) else (0.0, 0.0)
        return float(dollars / requests) if requests else 0.0


def local_units(batches: Sequence[BatchRecord], prices: RunPrices) -> NDArray[np.float64]:
    rows: list[tuple[float, float]] = [
        (batch.seconds * prices.usd_per_second, float(batch.n)) for batch in batches
    ]
    return np.array(rows, dtype=float).reshape(-1, 2)


def hosted_units(
    outcomes: Sequence[OutcomeRecord], model: str, prices: RunPrices
) -> NDArray[np.float64]:
    """Requests that ended in an error are left out: they answered nobody."""
    price = prices.models[model]
    return stated_units([usd_of_tokens(row, price) for row in outcomes if row.state == "ok"])


def usd_of_tokens(row: OutcomeRecord, price: TokenPrice) -> float:
    return price.usd(row.prompt_tokens, row.cached_tokens, row.completion_tokens)


def stated_units(dollars: Sequence[float | None]) -> NDArray[np.float64]:
    """A request each; those of unknown cost are left out."""
    rows = [(usd, 1.0) for usd in dollars if usd is not None]
    return np.array(rows, dtype=float).reshape(-1, 2)


def fixed_usd(spending: Spending, needs: Needs, prices: RunPrices) -> float:
    """Dollars over the horizon that do not depend on the volume: setup and refreshes."""
    refreshes = round(CHANGES_A_MONTH[needs.documents_change] * needs.horizon_months)
    following = refreshes * spending.refresh_seconds * prices.usd_per_second
    return spending.setup_usd(prices) + following


def cost_of(spending: Spending, needs: Needs, prices: RunPrices) -> Cost:
    """The cost row of the report."""
    per_request = spending.usd_per_request
    monthly = horizon = None
    if needs.requests_per_month is not None:
        monthly = per_request * needs.requests_per_month
        horizon = fixed_usd(spending, needs, prices) + monthly * needs.horizon_months
    return Cost(
        setup_seconds=spending.setup_seconds,
        setup_usd=spending.setup_usd(prices),
        per_1k_requests_usd=1000 * per_request,
        monthly_usd=monthly,
        horizon_usd=horizon,
    )


def asked_usd(training: Mapping[str, Any] | None, model: str, prices: RunPrices) -> float:
    """Dollars for what preparing asked of a hosted model, as its training tells."""
    asked = (training or {}).get("usage") or {}
    counts = [float(asked.get(name, 0)) for name in ("prompt", "cached", "completion")]
    return prices.models[model].usd(*counts)


def refresh_seconds(
    family: str,
    setup_seconds: float,
    uses_documents: bool,
    index_seconds: Sequence[float],
    search: Sequence[Mapping[str, Any]] = (),
) -> float:
    """Seconds to follow one change of the documents.

    A strategy that reads no documents has nothing to refresh. One that only indexes them does
    its whole setup again. A combined one keeps its adapter, a cascade its threshold, and one that
    searched what it found; each builds its index anew: that takes as long as the slowest setup
    among this run's strategies that only index (`index_seconds`). Where there is none to go by, it
    is the whole setup, less what settings that were given up took (`search`, the rows of its
    training).
    """
    if not uses_documents:
        return 0.0
    tries = [row for row in search if not row.get("chosen")]
    kept = max(0.0, setup_seconds - sum(float(row.get("seconds", 0.0)) for row in tries))
    if index_seconds and (family == "combined" or search):
        return min(kept, max(index_seconds))
    return kept


def as_run_prices(prices: dict[str, Any]) -> RunPrices:
    """The prices as a run record carries them."""
    return RunPrices.model_validate(prices)
