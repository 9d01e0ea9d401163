"""A baseline for document questions without a language model: quote the best sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from corpora.task import Document, Example, Task
from strategies.base import Answer, Family, Progress, Score, Training, no_progress
from strategies.embedding import Embedder, default_embedder
from strategies.models.base import Model
from strategies.passage_index import PassageIndex
from strategies.retrieval import HybridRetriever

SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[.!?][\"')\]])\s+|\n+")


class BestPassage:
    """The sentence most similar to the question in the best passage of the documents."""

    name = "baseline.passage"
    family: Family = "baseline"
    needs_model = False
    tells_confidence = True

    def __init__(self, *, chunk_tokens: int = 200, embedder: Embedder | None = None) -> None:
        self.chunk_tokens = chunk_tokens
        self.embedder = embedder

    def misfit(self, task: Task, *, has_documents: bool, model: Model | None) -> str | None:
        if not has_documents:
            return f"{self.name} needs documents"
        if task.kind not in ("question-answering", "generation"):
            return f"{self.name} quotes a sentence, which answers no {task.kind} task"
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
    ) -> PreparedPassage:
        embedder = self.embedder or default_embedder()
        progress(0.0, "indexing the documents")
        index = PassageIndex.build(
            documents, HybridRetriever, embedder, chunk_tokens=self.chunk_tokens
        )
        return PreparedPassage(index, embedder)

    def load(self, folder: Path, task: Task, model: Model | None) -> PreparedPassage:
        embedder = self.embedder or default_embedder()
        return PreparedPassage(PassageIndex.load(folder, HybridRetriever, embedder), embedder)


@dataclass(frozen=True)
class PreparedPassage:
    """Ready to answer, as sure as the sentence is like the question (their cosine)."""

    index: PassageIndex
    embedder: Embedder
    training: Training | None = None

    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        answers: list[Answer] = []
        for text, passages in zip(inputs, self.index.find(inputs, 1), strict=True):
            if not passages:
                answers.append(Answer("", error="No passage shares a word with the input."))
                continue
            best = passages[0]
            sentence, cosine = self._best_sentence(text, best.text)
            answers.append(Answer(sentence, sources=(best.document,), confidence=cosine))
        return answers

    def _best_sentence(self, question: str, passage: str) -> tuple[str, float]:
        candidates = sentences(passage)
        vectors = self.embedder.embed([question, *candidates])
        cosines = np.round(vectors[1:] @ vectors[0], 5)
        best = int(np.argmax(cosines))
        return candidates[best], round(float(cosines[best]), 5)

    def save(self, folder: Path) -> None:
        self.index.save(folder)


def sentences(text: str) -> list[str]:
    """The sentences of a passage, without headings and questions unless there is nothing else.

    A heading or a question in the text is often the nearest to the question asked, and never
    its answer.
    """
    parts = [part.strip() for part in SENTENCE_END.split(text) if part and part.strip()]
    statements = [part for part in parts if not part.startswith("#") and not part.endswith("?")]
    return statements or parts or [text]
