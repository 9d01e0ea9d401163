"""From seconds and tokens of one strategy to dollars.

A local strategy is charged the machine's time at the throughput of its batches, as on a machine
that is kept busy, or, where a deployment is stated, the hours of the machines that serve it; a
hosted one its tokens. Preparing is charged the machine's time, and the tokens that it asked of a
hosted model. docs/costs.md has all formulas.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.costs import RunPrices, TokenPrice
from benchmarks.records import BatchRecord, OutcomeRecord
from benchmarks.results import Cost, Parts
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

    `machine` is whose time it took, by the name of its price; None for the run's own.
    `retraining_usd` and `labels_usd` are over the horizon; `hosting_usd` (which takes the place
    of the units' dollars) and `engineering_usd` are a month's. None: nothing is stated.
    """

    setup_seconds: float
    refresh_seconds: float
    units: NDArray[np.float64]
    setup_tokens_usd: float = 0.0
    retraining_usd: float = 0.0
    labels_usd: float | None = None
    hosting_usd: float | None = None
    engineering_usd: float | None = None
    machine: str | None = None

    def setup_usd(self, prices: RunPrices) -> float:
        return self.setup_seconds * prices.on(self.machine).usd_per_second + self.setup_tokens_usd

    @property
    def busy_usd_per_request(self) -> float:
        """As on a machine that is kept busy; of a hosted model its tokens."""
        dollars, requests = self.units.sum(axis=0) if len(self.units) else (0.0, 0.0)
        return float(dollars / requests) if requests else 0.0

    @property
    def usd_per_request(self) -> float:
        """What one more request costs: nothing on machines that are paid by the hour."""
        return self.busy_usd_per_request if self.hosting_usd is None else 0.0

    @property
    def marginal_units(self) -> NDArray[np.float64]:
        return self.units if self.hosting_usd is None else self.units * np.array([0.0, 1.0])


def local_units(batches: Sequence[BatchRecord], prices: RunPrices) -> NDArray[np.float64]:
    rows: list[tuple[float, float]] = [
        (batch.seconds * prices.usd_per_second, float(batch.n)) for batch in batches
    ]
    return np.array(rows, dtype=float).reshape(-1, 2)


def hosted_units(
    outcomes: Sequence[OutcomeRecord], model: str, prices: RunPrices, batch_share: float = 0.0
) -> NDArray[np.float64]:
    """Requests that ended in an error are left out: they answered nobody. `batch_share` of them
    can wait and have the price's batch discount."""
    price = prices.models[model]
    units = stated_units([usd_of_tokens(row, price) for row in outcomes if row.state == "ok"])
    if batch_share and price.batch_discount:
        units[:, 0] *= 1 - batch_share * price.batch_discount
    return units


def usd_of_tokens(row: OutcomeRecord, price: TokenPrice) -> float:
    return price.usd(row.prompt_tokens, row.cached_tokens, row.completion_tokens)


def stated_units(dollars: Sequence[float | None]) -> NDArray[np.float64]:
    """A request each; those of unknown cost are left out."""
    rows = [(usd, 1.0) for usd in dollars if usd is not None]
    return np.array(rows, dtype=float).reshape(-1, 2)


def refreshes(needs: Needs) -> int:
    """Changes of the documents within the horizon."""
    return round(CHANGES_A_MONTH[needs.documents_change] * needs.horizon_months)


def parts_of(spending: Spending, needs: Needs, prices: RunPrices) -> Parts:
    """The bill over the horizon, at the stated volume (0 where none is)."""
    months = needs.horizon_months
    hosting, engineering = spending.hosting_usd, spending.engineering_usd
    requests = spending.usd_per_request * (needs.requests_per_month or 0.0)
    return Parts(
        setup=spending.setup_usd(prices),
        retraining=spending.retraining_usd,
        labels=spending.labels_usd,
        refresh=refreshes(needs)
        * spending.refresh_seconds
        * prices.on(spending.machine).usd_per_second,
        requests=requests * months,
        hosting=None if hosting is None else hosting * months,
        engineering=None if engineering is None else engineering * months,
    )


def fixed_usd(spending: Spending, needs: Needs, prices: RunPrices) -> float:
    """Dollars over the horizon that do not depend on the volume."""
    parts = parts_of(spending, needs, prices)
    return parts.model_copy(update={"requests": 0.0}).total()


def cost_of(spending: Spending, needs: Needs, prices: RunPrices) -> Cost:
    """The cost row of the report."""
    per_request, volume = spending.busy_usd_per_request, needs.requests_per_month
    monthly = horizon = parts = None
    if volume is not None:
        serving = spending.usd_per_request * volume
        if spending.hosting_usd is not None:
            serving += spending.hosting_usd
            per_request = serving / volume if volume else per_request
        monthly = serving + (spending.engineering_usd or 0.0)
        parts = parts_of(spending, needs, prices)
        horizon = parts.total()
    return Cost(
        setup_seconds=spending.setup_seconds,
        setup_usd=spending.setup_usd(prices),
        per_1k_requests_usd=1000 * per_request,
        monthly_usd=monthly,
        horizon_usd=horizon,
        parts=parts,
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
    kept = kept_seconds(setup_seconds, search)
    if index_seconds and (family == "combined" or search):
        return min(kept, max(index_seconds))
    return kept


def kept_seconds(setup_seconds: float, search: Sequence[Mapping[str, Any]]) -> float:
    """The setup without the settings that were given up."""
    tries = [row for row in search if not row.get("chosen")]
    return max(0.0, setup_seconds - sum(float(row.get("seconds", 0.0)) for row in tries))


def as_run_prices(prices: dict[str, Any]) -> RunPrices:
    """The prices as a run record carries them."""
    return RunPrices.model_validate(prices)
