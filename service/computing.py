"""What the worker does with an order: the real comparison, by the registries."""

from benchmarks.costs import read_prices
from service.caching import default_cache
from service.comparing import compare
from service.consent import check_cost
from service.specs import dataset_from
from service.worker import Order


def compute(order: Order) -> None:
    """Compare, and write the reports into the order's folder (`service.worker.Compare`)."""
    dataset = dataset_from(
        order.spec, seed=order.seed, limit=order.limit, train_limit=order.train_limit
    )
    prices = read_prices(None)
    # asked for again: prices and endpoints may be others than when it was queued
    check_cost(dataset, order.strategies, order.accept_cost_usd, prices, race=order.race)
    compare(
        dataset,
        out=order.folder,
        strategies=order.strategies,
        seed=order.seed,
        prices=prices,
        on_progress=order.board.note,
        cancelled=order.cancelled,
        cache=default_cache(),
        race=order.race,
    )
