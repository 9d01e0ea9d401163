"""Answers without a language model: the floor, and the bar that a model must clear."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from corpora.task import Document, Example, Task
from strategies.base import Answer, Family, Progress, Score, Training, no_progress
from strategies.embedding import Embedder, default_embedder
from strategies.linear import CHOICES, LinearHead
from strategies.models.base import Model
from strategies.neighbours import Neighbours
from strategies.saving import need_rows, read_json, read_lines, write_json, write_lines


class Majority:
    """The most frequent training output, whatever the input: the score of knowing nothing."""

    name = "baseline.majority"
    family: Family = "baseline"
    needs_model = False

    def misfit(self, task: Task, *, has_documents: bool, model: Model | None) -> str | None:
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
    ) -> Constant:
        need_rows(self.name, train)
        counts = Counter(example.output for example in train)
        text = max(counts, key=lambda output: counts[output])  # ties: the first in the rows
        if task.kind != "classification":
            return Constant(text)
        labels = dict.fromkeys([*task.labels, *counts])
        return Constant(text, {label: counts[label] / len(train) for label in labels})

    def load(self, folder: Path, task: Task, model: Model | None) -> Constant:
        return Constant(**read_json(folder / "answer.json"))


@dataclass(frozen=True)
class Constant:
    """Says the same to everything. `probabilities` are the labels' shares of the training rows."""

    text: str
    probabilities: Mapping[str, float] | None = None
    training: Training | None = None

    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        return [Answer(self.text, probabilities=self.probabilities) for _ in inputs]

    def save(self, folder: Path) -> None:
        write_json(folder / "answer.json", {"text": self.text, "probabilities": self.probabilities})


class Nearest:
    """The output of the most similar training input, by cosine of sentence embeddings."""

    name = "baseline.nearest"
    family: Family = "baseline"
    needs_model = False
    tells_confidence = True

    def __init__(self, *, embedder: Embedder | None = None) -> None:
        self.embedder = embedder

    def misfit(self, task: Task, *, has_documents: bool, model: Model | None) -> str | None:
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
    ) -> Copied:
        need_rows(self.name, train)
        embedder = self.embedder or default_embedder()
        neighbours = Neighbours.build([example.input for example in train], embedder)
        return Copied(neighbours, tuple(example.output for example in train))

    def load(self, folder: Path, task: Task, model: Model | None) -> Copied:
        neighbours = Neighbours.load(folder, self.embedder or default_embedder())
        return Copied(neighbours, tuple(read_lines(folder / "outputs.jsonl")))


@dataclass(frozen=True)
class Copied:
    """Copies an output, as sure as the inputs are alike (their cosine).

    `outputs` stand in the order of the neighbours' rows.
    """

    neighbours: Neighbours
    outputs: tuple[str, ...]
    training: Training | None = None

    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        return [
            Answer(self.outputs[row], confidence=cosine)
            for [(row, cosine)] in self.neighbours.ranked(inputs, 1)
        ]

    def save(self, folder: Path) -> None:
        self.neighbours.save(folder)
        write_lines(folder / "outputs.jsonl", self.outputs)


class Linear:
    """Logistic regression on sentence embeddings; its C is chosen on the validation rows."""

    name = "baseline.linear"
    family: Family = "baseline"
    needs_model = False

    def __init__(self, *, embedder: Embedder | None = None) -> None:
        self.embedder = embedder

    def misfit(self, task: Task, *, has_documents: bool, model: Model | None) -> str | None:
        if task.kind == "classification":
            return None
        return f"{self.name} chooses among labels and cannot write an answer"

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
    ) -> LinearHead:
        need_rows(self.name, train)
        embedder = self.embedder or default_embedder()
        vectors = embedder.embed([example.input for example in train])
        outputs = [example.output for example in train]
        heads = [LinearHead.fit(task, vectors, outputs, c, embedder) for c in CHOICES]
        default = heads[len(heads) // 2]
        if not validation:
            return default
        inputs = [example.input for example in validation]
        scores = {head.c: score(validation, head.answer(inputs)) for head in heads}
        # ties go to the smaller C, which is the simpler model
        best = max(heads, key=lambda head: scores[head.c])
        rows = [
            {"c": head.c, "validation_score": scores[head.c], "rows": float(len(inputs))}
            | ({"chosen": 1.0} if head is best else {})
            for head in (default, *(head for head in heads if head is not default))
        ]
        return replace(best, training=Training(search=tuple(rows)))

    def load(self, folder: Path, task: Task, model: Model | None) -> LinearHead:
        return LinearHead.load(folder, self.embedder or default_embedder())
