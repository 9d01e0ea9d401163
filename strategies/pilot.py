"""One LoRA training that grows only as far as it must, and is read by likelihood on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from corpora.task import Example, Task
from strategies.base import Answer, Progress, Score, no_progress
from strategies.likelihood import Likelihood
from strategies.lora import Lora
from strategies.models.base import Model
from strategies.passage_index import PassageIndex

ANSWERED_ROWS = 16
"""Validation rows that are answered in a reading where there are no labels to weigh."""


@dataclass(frozen=True)
class PilotReading:
    """Where a pilot stands after a growth.

    `rows` training rows, a `share` of all, were learned from so far. `likelihood` is that of the
    validation rows. `score` (0 to 1) is that of `answers` to `answered`, None where none was asked
    for. `steps`, `tokens` (of the network, prefixes included) and `train_loss` (nats a token,
    mean over the growth's steps) are of this growth alone, and so are `operations`, the reading
    included.
    """

    share: float
    rows: int
    likelihood: Likelihood
    score: float | None
    answered: tuple[Example, ...]
    answers: tuple[Answer, ...]
    train_loss: float
    steps: int
    tokens: int
    operations: float
    left_out: int = 0


class Pilot:
    """The training of a `Lora` or `LoraRag` strategy, begun on a few of the training rows.

    Every row is seen as often as in the whole training, so that a pilot at a share of the rows
    has cost about that share of it, whatever the growths before. `index` as in `Lora.tune`.
    Between two growths nothing of it is in the shared network: other strategies may run.
    The same seed and growths give the same readings.
    """

    def __init__(
        self,
        strategy: Lora,
        task: Task,
        model: Model,
        train: Sequence[Example],
        validation: Sequence[Example],
        *,
        index: tuple[PassageIndex, int] | None = None,
        score: Score | None = None,
        answered: int = ANSWERED_ROWS,
        seed: int = 0,
    ) -> None:
        raise NotImplementedError

    def grow(self, share: float, *, progress: Progress = no_progress) -> PilotReading:
        """Learn on, up to a share (0 to 1) of the training rows, then read.

        Raises ModelError where no row fits, or the loss is not finite; InvalidInput where `share`
        is not more than before.
        """
        raise NotImplementedError
