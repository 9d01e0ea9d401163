"""What a forecast will be, before anything is looked at: the comparison's quote, and its budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.costs import PriceList, RunPrices
from corpora.errors import InvalidInput
from corpora.task import Check, Dataset
from service.comparing import plan
from service.forecasting.appraisal import Purse
from service.forecasting.blind import checks_of, with_stand_ins, without_test
from service.forecasting.defaults import SHARE
from service.forecasting.expected import Outlook, outlook_of


@dataclass(frozen=True)
class ForecastPlan:
    """What is to be foretold, what the comparison would take, and what the forecast may.

    `dataset` holds no test row. `paid_usd` is the most that hosted models may be paid.
    """

    dataset: Dataset
    outlook: Outlook
    purse: Purse
    prices: PriceList
    checks: tuple[Check, ...] = ()

    @property
    def paid_usd(self) -> float:
        limits = (self.outlook.paid_usd, self.purse.usd, self.purse.paid_usd)
        return min(limit for limit in limits if limit is not None)


def plan_forecast(
    dataset: Dataset,
    *,
    strategies: Sequence[str] | None,
    prices: PriceList,
    seed: int = 0,
    budget_seconds: float | None = None,
    budget_usd: float | None = None,
    spend_at_most: float | None = None,
) -> ForecastPlan:
    """Look ahead without loading a model. `spend_at_most` are dollars for tokens of hosted models:
    what may pass them is not begun. Raises as `service.comparing.plan` does, and InvalidInput
    where there is no row to learn from or no strategy that fits."""
    if not dataset.train and not dataset.validation:
        fix = "A forecast reads training and validation rows alone: add some."
        raise InvalidInput("examples", f"{len(dataset.test)} test rows only", fix)
    quoted = with_stand_ins(dataset)
    compared = plan(quoted, strategies=strategies, prices=prices)
    outlook = outlook_of(quoted, compared, prices, seed)
    if not outlook.fitting:
        reasons = [f"{row.id}: {row.skipped}" for row in outlook.quotes.values() if row.skipped]
        raise InvalidInput("strategies", list(outlook.quotes), f"None fits: {'; '.join(reasons)}.")
    run_prices = RunPrices.model_validate(outlook.run.prices)
    usd = budget_usd
    if usd is None and outlook.paid_usd:
        usd = SHARE * outlook.usd
    purse = Purse(
        seconds=SHARE * outlook.seconds if budget_seconds is None else budget_seconds,
        usd=usd,
        whole_seconds=outlook.seconds,
        whole_usd=outlook.usd,
        usd_per_second=run_prices.usd_per_second,
        paid_usd=spend_at_most,
    )
    return ForecastPlan(without_test(dataset), outlook, purse, prices, checks_of(dataset))
