"""Finding the chunks that belong to a question: by words, by meaning, and by both together.

Each retriever is built or loaded whole, so searching an empty shell cannot be written. Chunks
of equal score come in the order they were given.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np

from corpora.chunks import Chunk
from strategies.bm25 import WordRows, WordScorer, highest, load_scorer, word_scorer
from strategies.embedding import Embedder
from strategies.saving import check_embedder, read_json, write_json

WORD = re.compile(r"\w+")
EMBEDDED_AT_ONCE = 1024
"""Chunks embedded before they go into the index: enough for batches of like length."""
FUSION_K = 60
EQUAL = 0.5


@dataclass(frozen=True)
class Hit:
    """A found chunk, by its place in the sequence given to `build`. Scores only rank."""

    chunk: int
    score: float


class Retriever(Protocol):
    """Chunks made searchable."""

    @classmethod
    def build(cls, chunks: Iterable[Chunk], embedder: Embedder) -> Self:
        """Reads the chunks once, as they come, and keeps no text of theirs."""
        ...

    def search(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        """Up to `k` hits for each query, best first."""
        ...

    def save(self, folder: Path) -> None:
        """Write what cannot be made again cheaply from the chunks."""
        ...

    @classmethod
    def load(cls, folder: Path, chunks: Sequence[Chunk], embedder: Embedder) -> Self:
        """The inverse of `save`, given the same chunks."""
        ...


def searchable(chunk: Chunk) -> str:
    """What is indexed of a chunk: its text below its document's title, which often names the
    thing that the text calls "it"."""
    if not chunk.title or chunk.text.startswith(chunk.title):
        return chunk.text
    return f"{chunk.title}: {chunk.text}"


def words(text: str) -> list[str]:
    """Lower-case runs of letters and digits, with accents folded away ("Café" → "cafe")."""
    if text.isascii():  # nothing to fold, several times quicker
        return WORD.findall(text.lower())
    folded = unicodedata.normalize("NFKD", text.casefold())
    return WORD.findall("".join(c for c in folded if not unicodedata.combining(c)))


class Bm25Retriever:
    """BM25+ over `words`. A chunk that shares no word with the query is never a hit."""

    def __init__(self, scorer: WordScorer | None) -> None:
        self._scorer = scorer

    @classmethod
    def build(cls, chunks: Iterable[Chunk], embedder: Embedder) -> Self:
        rows = WordRows()
        for _ in _counted(chunks, rows):
            pass
        return cls(word_scorer(rows))

    def search(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        return [self._search(query, k) for query in queries]

    def _search(self, query: str, k: int) -> list[Hit]:
        if self._scorer is None:
            return []
        scores = np.zeros(self._scorer.size)
        for word, times in Counter(words(query)).items():
            self._scorer.add_gains(scores, word, times)
        return [Hit(int(place), float(scores[place])) for place in highest(scores, k)]

    @property
    def memory_bytes(self) -> int:
        return self._scorer.memory_bytes if self._scorer is not None else 0

    def save(self, folder: Path) -> None:
        if self._scorer is not None:
            self._scorer.save(folder)

    @classmethod
    def load(cls, folder: Path, chunks: Sequence[Chunk], embedder: Embedder) -> Self:
        saved = load_scorer(folder)
        return cls.build(chunks, embedder) if saved is None else cls(saved)


class DenseRetriever:
    """Cosine of sentence embeddings, searched exactly by a FAISS flat index at every size.

    4 bytes for each dimension of each chunk: 1.5 GB for a million chunks of 384 dimensions.
    `prefix` is put before each query that is embedded (an instruction, say), never before chunks.
    """

    def __init__(self, index: Any, embedder: Embedder, prefix: str = "") -> None:
        self._index = index
        self._embedder = embedder
        self._prefix = prefix

    def asking(self, embedder: Embedder, prefix: str = "") -> DenseRetriever:
        """The same vectors, searched with queries that another embedder of their space embeds."""
        return DenseRetriever(self._index, embedder, prefix)

    @classmethod
    def build(cls, chunks: Iterable[Chunk], embedder: Embedder) -> Self:
        import faiss

        index = None
        for batch in _batches(chunks, EMBEDDED_AT_ONCE):
            vectors = _float_rows(embedder.embed([searchable(chunk) for chunk in batch]))
            if index is None:
                index = faiss.IndexFlatIP(vectors.shape[1])
            index.add(vectors)
        return cls(index, embedder)

    def search(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        if self._index is None or not queries:
            return [[] for _ in queries]
        asked = [self._prefix + query for query in queries] if self._prefix else queries
        vectors = _float_rows(self._embedder.embed(asked))
        # some more than asked for, so that equal scores at the edge are cut by order
        found, rows = self._index.search(vectors, min(self._index.ntotal, k + 16))
        return [
            _best_first(zip(ids.tolist(), scores.tolist(), strict=True), k)
            for ids, scores in zip(rows, found, strict=True)
        ]

    @property
    def memory_bytes(self) -> int:
        return 0 if self._index is None else int(self._index.ntotal) * int(self._index.d) * 4

    def save(self, folder: Path) -> None:
        import faiss

        facts = {"embedder": self._embedder.fingerprint}
        if self._prefix:
            facts["prefix"] = self._prefix
        write_json(folder / "dense.json", facts)
        if self._index is not None:
            faiss.write_index(self._index, str(folder / "dense.faiss"))

    @classmethod
    def load(cls, folder: Path, chunks: Sequence[Chunk], embedder: Embedder) -> Self:
        """Raises ModelError where `embedder` is not the one that made the index."""
        import faiss

        facts = read_json(folder / "dense.json")
        check_embedder(facts["embedder"], embedder)
        path = folder / "dense.faiss"
        index = faiss.read_index(str(path)) if path.exists() else None
        return cls(index, embedder, facts.get("prefix", ""))


class HybridRetriever:
    """BM25 and embeddings together, by reciprocal-rank fusion.

    A chunk scores the sum of 1 / (60 + rank) over the two lists of 50 (Cormack, Clarke and
    Büttcher 2009, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning
    Methods"). `weight`, 0 to 1, is the share of meaning: at the default 0.5 both lists count
    once, elsewhere that of words 2 (1 - weight) times and that of meaning 2 weight times.
    """

    DEPTH = 50

    def __init__(self, sparse: Bm25Retriever, dense: DenseRetriever, weight: float = EQUAL) -> None:
        self._parts = (sparse, dense)
        self._weight = weight

    @classmethod
    def build(cls, chunks: Iterable[Chunk], embedder: Embedder) -> Self:
        rows = WordRows()
        dense = DenseRetriever.build(_counted(chunks, rows), embedder)
        return cls(Bm25Retriever(word_scorer(rows)), dense)

    def search(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        depth = max(k, self.DEPTH)
        found = zip(*(part.search(queries, depth) for part in self._parts), strict=True)
        return [fused(by_words, by_meaning, k, self._weight) for by_words, by_meaning in found]

    @property
    def memory_bytes(self) -> int:
        return sum(part.memory_bytes for part in self._parts)

    def save(self, folder: Path) -> None:
        for part in self._parts:
            part.save(folder)
        if self._weight != EQUAL:
            write_json(folder / "hybrid.json", {"weight": self._weight})

    @classmethod
    def load(cls, folder: Path, chunks: Sequence[Chunk], embedder: Embedder) -> Self:
        sparse = Bm25Retriever.load(folder, chunks, embedder)
        path = folder / "hybrid.json"
        weight = read_json(path)["weight"] if path.is_file() else EQUAL
        return cls(sparse, DenseRetriever.load(folder, chunks, embedder), weight)


def fused(
    by_words: Sequence[Hit], by_meaning: Sequence[Hit], k: int, weight: float = EQUAL
) -> list[Hit]:
    """Two rankings as one, see HybridRetriever."""
    scores: dict[int, float] = {}
    for times, ranking in ((2 * (1 - weight), by_words), (2 * weight, by_meaning)):
        for rank, hit in enumerate(ranking, start=1):
            scores[hit.chunk] = scores.get(hit.chunk, 0.0) + times / (FUSION_K + rank)
    return _best_first(scores.items(), k)


def _counted(chunks: Iterable[Chunk], rows: WordRows) -> Iterator[Chunk]:
    """The same chunks, their words put into `rows` as they pass."""
    for chunk in chunks:
        rows.add(words(searchable(chunk)))
        yield chunk


def _batches(chunks: Iterable[Chunk], size: int) -> Iterator[list[Chunk]]:
    rest = iter(chunks)
    while batch := list(islice(rest, size)):
        yield batch


def _float_rows(vectors: np.ndarray) -> np.ndarray:
    """What FAISS takes."""
    return np.ascontiguousarray(vectors, dtype=np.float32)


def _best_first(scored: Iterable[tuple[int, float]], k: int) -> list[Hit]:
    # rounded, so that the noise of float32 sums in another batch size moves no tie
    order = sorted(scored, key=lambda pair: (-round(pair[1], 6), pair[0]))
    return [Hit(chunk, score) for chunk, score in order[:k]]
