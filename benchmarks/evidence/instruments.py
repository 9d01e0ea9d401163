"""What is read off a model itself, as a seam: tests and other engines bring their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from benchmarks.evidence.offers import PILOT_ANSWERS
from corpora.task import Example, Task
from strategies.base import Prepared, Progress, Score, no_progress
from strategies.errors import ModelError
from strategies.fixed_prompt import FixedPrompt
from strategies.lora import Lora, weights_of
from strategies.models.base import Model
from strategies.passage_index import PassageIndex
from strategies.prompting import Passage
from strategies.rag import PreparedRag

if TYPE_CHECKING:
    from strategies.hidden_states import Head
    from strategies.likelihood import Likelihood
    from strategies.pilot import PilotReading


class Growing(Protocol):
    """A pilot (`strategies.pilot.Pilot`)."""

    def grow(self, share: float, *, progress: Progress = no_progress) -> PilotReading:
        """Learn and then read; `progress` is told of learning alone."""
        ...


class Instruments(Protocol):
    """Each method raises what its strategy or model raises."""

    def likelihood(
        self,
        task: Task,
        model: Model,
        train: Sequence[Example],
        prepared: Prepared,
        rows: Sequence[Example],
    ) -> Likelihood:
        """Of the right answers to rows, after the prompts that a prepared strategy asks."""
        ...

    def head(
        self,
        task: Task,
        model: Model,
        train: Sequence[Example],
        judges: Sequence[Example],
        *,
        seed: int,
    ) -> Head:
        """A linear head on the frozen model's states."""
        ...

    def pilot(
        self,
        strategy: Lora,
        task: Task,
        model: Model,
        train: Sequence[Example],
        judges: Sequence[Example],
        *,
        index: tuple[PassageIndex, int] | None,
        score: Score,
        seed: int,
    ) -> Growing:
        """A training that has not begun yet."""
        ...


class OnModels:
    """Those of `strategies`, for models whose weights are at hand."""

    def likelihood(
        self,
        task: Task,
        model: Model,
        train: Sequence[Example],
        prepared: Prepared,
        rows: Sequence[Example],
    ) -> Likelihood:
        from strategies.likelihood import asked_rows, likelihood_of

        local = weights_of("likelihood", model)
        passages: list[tuple[Passage, ...]] | None = None
        if isinstance(prepared, PreparedRag):
            passages = prepared.index.find([row.input for row in rows], prepared.top_k)
        elif not isinstance(prepared, FixedPrompt):
            raise ModelError(f"likelihood: the prompts of {type(prepared).__name__} are not known.")
        asked = asked_rows(
            task,
            local,
            train,
            rows,
            shots=prepared.shots,
            passages=passages,
            form=prepared.form,
        )
        return likelihood_of(task, local, asked)

    def head(
        self,
        task: Task,
        model: Model,
        train: Sequence[Example],
        judges: Sequence[Example],
        *,
        seed: int,
    ) -> Head:
        from strategies.hidden_states import probe

        return probe(task, weights_of("head", model), train, judges, seed=seed)

    def pilot(
        self,
        strategy: Lora,
        task: Task,
        model: Model,
        train: Sequence[Example],
        judges: Sequence[Example],
        *,
        index: tuple[PassageIndex, int] | None,
        score: Score,
        seed: int,
    ) -> Growing:
        from strategies.pilot import Pilot

        return Pilot(
            strategy,
            task,
            model,
            train,
            judges,
            index=index,
            score=score,
            answered=PILOT_ANSWERS,
            seed=seed,
        )
