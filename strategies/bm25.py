"""BM25+ by two libraries that rank alike: rank-bm25 for few chunks, bm25s for many.

Lv and Zhai 2011, "Lower-bounding term frequency normalization": k1 = 1.5, b = 0.75, delta = 1.
rank-bm25 asks every chunk for every word of a query, in Python; bm25s keeps, for each word, the
chunks that have it and what it gains them.
"""

from __future__ import annotations

import sys
import threading
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

K1, B, DELTA = 1.5, 0.75, 1.0
LARGE = 2_000
"""Chunks from which bm25s is used: about where rank-bm25 takes as long for a question of ten
words as the embedder does (`python -m benchmarks.speed.retrieval` shows both)."""
BLOCK = 256  # chunks
POSTING = 12
"""Bytes for each distinct word of a chunk: its gain in float64 and the chunk's number."""
JAX: tuple[str, ...] = ("jax", "jax.lax")
IMPORTING = threading.Lock()
TIE = 1e-11
"""Above the noise of adding float64 scores in another order, far below any true difference."""


class WordRows:
    """The words of chunks as numbers, 4 bytes for each word of text, chunk after chunk.

    A million texts as lists of strings would take some ten times the memory of the texts.
    """

    def __init__(self) -> None:
        self._vocab: defaultdict[str, int] = defaultdict()
        self._vocab.default_factory = self._vocab.__len__  # a new word gets the next number
        self._numbers = array("i")
        self._ends = array("q")

    def add(self, words: Sequence[str]) -> None:
        vocab = self._vocab
        self._numbers.extend([vocab[word] for word in words])
        self._ends.append(len(self._numbers))

    @property
    def vocab(self) -> dict[str, int]:
        """Each word's number, in the order of first use."""
        return dict(self._vocab)

    def __len__(self) -> int:
        return len(self._ends)

    def __iter__(self) -> Iterator[list[int]]:
        """The word numbers of each chunk; may be asked for again and again."""
        start = 0
        for end in self._ends:
            yield self._numbers[start:end].tolist()
            start = end


class WordScorer(Protocol):
    """What each word of a query gains each chunk.

    A gain is the word's BM25+ score above what a chunk without the word gets of it, in float64:
    positive in every chunk that has the word, exactly 0 elsewhere.
    """

    size: int

    def add_gains(self, scores: np.ndarray, word: str, times: int) -> None:
        """Add to `scores` (float64 of `size`) what a word said `times` times gains."""
        ...

    @property
    def memory_bytes(self) -> int: ...

    def save(self, folder: Path) -> None: ...


def word_scorer(rows: WordRows, *, large: int = LARGE) -> WordScorer | None:
    """The library for so many chunks. None where no chunk has a word: both divide by the
    mean length."""
    if not rows.vocab:
        return None
    return RankBm25Scorer(rows) if len(rows) < large else Bm25sScorer.build(rows)


def load_scorer(folder: Path) -> WordScorer | None:
    """What `save` left in this folder, or None where the words must be counted again."""
    return Bm25sScorer.load(folder) if (folder / Bm25sScorer.FOLDER).is_dir() else None


class RankBm25Scorer:
    """One pass over all chunks for every word."""

    def __init__(self, rows: WordRows) -> None:
        from rank_bm25 import BM25Plus

        names = list(rows.vocab)
        texts = ([names[number] for number in row] for row in rows)  # it reads them once
        self._index: Any = BM25Plus(texts, k1=K1, b=B, delta=DELTA)
        self.size = len(rows)

    def add_gains(self, scores: np.ndarray, word: str, times: int) -> None:
        if word in self._index.idf:
            floor = self._index.idf[word] * DELTA
            scores += times * (self._index.get_scores([word]) - floor)

    @property
    def memory_bytes(self) -> int:
        """As the other library would hold it: its own dictionaries are Python's business."""
        return POSTING * sum(len(frequencies) for frequencies in self._index.doc_freqs)

    def save(self, folder: Path) -> None:
        """Nothing: counting so few words again is as quick as reading the counts."""


def bm25s_without_jax() -> Any:
    """bm25s, which does not meet JAX where that is installed as well.

    It would pick its best scores, which nobody here asks it for, by JAX, and starts that on its own
    import. JAX then takes three quarters of the GPU's memory for itself.
    """
    modules: dict[str, Any] = sys.modules
    with IMPORTING:
        if "bm25s" not in modules:
            theirs = {name: modules[name] for name in JAX if name in modules}
            modules.update(dict.fromkeys(JAX))  # a module that is None is not to be had
            try:
                import bm25s
            finally:
                for name in JAX:
                    del modules[name]
                modules.update(theirs)
        import bm25s
    return bm25s


class Bm25sScorer:
    """One look at the chunks that have the word. 12 bytes for each distinct word of a chunk."""

    FOLDER = "bm25s"

    def __init__(self, index: Any) -> None:
        self._index = index
        self._gains = index.scores["data"]
        self._chunks = index.scores["indices"]
        self._starts = index.scores["indptr"]
        self.size = int(index.scores["num_docs"])

    @classmethod
    def build(cls, rows: WordRows) -> Bm25sScorer:
        bm25s = bm25s_without_jax()
        from bm25s.tokenization import Tokenized

        # float64, in which the gains equal those of rank-bm25 to the last bit
        index = bm25s.BM25(k1=K1, b=B, delta=DELTA, method="bm25+", dtype="float64")
        corpus = Tokenized(ids=rows, vocab=rows.vocab)
        index.index(corpus, create_empty_token=False, show_progress=False)
        return cls(index)

    def add_gains(self, scores: np.ndarray, word: str, times: int) -> None:
        # not its own `get_scores`, which makes a new array of all chunks and adds the floor
        number = self._index.vocab_dict.get(word)
        if number is not None:
            here = slice(self._starts[number], self._starts[number + 1])
            np.add.at(scores, self._chunks[here], times * self._gains[here])

    @property
    def memory_bytes(self) -> int:
        parts = (self._gains, self._chunks, self._starts)
        return sum(int(np.asarray(part).nbytes) for part in parts)

    def save(self, folder: Path) -> None:
        self._index.save(folder / self.FOLDER, show_progress=False)

    @classmethod
    def load(cls, folder: Path) -> Bm25sScorer:
        return cls(bm25s_without_jax().BM25.load(folder / cls.FOLDER, show_progress=False))


def highest(scores: np.ndarray, k: int) -> np.ndarray:
    """Up to `k` places with a positive score, best first, ties in their order.

    Scores that lie no further than TIE from the next better one are tied: the same sum in
    another order of its parts.
    """
    if k < 1 or not len(scores):
        return np.zeros(0, dtype=np.int64)
    # a bound found quickly: k blocks have a place that reaches it
    tops = np.maximum.reduceat(scores, np.arange(0, len(scores), BLOCK))
    bound = (np.partition(tops, -k)[-k] if len(tops) > k else 0.0) - TIE
    places = np.flatnonzero(scores >= bound) if bound > 0 else np.flatnonzero(scores)
    if len(places) > k:
        edge = np.partition(scores[places], -k)[-k]
        places = places[scores[places] >= edge - TIE]
    places = places[np.argsort(-scores[places], kind="stable")]
    groups = np.cumsum(-np.diff(scores[places], prepend=np.inf) > TIE)
    return places[np.lexsort((places, groups))][:k]
