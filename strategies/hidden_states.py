"""What the frozen model's own states tell of the labels: a linear head on them, no training."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from corpora.task import Example, Task
from strategies.errors import ModelError
from strategies.likelihood import asked_rows, work_of
from strategies.linear import CHOICES
from strategies.models.base import Prompt

if TYPE_CHECKING:
    from strategies.models.local import LocalModel

Place = Literal["middle mean", "middle last", "final mean", "final last"]
"""Of the middle or the final layer: the mean over a prompt's own tokens, or its last token."""
PLACES: tuple[Place, ...] = get_args(Place)
FOLDS = 5


@dataclass(frozen=True)
class States:
    """One vector a prompt at each place, rows × width, float32. `tokens` were read for them."""

    vectors: Mapping[Place, np.ndarray]
    tokens: int
    operations: float


@dataclass(frozen=True)
class Head:
    """A linear head and how often it is right, 0 to 1.

    `out_of_fold`: on training rows, each judged by a head that had not seen it. `validation`: on
    the validation rows, by a head fitted on all training rows, None where there are none;
    `predicted` are its labels for them, in order, and `rows` their ids, where the rows have any.
    `place` and `c` are the best of those tried by `out_of_fold`, which flatters that figure a
    little.
    """

    out_of_fold: float
    validation: float | None
    predicted: tuple[str, ...]
    c: float
    rows: tuple[str, ...] = ()
    place: Place | None = None
    tokens: int = 0
    operations: float = 0.0


def hidden_states(model: LocalModel, prompts: Sequence[Prompt]) -> States:
    """States of the frozen model: one pass over the prompts' own tokens, a shared prefix once.

    Raises ModelError where memory does not hold a prompt.
    """
    from strategies.models.given import prompt_states

    encoded = [model.encode(prompt) for prompt in prompts]
    found = dict(prompt_states(model, encoded))
    rows = []
    for place in range(len(encoded)):
        vectors = found[place]
        if vectors is None:
            raise ModelError("head: an input does not fit into memory; shorten the inputs.")
        rows.append([vector.numpy() for vector in vectors])
    tokens, operations = work_of(model, encoded, [0] * len(encoded), 0)
    return States(
        {place: np.array([row[number] for row in rows]) for number, place in enumerate(PLACES)},
        tokens,
        operations,
    )


def probe(
    task: Task,
    model: LocalModel,
    train: Sequence[Example],
    validation: Sequence[Example],
    *,
    seed: int = 0,
) -> Head:
    """The best head on the states of zero-shot prompts, for classification.

    Costs one prefill of the training and validation inputs, the instruction computed once. Rows
    whose inputs do not fit the model are left out.
    """
    asked = [asked_rows(task, model, train, rows) for rows in (train, validation)]
    states = hidden_states(model, [row.prompt for rows in asked for row in rows])
    outputs, wanted = ([row.reply for row in rows] for rows in asked)
    group_of = {row.id: row.group for row in train}
    groups = [group_of[row.example] for row in asked[0]]
    learned = len(outputs)
    heads = [
        replace(
            linear_head(
                states.vectors[place][:learned],
                outputs,
                states.vectors[place][learned:],
                wanted,
                groups=groups,
                seed=seed,
            ),
            place=place,
        )
        for place in PLACES
    ]
    best = max(heads, key=lambda head: head.out_of_fold)
    return replace(
        best,
        rows=tuple(row.example for row in asked[1]),
        tokens=states.tokens,
        operations=states.operations,
    )


def linear_head(
    train: np.ndarray,
    outputs: Sequence[str],
    validation: np.ndarray,
    wanted: Sequence[str],
    *,
    groups: Sequence[str | None] | None = None,
    seed: int = 0,
) -> Head:
    """A regularised logistic regression on vectors (rows × dimensions) of any kind.

    `outputs` are the labels of the training rows, `wanted` those of the validation rows. Rows of
    one group stay in one fold. Takes less than a second for 300 rows.
    """
    train, validation = evened(train, validation)
    fold = folds(outputs, groups or [None] * len(outputs), seed)
    labels = np.array(outputs, dtype=object)
    shares = {c: float(np.mean(out_of_fold(train, labels, fold, c) == labels)) for c in CHOICES}
    c = max(shares, key=lambda each: (shares[each], -each))
    predicted = fitted(train, labels, validation, c) if len(wanted) else labels[:0]
    return Head(
        out_of_fold=shares[c],
        validation=float(np.mean(predicted == np.array(wanted, dtype=object)))
        if len(wanted)
        else None,
        predicted=tuple(predicted),
        c=c,
    )


def evened(train: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every dimension of one variance on the training rows and every row about 1 long, as sentence
    embeddings are, then turned into the space that the training rows span: the same regression,
    in fewer dimensions."""
    center, spread = train.mean(axis=0), train.std(axis=0)
    scale = np.where(spread > 1e-6, spread, np.inf) * np.sqrt(train.shape[1])
    train, others = ((rows - center) / scale for rows in (train, others))
    if len(train) >= train.shape[1]:
        return train, others
    _, _, directions = np.linalg.svd(train.astype(np.float64), full_matrices=False)
    return train @ directions.T, others @ directions.T


def folds(outputs: Sequence[str], groups: Sequence[str | None], seed: int) -> np.ndarray:
    """A fold for each row, drawn by seed: labels are spread evenly, a group is in one fold."""
    units: dict[str, list[int]] = {}
    for row, group in enumerate(groups):
        units.setdefault(f"row {row}" if group is None else f"group {group}", []).append(row)
    order = list(units.values())
    random.Random(seed).shuffle(order)
    found = np.zeros(len(outputs), dtype=int)
    for number, unit in enumerate(sorted(order, key=lambda rows: outputs[rows[0]])):
        found[unit] = number % FOLDS
    return found


def out_of_fold(vectors: np.ndarray, labels: np.ndarray, fold: np.ndarray, c: float) -> np.ndarray:
    """A label for each row from the rows of the other folds; None where there are none."""
    found = np.full(len(labels), None, dtype=object)
    for number in np.unique(fold):
        rest = fold != number
        if rest.any():
            found[~rest] = fitted(vectors[rest], labels[rest], vectors[~rest], c)
    return found


def fitted(vectors: np.ndarray, labels: np.ndarray, others: np.ndarray, c: float) -> np.ndarray:
    """Labels of other rows, by a logistic regression on these."""
    from sklearn.linear_model import LogisticRegression

    if len(set(labels)) == 1:
        return np.full(len(others), labels[0], dtype=object)
    head = LogisticRegression(C=c, max_iter=300, tol=1e-3).fit(vectors, labels.astype(str))
    return np.array(head.predict(others), dtype=object)
