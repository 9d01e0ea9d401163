"""What the worker does with an order: the real comparison or forecast, by the registries."""

from benchmarks.costs import read_prices
from benchmarks.errors import Cancelled
from service.caching import task_cache
from service.comparing import compare
from service.consent import check_cost, check_forecast_cost
from service.forecasting.defaults import FINDINGS
from service.forecasting.hope import hope
from service.forecasting.pages import FORECAST_FILES, write_forecast
from service.forecasting.planning import plan_forecast
from service.forecasting.running import forecast
from service.forecasting.sources import kept_source
from service.ledger import PAID, Ledger, Limits
from service.orders import ForecastOrder, Order
from service.specs import dataset_from
from strategies.models.account import accounting


def compute(order: Order) -> None:
    """Compare, and write the reports into the order's folder (`service.orders.Compare`)."""
    dataset = dataset_from(
        order.spec, seed=order.seed, limit=order.limit, train_limit=order.train_limit
    )
    prices = read_prices(None)
    # asked for again: prices and endpoints may be others than when it was queued
    check_cost(
        dataset,
        order.strategies,
        order.accept_cost_usd,
        prices,
        race=order.race,
        at_most=order.spend_at_most_usd,
    )
    compare(
        dataset,
        out=order.folder,
        strategies=order.strategies,
        seed=order.seed,
        prices=prices,
        on_progress=order.board.note,
        cancelled=order.cancelled,
        cache=task_cache(order.results) if order.results else None,
        probes=order.probes,
        race=order.race,
        may_win=hope(
            dataset, order.folder, strategies=order.strategies, prices=prices, seed=order.seed
        )
        if order.race
        else None,
        limits=Limits(order.spend_at_most_usd, order.tokens_at_most),
    )


def compute_forecast(order: ForecastOrder) -> None:
    """Foretell, and write the three forms into the order's folder (`service.orders.Foretell`).

    What an earlier attempt found there is not computed again.
    """
    dataset = dataset_from(
        order.spec, seed=order.seed, limit=order.limit, train_limit=order.train_limit
    )
    prices = read_prices(None)
    planned = plan_forecast(
        dataset,
        strategies=order.strategies,
        prices=prices,
        seed=order.seed,
        budget_seconds=order.budget_seconds,
        budget_usd=order.budget_usd,
    )
    check_forecast_cost(planned, order.accept_cost_usd, order.spend_at_most_usd)

    def poll() -> None:
        if order.cancelled():
            raise Cancelled("told to stop")

    limits = Limits(order.spend_at_most_usd, order.tokens_at_most)
    with accounting(Ledger(order.folder / PAID, prices, limits, order.cancelled)):
        found = forecast(
            planned,
            confidence=order.confidence,
            source=kept_source(planned, order.folder / FINDINGS, poll),
            cancelled=order.cancelled,
            on_step=order.board.note,
        )
    if found.stop == "told to":
        raise Cancelled("told to stop")
    for name in FORECAST_FILES:
        write_forecast(found, order.folder / name)
