"""How many tokens the tasks train on, counted before anything runs: the smallest ones can afford
several seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from corpora.task import Dataset

CountTokens = Callable[[str], int]


def training_tokens(dataset: Dataset, count: CountTokens) -> int:
    """Instruction, input and output of every training row, once. What a template adds is left
    out, and passages that are retrieved: it orders tasks, and prices none."""
    each = count(dataset.task.instruction)
    return sum(each + count(row.input) + count(row.output) for row in dataset.train)


def repeated_tasks(tokens: Mapping[str, int], most: int) -> tuple[str, ...]:
    """The tasks with the fewest, by name where they have equally many."""
    return tuple(sorted(tokens, key=lambda name: (tokens[name], name))[:most])
