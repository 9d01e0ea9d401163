"""The contract of a strategy: prepare once on the training data, then answer inputs.

Preparing returns the object that answers, so answering before preparing cannot be written.
Neither step ever sees a test example; `answer` sees inputs only, never references.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from corpora.task import Document, Example, Task
from strategies.models.base import Model, Usage

Family = Literal["baseline", "prompting", "rag", "fine-tuning", "combined", "unknown"]
"""Of what is compared; unknown only where a plug-in cannot be loaded."""


@dataclass(frozen=True)
class Answer:
    """What a strategy says to one input.

    `sources` are the ids of the documents it used, best first. `probabilities` maps each label
    to its probability, for a choice. `error` is the reason of a failure: such an answer is
    counted as an error, never scored as an empty text. `confidence` is how sure the strategy is:
    it only ranks its own answers, and is None where not told. A strategy whose texts carry one
    says so by `tells_confidence = True`.
    """

    text: str
    usage: Usage = Usage()
    sources: tuple[str, ...] = ()
    probabilities: Mapping[str, float] | None = None
    error: str | None = None
    confidence: float | None = None


@dataclass(frozen=True)
class Training:
    """What a strategy learned or chose while preparing: for the report, never for a decision on
    test rows.

    `curve` holds one row an epoch: epoch (from 1), train_loss, validation_loss and
    validation_score. `search` lists the settings that were tried, each with validation_score,
    and with `chosen` = 1 the one that stands; further columns: rows (of validation that judged
    it), seconds, and `dropped`, why it could not stand. Those whose `stage` is
    `retrieval` asked no model: in place of validation_score they have mrr, hit_at_3 and
    retrieval_score, of as many labelled rows, and `told_by`, what said which passages are right.
    Those whose `stage` is `final` are the best settings trained whole, beside the budget's trials.
    Those that are whole trainings have `tokens`, too, what each learned from.
    `tokens` were learned from, all epochs together; `left_out` training rows were not, being too
    long. `usage` is what was asked of the model for choosing settings and epochs, which a hosted
    one bills.
    """

    curve: tuple[Mapping[str, float], ...] = ()
    epochs: int = 0
    seeds: tuple[int, ...] = ()
    search: tuple[Mapping[str, float | str], ...] = ()
    tokens: int = 0
    left_out: int = 0
    usage: Usage = Usage()


Score = Callable[[Sequence[Example], Sequence[Answer]], float]
"""Mean quality of answers to validation examples, 0 to 1; handed in by the runner."""

Progress = Callable[[float, str], None]
"""Told the fraction done (0 to 1) and what is being done."""


def no_progress(fraction: float, message: str) -> None:
    """A progress callback for callers that do not watch."""


class Prepared(Protocol):
    """A strategy ready to answer."""

    @property
    def training(self) -> Training | None: ...

    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        """One answer for each input, in order. Never raises for a single bad input."""
        ...

    def save(self, folder: Path) -> None:
        """Write the artefact the user takes away into `folder`, which exists and is empty."""
        ...


class Strategy(Protocol):
    """One way to answer a task. Settings are flat keyword arguments of the constructor.

    One that chooses settings within `task.search` says so with the class attribute
    `searches = True`: the budget is then part of its quote, its cache key and its report.
    """

    name: str
    family: Family
    needs_model: bool

    def misfit(self, task: Task, *, has_documents: bool, model: Model | None) -> str | None:
        """Why this strategy cannot serve the task ("rag needs documents"), or None if it can.

        All that is known of the kinds of task it serves: the registry asks once for each.
        """
        ...

    def prepare(
        self,
        task: Task,
        train: Sequence[Example],
        validation: Sequence[Example],
        documents: Sequence[Document],
        model: Model | None,
        score: Score,
        *,
        seed: int = 0,
        progress: Progress = no_progress,
    ) -> Prepared:
        """Spend the setup cost once. Sees training and validation rows only."""
        ...

    def load(self, folder: Path, task: Task, model: Model | None) -> Prepared:
        """The inverse of `Prepared.save`: answers exactly as the saved one did."""
        ...


@runtime_checkable
class Composed(Protocol):
    """A strategy that is made of others.

    Which ones may depend on the task; `settled` is asked before a run is planned, because the
    need of a model is theirs.
    """

    parts: tuple[Strategy, ...]
    """In the order in which they are asked; empty until settled."""

    def settled(self, task: Task, *, has_documents: bool) -> Strategy:
        """The same strategy with its parts chosen for the task. Never raises."""
        ...


def settled(strategy: Strategy, task: Task, *, has_documents: bool) -> Strategy:
    """The strategy as it will run on the task."""
    if isinstance(strategy, Composed):
        return strategy.settled(task, has_documents=has_documents)
    return strategy


def parts_of(strategy: Strategy) -> tuple[Strategy, ...]:
    """What a settled strategy is made of; nothing for most."""
    return strategy.parts if isinstance(strategy, Composed) else ()


@dataclass(frozen=True)
class Described:
    """A row of `tuneworth strategies`. `error` says why one cannot be used, else it is None."""

    name: str
    family: Family
    summary: str
    kinds: tuple[str, ...] = ()
    error: str | None = None
