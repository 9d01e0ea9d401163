"""What the frozen model's own states tell of the labels: a linear head on them, no training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from corpora.task import Example, Task
from strategies.models.base import Prompt

if TYPE_CHECKING:
    from strategies.models.local import LocalModel

Place = Literal["middle mean", "middle last", "final mean", "final last"]
"""Of the middle or the final layer: the mean over a prompt's own tokens, or its last token."""


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
    `predicted` are its labels for them, in order. `place` is the best of those tried by
    `out_of_fold`, which flatters that figure a little where several were tried.
    """

    out_of_fold: float
    validation: float | None
    predicted: tuple[str, ...]
    place: Place | None = None
    c: float = 1.0
    tokens: int = 0
    operations: float = 0.0


def hidden_states(model: LocalModel, prompts: Sequence[Prompt]) -> States:
    """States of the frozen model: one pass over the prompts' own tokens, a shared prefix once."""
    raise NotImplementedError


def linear_head(
    train: np.ndarray,
    outputs: Sequence[str],
    validation: np.ndarray,
    wanted: Sequence[str],
    *,
    groups: Sequence[str] | None = None,
    seed: int = 0,
) -> Head:
    """A regularised logistic regression on vectors (rows × dimensions) of any kind.

    `outputs` are the labels of the training rows, `wanted` those of the validation rows. Rows of
    one group stay in one fold. Takes some tenths of a second for 300 rows of 576 dimensions.
    """
    raise NotImplementedError


def probe(
    task: Task,
    model: LocalModel,
    train: Sequence[Example],
    validation: Sequence[Example],
    *,
    seed: int = 0,
) -> Head:
    """The best head on the states of zero-shot prompts, for classification.

    Costs one prefill of the training and validation inputs, the instruction computed once.
    """
    raise NotImplementedError
