"""Documents cut in one way, and every retriever that one index of them serves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from corpora.chunks import Chunk
from strategies.embedding import Embedder
from strategies.reranking import Reranker
from strategies.retrieval import (
    EQUAL,
    Bm25Retriever,
    DenseRetriever,
    Hit,
    HybridRetriever,
    Retriever,
    fused,
)
from strategies.search import Setting
from strategies.searched_index import RetrieverName, SearchedIndex

WEIGHTS = (EQUAL, 0.3, 0.7)


@dataclass(frozen=True)
class RetrievalSettings:
    """`weight` is that of meaning in the hybrid. `query` is what is embedded of a request: its
    `input`, or that below the `instruction`; words are always those of the input."""

    chunk_tokens: int = 200
    overlap: int = 0
    retriever: RetrieverName = "hybrid"
    weight: float = EQUAL
    query: str = "input"
    reranked: str = "no"

    def told(self) -> dict[str, Setting]:
        told: dict[str, Setting] = {"chunk_tokens": self.chunk_tokens, "overlap": self.overlap}
        told["retriever"] = self.retriever
        if self.retriever == "hybrid":
            told["weight"] = self.weight
        return told | {"query": self.query, "reranked": self.reranked}

    def others(self) -> Iterator[RetrievalSettings]:
        """These settings, then all others on the same index."""
        yield self
        for query in ("input", "instruction"):
            ways: list[tuple[RetrieverName, float]] = [("hybrid", weight) for weight in WEIGHTS]
            ways.append(("dense", EQUAL))
            if query == "input":
                ways.append(("bm25", EQUAL))
            for retriever, weight in ways:
                other = replace(self, retriever=retriever, weight=weight, query=query)
                if other != self:
                    yield other


@dataclass(frozen=True)
class Cut:
    """One way of cutting, indexed for words and for meaning."""

    chunk_tokens: int
    overlap: int
    chunks: tuple[Chunk, ...]
    sparse: Bm25Retriever
    dense: DenseRetriever

    def retriever(
        self, settings: RetrievalSettings, embedder: Embedder, instruction: str
    ) -> Retriever:
        """As the settings say, which are of this cut; queries are embedded by `embedder`."""
        dense = self.dense.asking(embedder, prefix_of(settings.query, instruction))
        if settings.retriever == "dense":
            return dense
        if settings.retriever == "bm25":
            return self.sparse
        return HybridRetriever(self.sparse, dense, settings.weight)

    def index(
        self,
        settings: RetrievalSettings,
        embedder: Embedder,
        instruction: str,
        reranker: Reranker | None,
    ) -> SearchedIndex:
        """`reranker` is put to use where the settings say so."""
        return SearchedIndex(
            self.chunks,
            self.retriever(settings, embedder, instruction),
            settings.retriever,
            reranker if settings.reranked == "yes" else None,
        )

    def rankings(
        self,
        settings: Sequence[RetrievalSettings],
        queries: Sequence[str],
        embedder: Embedder,
        instruction: str,
        k: int,
    ) -> Iterator[list[list[int]]]:
        """The `k` best chunks of each query, for each of the settings: as their retrievers find
        them, from one search for words and one for meaning a form of the query."""
        depth = HybridRetriever.DEPTH
        by_words = self.sparse.search(queries, depth)
        by_meaning: dict[str, list[list[Hit]]] = {}
        for each in settings:
            if each.query not in by_meaning:
                dense = self.dense.asking(embedder, prefix_of(each.query, instruction))
                by_meaning[each.query] = dense.search(queries, depth)
            pairs = zip(by_words, by_meaning[each.query], strict=True)
            if each.retriever == "hybrid":
                found = [fused(words, meaning, k, each.weight) for words, meaning in pairs]
            else:
                found = by_words if each.retriever == "bm25" else by_meaning[each.query]
            yield [[hit.chunk for hit in hits[:k]] for hits in found]


def prefix_of(query: str, instruction: str) -> str:
    """What stands before an input that is embedded."""
    return f"{instruction.strip()}\n" if query == "instruction" else ""
