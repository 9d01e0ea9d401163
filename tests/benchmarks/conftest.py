"""Hand-made data and strategies that the tests of a run share."""

import pytest

from benchmarks.costs import read_prices
from corpora.task import Dataset, Example, Needs, Task

LABELS = ("red", "green", "blue")


def rows(split, count):
    return tuple(
        Example(
            id=f"{split}-{number}",
            input=f"{split} item {number}: paint it {LABELS[number % 3]} please",
            output=LABELS[number % 3],
            split=split,
        )
        for number in range(count)
    )


@pytest.fixture
def dataset():
    task = Task(
        name="colours",
        kind="classification",
        instruction="Name the colour that is asked for in the order.",
        labels=LABELS,
        metric="accuracy",
        needs=Needs(requests_per_month=1000),
    )
    return Dataset(
        task=task, train=rows("train", 12), validation=rows("validation", 6), test=rows("test", 40)
    )


@pytest.fixture
def prices():
    return read_prices()
