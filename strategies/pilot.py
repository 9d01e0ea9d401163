"""One LoRA training that grows only as far as it must, and is read by likelihood on the way.

Every row is seen as often as in the whole training, each growth going on with rows that are new,
so that a pilot at a share of the rows has cost that share of the training, whatever the growths
before: pilots of their own at 5, 10 and 25% would have cost 40% of it.

The learning rate stays where it is after a short warm-up. A rate that falls to zero, as in the
whole training, would have to know where the pilot ends, and would leave it nothing to go on with.
Most of what falling brings, weights that have settled, comes from reading the mean of the weights
over the last steps of a growth, while the training itself goes on from the last ones: it costs no
step, where a copy that is trained on with a falling rate takes a fifth more for each reading
(both: Hägele et al. 2024, "Scaling Laws and Compute-Optimal Training Beyond Fixed Training
Durations").
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from corpora.errors import InvalidInput
from corpora.splits import nested_sample, stratum_of
from corpora.task import Example, Task
from strategies.base import Answer, Progress, Score, no_progress
from strategies.likelihood import Likelihood, likelihood_of
from strategies.lora import Lora, evenly
from strategies.models.base import Model
from strategies.operations import sizes_of
from strategies.passage_index import PassageIndex
from strategies.saving import need_rows
from strategies.tuned import TrainingRow

if TYPE_CHECKING:
    import torch

    from strategies.adapters import InTraining, MasterAdam
    from strategies.models.local import LocalModel
    from strategies.training_rows import Item

ANSWERED_ROWS = 16
"""Validation rows that are answered in a reading where there are no labels to weigh."""
WARM_UP_STEPS = 4
SETTLED = 0.25
"""Of a growth's steps, those whose weights are read as their mean: its last ones."""


@dataclass(frozen=True)
class PilotReading:
    """Where a pilot stands after a growth.

    `rows` training rows, a `share` of all, were learned from so far. `likelihood` is that of the
    validation rows. `score` (0 to 1) is that of `answers` to `answered`: the likeliest label of
    every validation row, or a few generated texts; None where no score was asked for. Of this
    growth alone: `losses`, nats a token of the rows that were new, a pass each, the first of them
    mostly before they were learned; `steps` of the optimiser; `tokens` that were learned from, all
    passes together; `operations`, the reading included, generated answers not; `left_out` rows
    that were too long.
    """

    share: float
    rows: int
    likelihood: Likelihood
    score: float | None
    answered: tuple[Example, ...]
    answers: tuple[Answer, ...]
    losses: tuple[float, ...]
    steps: int
    tokens: int
    operations: float
    left_out: int


class Pilot:
    """The training of a `Lora` or `LoraRag` strategy on a growing part of the training rows.

    `index` as in `Lora.tune`: what `strategy.index_of(documents, ...)` gave. Between two growths
    nothing of it is in the shared network, so that other strategies may run. The same seed and
    growths give the same readings.

    A growth by a share of the rows takes that share of the whole training's time, and a reading
    about one prefill of the validation rows, and `answered` generated answers where there are no
    labels and a score is asked for (`score` of validation rows and answers, 0 to 1).
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
        need_rows(strategy.name, train)
        self.strategy, self.task, self.score, self.seed = strategy, task, score, seed
        self.train, self.validation = tuple(train), tuple(validation)
        self._untuned = strategy.untuned(task, train, index, model)
        self._answered = evenly(validation, answered)
        self._order = random.Random(seed)
        self._optimiser: MasterAdam | None = None
        self._settled: torch.Tensor | None = None
        self._learned: set[str] = set()
        self._steps = 0

    @property
    def share(self) -> float:
        """Of the training rows, what was learned from so far."""
        return len(self._learned) / len(self.train)

    def grow(self, share: float, *, progress: Progress = no_progress) -> PilotReading:
        """Learn on, up to a share (0 to 1) of the training rows, one at least, then read.
        `progress` is told of every step of learning, and of nothing after the last one.

        Raises InvalidInput where that is no row more than before, and ModelError where none of
        the rows fits or the loss is not finite, after which the pilot cannot go on.
        """
        from strategies.adapters import wrapped
        from strategies.training import learnable, within

        fresh = self._fresh(share)
        base, tuner = self._untuned.base, self.strategy
        rows = self._untuned.training_rows(fresh)
        items = within(base, rows) if self._learned else learnable(base, rows)
        with wrapped(
            base, rank=tuner.rank, alpha=2 * tuner.rank, seed=self.seed, layers=tuner.layers
        ) as (training, tuned):
            losses, planned = self._learn(training, items, progress)
            likelihood, answers = self._read(tuned)
        self._learned |= {example.id for example in fresh}
        judged = self.validation if likelihood.likeliest else self._answered
        return PilotReading(
            share=self.share,
            rows=len(self._learned),
            likelihood=likelihood,
            score=self.score(judged, answers) if answers and self.score else None,
            answered=tuple(judged) if answers else (),
            answers=tuple(answers),
            losses=losses,
            steps=len(planned),
            tokens=tuner.epochs * sum(map(len, items)),
            operations=self._operations(planned, items) + likelihood.operations,
            left_out=len(fresh) - len(items),
        )

    def _fresh(self, share: float) -> list[Example]:
        """The rows that a growth adds; nested, so that each is new once."""
        task = self.task
        strata = [stratum_of(row, task.kind, task.no_answer) for row in self.train]
        count = max(1, int(share * len(self.train) + 0.5)) if 0 < share <= 1 else 0
        part = nested_sample(self.train, strata, count, self.seed)
        fresh = [row for row in part if row.id not in self._learned]
        if not fresh:
            fix = f"Give more than {self.share:.3g}, what was learned from so far, and at most 1."
            raise InvalidInput("share", share, fix)
        return fresh

    def _learn(
        self, training: InTraining, items: Sequence[Item], progress: Progress
    ) -> tuple[tuple[float, ...], list[list[Item]]]:
        """Go on with new rows: the mean loss of each pass over them, and the steps taken. Leaves
        the network with the weights that are to be read."""
        import torch

        from strategies.adapters import MasterAdam
        from strategies.training import learn, read_lower, steps

        tuner = self.strategy
        if self._optimiser is None:
            self._optimiser = MasterAdam(training.weights, tuner.learning_rate)
        else:
            self._optimiser.move_to(training.weights)
        optimiser, begun = self._optimiser, self._steps
        read_lower(training, items, progress)
        passes = [steps(items, tuner.batch_rows, self._order) for _ in range(tuner.epochs)]
        planned = [step for one in passes for step in one]
        if not planned:
            optimiser.show(self._settled if self._settled is not None else optimiser.flat)
            return (), planned
        settling = max(1, int(SETTLED * len(planned)))
        mean = torch.zeros_like(optimiser.flat)

        def rate(step: int) -> float:
            return tuner.learning_rate * min((step + 1) / WARM_UP_STEPS, 1.0)

        def told(step: int, loss: float) -> None:
            done = step + 1 - begun
            if done > len(planned) - settling:
                mean.add_(optimiser.flat, alpha=1 / settling)
            progress(done / len(planned), f"step {done} of {len(planned)}, loss {loss:.3f}")

        losses = []
        for one in passes:
            losses.append(learn(training, optimiser, one, rate, told, self._steps))
            self._steps += len(one)
        self._settled = mean
        optimiser.show(mean)
        return tuple(losses), planned

    def _read(self, tuned: LocalModel) -> tuple[Likelihood, list[Answer]]:
        """What the tuned model thinks of the validation rows, and its answers."""
        likelihood = likelihood_of(self.task, tuned, self._asked)
        if likelihood.likeliest:
            unread = Answer("", error="the input does not fit the model")
            return likelihood, [
                Answer(likelihood.likeliest[row.id]) if row.id in likelihood.likeliest else unread
                for row in self.validation
            ]
        if self.score is None or not self._answered:
            return likelihood, []
        prepared = replace(self._untuned, tuned=tuned)
        return likelihood, prepared.answer([row.input for row in self._answered])

    @cached_property
    def _asked(self) -> list[TrainingRow]:
        return self._untuned.training_rows(self.validation)

    def _operations(self, planned: Sequence[Sequence[Item]], items: Sequence[Item]) -> float:
        """Of the steps: each prefix once a step; layers below the adapters once for all of them."""
        from strategies.adapters import layers_below, layers_of

        base, tuner = self._untuned.base, self.strategy
        upper = 1 - layers_below(base.network, tuner.layers) / layers_of(base.network)
        sizes = sizes_of(base.network)
        optimiser = self._optimiser
        adapters = optimiser.flat.numel() if optimiser is not None else 0
        found = sizes.of_layers(1 - upper).read(parts_of(items), 0)
        for step in planned:
            learned = sum(len(item.reply) for item in step)
            found += sizes.of_layers(upper).learned(parts_of(step), learned, adapters)
        return found


def parts_of(items: Sequence[Item]) -> list[tuple[int, int]]:
    """What is read of rows: each prefix once, each row's own tokens behind it (before, tokens)."""
    prefixes = {item.prefix for item in items}
    return [
        *((0, len(prefix)) for prefix in prefixes),
        *((len(item.prefix), len(item.read)) for item in items),
    ]
