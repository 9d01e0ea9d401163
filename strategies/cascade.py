"""Two strategies in turn: the cheap one answers where it is sure, the dear one the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from corpora.errors import InvalidInput
from corpora.task import Document, Example, Kind, Task
from strategies.base import (
    Answer,
    Family,
    Prepared,
    Progress,
    Score,
    Strategy,
    Training,
    no_progress,
)
from strategies.embedding import Embedder
from strategies.errors import StrategyError
from strategies.models.base import Model, Usage
from strategies.registry import create_strategy
from strategies.saving import read_json, read_training, write_json, write_training
from strategies.search import total
from strategies.thresholds import Tried, choose_threshold, is_sure, merged, told, untold

PLACES = ("cheap", "dear")
STARTS = (0.0, 0.4)
"""Where in the whole preparation that of each part begins, for the progress bar."""


class Cascade:
    """A cheap strategy answers where it is sure, a dear one elsewhere.

    How sure is enough is chosen on the validation rows: as many cheap answers as the task's
    practical margin allows. `cheap` and `dear` are names of strategies, made with their default
    settings; where they are left out the task decides (`default_parts`).

    A combination, whatever its parts are; it counts as tuned only where one of them is.
    """

    name = "cascade"
    family: Family = "combined"

    def __init__(
        self,
        *,
        cheap: str | None = None,
        dear: str | None = None,
        embedder: Embedder | None = None,
    ) -> None:
        self.cheap = cheap
        self.dear = dear
        self.embedder = embedder
        one = self._part("cheap", cheap)
        other = self._part("dear", dear)
        self.parts: tuple[Strategy, ...] = (one, other) if one and other else ()
        # of the defaults, no cheap one needs a model and every dear one does
        self.needs_model: bool = (one is not None and one.needs_model) or (
            other is None or other.needs_model
        )

    def _part(self, field: str, name: str | None) -> Strategy | None:
        if name is None:
            return None
        if name == self.name:
            raise InvalidInput(field, name, "A cascade cannot contain itself; name another one.")
        return create_strategy(name, embedder=self.embedder)

    def settled(self, task: Task, *, has_documents: bool) -> Cascade:
        if self.parts:
            return self
        cheap, dear = default_parts(task.kind, has_documents=has_documents)
        return Cascade(cheap=self.cheap or cheap, dear=self.dear or dear, embedder=self.embedder)

    def misfit(self, task: Task, *, has_documents: bool, model: Model | None) -> str | None:
        ready = self.settled(task, has_documents=has_documents)
        if ready.cheap == ready.dear:
            return f"{self.name} needs two different strategies, and both are {ready.cheap}"
        for part in ready.parts:
            reason = part.misfit(task, has_documents=has_documents, model=own(part, model))
            if reason is not None:
                return f"{self.name} asks a strategy that does not fit: {reason}"
        is_choice = task.kind == "classification"  # which has probabilities
        if not is_choice and not getattr(ready.parts[0], "tells_confidence", False):
            return f"{self.name} cannot rank answers of {ready.cheap}, which tells no confidence"
        return None

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
    ) -> PreparedCascade:
        ready = self.settled(task, has_documents=bool(documents))

        def prepared(part: Strategy, start: float) -> Prepared:
            return part.prepare(
                task,
                train,
                validation,
                documents,
                own(part, model),
                score,
                seed=seed,
                progress=stretch(progress, part.name, start),
            )

        names = tuple(part.name for part in ready.parts)
        cheap, dear = (prepared(part, at) for part, at in zip(ready.parts, STARTS, strict=True))
        progress(0.8, "answering the validation rows")
        inputs = [example.input for example in validation]
        answers = dear.answer(inputs)
        if answers and all(answer.error is not None for answer in answers):
            # else every input would quietly be left to the cheap one
            raise StrategyError(f"{names[1]} failed on every validation row: {answers[0].error}")
        margin = task.needs.practical_margin
        quick = cheap.answer(inputs)
        choice = choose_threshold(validation, quick, answers, score, margin=margin)
        asked = total([answer.usage for answer in (*quick, *answers)])
        search = [with_parts(row, names) for row in choice.search]
        training = joined(cheap, dear, search, asked)
        return PreparedCascade(names, cheap, dear, choice.threshold, training)

    def load(self, folder: Path, task: Task, model: Model | None) -> PreparedCascade:
        settings = read_json(folder / "cascade.json")
        names = (settings["cheap"], settings["dear"])
        parts = [create_strategy(name, embedder=self.embedder) for name in names]
        cheap, dear = (
            part.load(folder / place, task, own(part, model))
            for part, place in zip(parts, PLACES, strict=True)
        )
        threshold = untold(settings["threshold"])
        return PreparedCascade(names, cheap, dear, threshold, read_training(folder))


def default_parts(kind: Kind, *, has_documents: bool) -> tuple[str, str]:
    """Cheap and dear: without and with a language model, each reading the same as the other.

    Labels: the classifier, whose probabilities rank well. Questions and texts beside documents:
    what both find in them, quoted or read. Otherwise the training rows, copied or shown.
    """
    if kind == "classification":
        return "baseline.linear", "prompt.nearest"
    if has_documents and kind != "extraction":
        return "baseline.passage", "rag.hybrid"
    return "baseline.nearest", "prompt.nearest"


def with_parts(row: Tried, names: Sequence[str]) -> Tried:
    """The chosen threshold with the parts that it stands between, for a reader of the report."""
    return {**row, **dict(zip(PLACES, names, strict=True))} if row.get("chosen") else row


def own(part: Strategy, model: Model | None) -> Model | None:
    """What a part is handed: a strategy without a language model is never given one."""
    return model if part.needs_model else None


def stretch(progress: Progress, name: str, start: float) -> Progress:
    """Progress of one part as that of the whole, of which it is two fifths."""
    return lambda fraction, message: progress(start + 0.4 * fraction, f"{name}: {message}")


def joined(cheap: Prepared, dear: Prepared, search: Sequence[Tried], asked: Usage) -> Training:
    """The training of a part that was tuned, if any, with what was tried for the threshold, and
    with what choosing asked of the model."""
    told = [part.training for part in (dear, cheap) if part.training]
    tuned = next((each for each in told if each.epochs), Training())
    usages = [each.usage for each in told]
    return replace(tuned, search=(*tuned.search, *search), usage=total([*usages, asked]))


@dataclass(frozen=True)
class PreparedCascade:
    """Ready to answer. `names` are the cheap part's and the dear one's.

    Saved: both artefacts in folders of their own, the names with the threshold, and the training
    record.
    """

    names: tuple[str, ...]
    cheap: Prepared
    dear: Prepared
    threshold: float
    training: Training | None = None

    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        answers = list(self.cheap.answer(inputs))
        unsure = [at for at, answer in enumerate(answers) if not is_sure(answer, self.threshold)]
        asked = self.dear.answer([inputs[at] for at in unsure]) if unsure else []
        for at, answer in zip(unsure, asked, strict=True):
            answers[at] = merged(answers[at], answer)
        return answers

    def save(self, folder: Path) -> None:
        for place, part in zip(PLACES, (self.cheap, self.dear), strict=True):
            (folder / place).mkdir()
            part.save(folder / place)
        cheap, dear = self.names
        settings = {"cheap": cheap, "dear": dear, "threshold": told(self.threshold)}
        write_json(folder / "cascade.json", settings)
        write_training(folder, self.training)
