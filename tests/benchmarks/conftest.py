"""Hand-made data and strategies that the tests of a run share."""

import pytest
from made_up import World

from benchmarks.belief.predictor import Predictor
from benchmarks.costs import read_prices
from benchmarks.plan import Entry
from benchmarks.reuse import Reuse
from corpora.task import Dataset, Example, Needs, Task
from strategies.baselines import Nearest
from strategies.cache import Cache
from strategies.embedding import HashingEmbedder

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


def key_for(dataset, cache, strategy=None, model=None, seed=0):
    entry = Entry("s", strategy or Nearest(embedder=HashingEmbedder()), None)
    return Reuse(cache, dataset, seed).key(entry, model)


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


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "results", worth_seconds=0.0)


@pytest.fixture
def tiny(tiny_folder):
    import torch

    from strategies.models.cached import CachedModel
    from strategies.models.local import LocalModel

    plain = LocalModel(tiny_folder, name="tiny", device="cpu", dtype=torch.float32)
    return CachedModel.around(plain)


@pytest.fixture(scope="session")
def tasks():
    """Measured tasks of a made-up world."""
    return [task for task, _ in World(seed=11).tasks(16)]


@pytest.fixture(scope="session")
def predictor(tasks):
    """What those tasks teach."""
    return Predictor.fit(tasks)
