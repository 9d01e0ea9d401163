"""Retrieval-augmented generation: the best passages of the documents stand in the prompt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from corpora.task import Document, Example, Task
from strategies.answering import answer_fitted, answer_limit, fit_prompt
from strategies.base import Answer, Family, Progress, Score, Training, no_progress
from strategies.embedding import Embedder, default_embedder
from strategies.models.base import Model
from strategies.passage_index import PassageIndex
from strategies.prompting import Passage, Shot, answer_form
from strategies.retrieval import Bm25Retriever, DenseRetriever, HybridRetriever, Retriever
from strategies.saving import (
    need_model,
    read_json,
    read_shots,
    read_training,
    write_json,
    write_prompt,
    write_shots,
    write_training,
)
from strategies.shots import typical_examples

SEARCHED = 50  # how deep a worked example's right passage is looked for


class Rag:
    """Base of the three below, which differ in `retriever` alone.

    `shots` worked examples, the same for all inputs, show what form an answer takes; each has
    one passage, the best one of its right document where that is known, so that they teach
    reading and keep the prompt short.
    """

    name = "rag"
    family: Family = "rag"
    needs_model = True
    retriever: type[Retriever] = HybridRetriever

    def __init__(
        self,
        *,
        top_k: int = 3,
        chunk_tokens: int = 200,
        overlap: int = 0,
        shots: int = 3,
        embedder: Embedder | None = None,
    ) -> None:
        self.top_k = top_k
        self.chunk_tokens = chunk_tokens
        self.overlap = overlap
        self.shots = shots
        self.embedder = embedder

    def misfit(self, task: Task, *, has_documents: bool, model: Model | None) -> str | None:
        return None if has_documents else f"{self.name} needs documents"

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
    ) -> PreparedRag:
        model = need_model(self.name, model)
        progress(0.0, "indexing the documents")
        index = PassageIndex.build(
            documents,
            self.retriever,
            self.embedder or default_embedder(),
            chunk_tokens=self.chunk_tokens,
            overlap=self.overlap,
        )
        shots = worked_examples(
            index, typical_examples(task, train, self.shots, seed=seed), passages=1
        )
        limit = answer_limit(task, model, train)
        return PreparedRag(task, model, index, shots, self.top_k, limit, answer_form(task, train))

    def load(self, folder: Path, task: Task, model: Model | None) -> PreparedRag:
        index = PassageIndex.load(folder, self.retriever, self.embedder or default_embedder())
        return PreparedRag.load(folder, task, need_model(self.name, model), index)


class Bm25Rag(Rag):
    """Passages found by shared words."""

    name = "rag.bm25"
    retriever = Bm25Retriever


class DenseRag(Rag):
    """Passages found by meaning: sentence embeddings in a FAISS index."""

    name = "rag.dense"
    retriever = DenseRetriever


class HybridRag(Rag):
    """Passages found by words and by meaning, fused by rank."""

    name = "rag.hybrid"
    retriever = HybridRetriever


def worked_examples(
    index: PassageIndex, examples: Sequence[Example], *, passages: int
) -> tuple[Shot, ...]:
    """Labelled rows with `passages` passages each, those of the right documents first."""
    found = index.find([example.input for example in examples], SEARCHED)
    return tuple(
        Shot(example.input, example.output, right_first(ranked, example)[:passages])
        for example, ranked in zip(examples, found, strict=True)
    )


def right_first(ranked: Sequence[Passage], example: Example) -> tuple[Passage, ...]:
    """Passages in the order of retrieval, but those of the example's sources before others."""
    sources = example.sources or ()
    return tuple(sorted(ranked, key=lambda passage: passage.document not in sources))


@dataclass(frozen=True)
class PreparedRag:
    """Ready to answer. Saved: the index, `prompt.md` (to read), `shots.jsonl`, settings."""

    task: Task
    model: Model
    index: PassageIndex
    shots: tuple[Shot, ...]
    top_k: int
    max_new_tokens: int
    form: str = ""
    training: Training | None = None
    best_last: bool = True

    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        fitted = [
            fit_prompt(
                self.task,
                self.model,
                text,
                shots=self.shots,
                passages=passages,
                form=self.form,
                max_new_tokens=self.max_new_tokens,
                best_last=self.best_last,
            )
            for text, passages in zip(inputs, self.index.find(inputs, self.top_k), strict=True)
        ]
        return answer_fitted(self.task, self.model, fitted, max_new_tokens=self.max_new_tokens)

    def with_index(self, change: Callable[[PassageIndex], PassageIndex]) -> PreparedRag:
        """The same with another index, made of its own."""
        return replace(self, index=change(self.index))

    @classmethod
    def load(cls, folder: Path, task: Task, model: Model, index: PassageIndex) -> PreparedRag:
        """The inverse of `save`, given the index that was loaded from the same folder."""
        settings = read_json(folder / "settings.json")
        return cls(
            task,
            model,
            index,
            read_shots(folder / "shots.jsonl"),
            settings["top_k"],
            settings["max_new_tokens"],
            settings["form"],
            read_training(folder),
            settings.get("best_last", True),  # which older artefacts do not tell
        )

    def save(self, folder: Path) -> None:
        self.index.save(folder)
        write_prompt(
            folder / "prompt.md",
            self.task,
            self.shots,
            form=self.form,
            grounded=True,
            best_last=self.best_last,
        )
        write_shots(folder / "shots.jsonl", self.shots)
        write_json(
            folder / "settings.json",
            {
                "top_k": self.top_k,
                "max_new_tokens": self.max_new_tokens,
                "form": self.form,
                "best_last": self.best_last,
            },
        )
        write_training(folder, self.training)
