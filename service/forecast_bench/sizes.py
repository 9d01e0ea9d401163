"""How large the exhaustive comparisons of the benchmark are: rows, strategies and seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from corpora.splits import nested_sample, stratum_of
from corpora.task import Dataset, Example

ROWS_SEED = 0
"""Draws the rows where there are more than a size allows, for every seed of the strategies."""


@dataclass(frozen=True)
class Size:
    """At most so many rows of each split.

    `strategies` are the ones that run, None for all. What trains the model runs with each of
    `seeds` on the `repeated` tasks with the fewest training tokens, and with the first elsewhere.
    """

    name: str
    train: int
    validation: int
    test: int
    strategies: tuple[str, ...] | None = None
    seeds: tuple[int, ...] = (0,)
    repeated: int = 0


DEFAULT = Size("default", 300, 100, 200, seeds=(0, 1, 2), repeated=8)
SMALL = Size(
    "small",
    60,
    30,
    40,
    strategies=(
        *("baseline.majority", "baseline.linear", "baseline.passage"),
        *("prompt.few-shot", "prompt.nearest", "rag.bm25", "lora"),
    ),
)
SIZES = {size.name: size for size in (DEFAULT, SMALL)}


def cut(dataset: Dataset, size: Size) -> Dataset:
    """The data set at that size, spread over labels and groups, and what the benchmark does not
    ask left out: what runs today, and learning curves."""
    task = dataset.task.model_copy(update={"learning_curve": False})
    return Dataset(
        task=task,
        train=part(dataset, dataset.train, size.train),
        validation=part(dataset, dataset.validation, size.validation),
        test=part(dataset, dataset.test, size.test),
        documents=dataset.documents,
    )


def part(dataset: Dataset, rows: Sequence[Example], most: int) -> tuple[Example, ...]:
    task = dataset.task
    strata = [stratum_of(row, task.kind, task.no_answer) for row in rows]
    return nested_sample(rows, strata, most, ROWS_SEED)
