"""A worker that trains the tiny transformer of TINY_MODEL, whatever the task: run by the tests."""

import os

from corpora.task import Dataset
from service.comparing import with_models
from service.computing import Computer, dataset_of
from service.orders import Order
from service.settings import Settings
from service.worker import work


def tiny(order: Order) -> Dataset:
    """The data, for a model that no spec over HTTP could name."""
    return with_models(dataset_of(order), [os.environ["TINY_MODEL"]])


if __name__ == "__main__":
    work(Settings.from_environment(), Computer(tiny))
