"""Choosing which training examples are shown to a model."""

from __future__ import annotations

import random
from collections.abc import Sequence
from statistics import median

import numpy as np

from corpora.task import Example, Task


def balanced_examples(
    task: Task, examples: Sequence[Example], count: int, *, seed: int
) -> list[Example]:
    """`count` examples drawn by seed; in classification the labels take turns.

    The order is shuffled too, so that no label gains by standing last.
    """
    dice = random.Random(seed)
    pools: dict[str, list[Example]] = {}
    for example in examples:
        pools.setdefault(example.output if task.kind == "classification" else "", []).append(
            example
        )
    queues = [pools[key] for key in sorted(pools)]
    for queue in queues:
        dice.shuffle(queue)
    dice.shuffle(queues)
    chosen: list[Example] = []
    while len(chosen) < count and any(queues):
        for queue in queues:
            if queue and len(chosen) < count:
                chosen.append(queue.pop())
    dice.shuffle(chosen)
    return chosen


def random_examples(examples: Sequence[Example], count: int, *, seed: int) -> list[Example]:
    """Up to `count` examples drawn by seed, each as likely as any other."""
    return random.Random(seed).sample(list(examples), min(count, len(examples)))


def diverse_examples(
    examples: Sequence[Example], vectors: np.ndarray, count: int, *, seed: int
) -> list[Example]:
    """Up to `count` examples far from each other, in an order drawn by seed.

    `vectors` is examples × dimensions, each of length 1. The first is the one most similar to
    all, each further one the least similar to those already taken (Gonzalez 1985, "Clustering to
    Minimize the Maximum Intercluster Distance").
    """
    taken = [int(np.argmax(vectors @ vectors.mean(axis=0)))]
    closest = vectors @ vectors[taken[0]]
    while len(taken) < min(count, len(examples)):
        closest[taken] = np.inf
        taken.append(int(np.argmin(closest)))
        closest = np.maximum(closest, vectors @ vectors[taken[-1]])
    chosen = [examples[row] for row in taken]
    random.Random(seed).shuffle(chosen)
    return chosen


def typical_examples(
    task: Task, examples: Sequence[Example], count: int, *, seed: int
) -> list[Example]:
    """`count` examples whose outputs are of usual length, and one without an answer if any.

    Classification is balanced over labels instead. Elsewhere the draw is among the half of the
    rows whose output is nearest the median length in characters, so that the form shown is the
    common one. Where the task has a `no_answer` and a row shows it, exactly one such row stands
    in the middle: never last, where it would be copied most.
    """
    if task.kind == "classification":
        return balanced_examples(task, examples, count, seed=seed)
    dice = random.Random(seed)
    unanswerable = [e for e in examples if is_unanswerable(task, e)]
    answerable = [e for e in examples if not is_unanswerable(task, e)]
    chosen: list[Example] = []
    wanted = count - 1 if unanswerable and count > 1 and answerable else count
    if answerable:
        middle = median(len(e.output) for e in answerable)
        by_distance = sorted(answerable, key=lambda e: abs(len(e.output) - middle))
        usual = by_distance[: max(wanted, (len(by_distance) + 1) // 2)]
        chosen = dice.sample(usual, min(wanted, len(usual)))
    if unanswerable and (count > 1 or not answerable):
        chosen.insert(len(chosen) // 2, dice.choice(unanswerable))
    return chosen[:count]


def is_unanswerable(task: Task, example: Example) -> bool:
    """Whether the right output is the task's `no_answer`."""
    if not task.no_answer:
        return False
    return example.output.strip().casefold() == task.no_answer.strip().casefold()
