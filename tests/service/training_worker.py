"""A worker that trains the tiny transformer of TINY_MODEL, whatever the task: run by the tests."""

import os

from benchmarks.costs import read_prices
from service.comparing import compare, with_models
from service.orders import Order
from service.settings import Settings
from service.specs import dataset_from
from service.worker import work


def train(order: Order) -> None:
    """A true comparison, with a model that no spec over HTTP could name."""
    dataset = with_models(dataset_from(order.spec), [os.environ["TINY_MODEL"]])
    compare(
        dataset,
        out=order.folder,
        strategies=order.strategies,
        prices=read_prices(None),
        on_progress=order.board.note,
        cancelled=order.cancelled,
        probes=False,
    )


if __name__ == "__main__":
    work(Settings.from_environment(), train)
