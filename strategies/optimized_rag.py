"""Retrieval-augmented generation with its settings chosen on validation rows.

What finds the passages is chosen first, by retrieval alone. What is made of them is chosen by
answers, one setting after the other, from the better of the default and the best retrieval.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from corpora.task import Document, Example, Task
from strategies.base import Progress, Score, no_progress
from strategies.cuts import RetrievalSettings
from strategies.embedding import Embedder, default_embedder
from strategies.models.base import Model
from strategies.rag import PreparedRag, Rag
from strategies.rag_setups import Assembler, Setup, choose
from strategies.relevance import telling_rows
from strategies.retrieval_search import RetrievalSearch
from strategies.reuse import charged_clock
from strategies.saving import need_model
from strategies.search import Search, judging_rows
from strategies.searched_index import SearchedIndex

RETRIEVAL_SHARE = 0.5
"""Of the seconds, for what asks no model."""


class OptimizedRag(Rag):
    """Chunks, retriever, prompt and worked examples chosen on validation rows.

    The settings given here are those of the first trial, which is `rag.hybrid`; nothing is chosen
    that does worse than it on validation, and without validation rows it stands. `reranker` is
    a cross-encoder's folder or hub id, tried if given here or in the task.
    """

    name = "rag.optimized"
    searches = True
    clock: Callable[[], float] = staticmethod(charged_clock)

    def __init__(
        self,
        *,
        top_k: int = 3,
        chunk_tokens: int = 200,
        overlap: int = 0,
        shots: int = 3,
        reranker: str | None = None,
        embedder: Embedder | None = None,
    ) -> None:
        super().__init__(
            top_k=top_k, chunk_tokens=chunk_tokens, overlap=overlap, shots=shots, embedder=embedder
        )
        self.reranker = reranker

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
        rows = judging_rows(validation, seed)
        search = Search(task.search, rows, score, progress, self.clock)
        retrieval = RetrievalSearch(
            task,
            documents,
            self.embedder or default_embedder(),
            telling_rows(task, train, validation, seed=seed) if rows else (),
            RETRIEVAL_SHARE * task.search.seconds,
            reranker=self.reranker or task.reranker,
            start=RetrievalSettings(self.chunk_tokens, self.overlap),
            progress=progress,
            clock=self.clock,
        )
        best = retrieval.run()
        assembler = Assembler(task, train, model, retrieval, seed)
        default = Setup(retrieval.start, self.top_k, self.shots)
        chosen = choose(search, assembler, default, replace(default, retrieval=best.settings))
        training = search.record()
        looks = tuple(look.told() for look in retrieval.looks) if rows else ()
        training = replace(training, search=(*looks, *training.search))
        return replace(assembler.prepared(chosen), training=training)

    def load(self, folder: Path, task: Task, model: Model | None) -> PreparedRag:
        model = need_model(self.name, model)
        embedder = self.embedder or default_embedder()
        index = SearchedIndex.restore(folder, embedder, self.reranker or task.reranker)
        return PreparedRag.load(folder, task, model, index)
