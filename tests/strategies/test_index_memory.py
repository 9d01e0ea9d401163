"""The memory of an index, counted from what it holds."""

from dataclasses import dataclass, field

import numpy as np

from corpora.chunks import Chunk
from strategies.bm25 import WordRows, word_scorer
from strategies.embedding import HashingEmbedder
from strategies.index_memory import index_bytes
from strategies.neighbours import Neighbours
from strategies.passage_index import PassageIndex
from strategies.retrieval import Bm25Retriever, DenseRetriever, HybridRetriever

TEXTS = ("the museum opens at nine", "dogs may enter the garden", "a café serves tea")
LETTERS = sum(len(text.encode()) for text in TEXTS)
POSTINGS = 12 * (5 + 5 + 4)
"""Bytes of the distinct words of the three."""
EMBEDDER = HashingEmbedder()


@dataclass(frozen=True)
class Made:
    """As a prepared strategy holds things."""

    index: object
    training: object = None
    others: tuple = ()

    def answer(self, inputs):
        return []


@dataclass(frozen=True)
class Composed:
    cheap: Made
    dear: Made
    names: tuple = field(default=("a", "b"))


def index_of(retriever):
    chunks = [Chunk(f"d{number}", text, None) for number, text in enumerate(TEXTS)]
    return PassageIndex(tuple(chunks), retriever.build(chunks, EMBEDDER))


def test_each_retriever_by_hand():
    dimensions = EMBEDDER.embed(["a"]).shape[1]
    vectors = 3 * dimensions * 4
    assert index_bytes(Made(index_of(Bm25Retriever))) == LETTERS + POSTINGS
    assert index_bytes(Made(index_of(DenseRetriever))) == LETTERS + vectors
    assert index_bytes(Made(index_of(HybridRetriever))) == LETTERS + POSTINGS + vectors


def test_many_chunks_are_counted_by_their_arrays():
    rows = WordRows()
    for text in TEXTS:
        rows.add(text.split())
    small, large = word_scorer(rows), word_scorer(rows, large=1)
    assert small.memory_bytes == POSTINGS
    # 8 bytes a gain and 4 a chunk, or 8 for either, and where each word begins
    assert POSTINGS <= large.memory_bytes <= 2 * POSTINGS + 8 * 20


def test_vectors_of_training_rows_are_an_index_too():
    neighbours = Neighbours(np.zeros((10, 4), dtype=np.float32), EMBEDDER)
    assert index_bytes(Made(neighbours)) == 160


def test_the_parts_of_a_composed_one_are_added_and_what_they_share_counts_once():
    one = Neighbours(np.zeros((10, 4), dtype=np.float32), EMBEDDER)
    other = index_of(Bm25Retriever)
    assert index_bytes(Composed(Made(one), Made(other))) == 160 + LETTERS + POSTINGS
    assert index_bytes(Composed(Made(one), Made(one))) == 160
    assert index_bytes(Made(None, others=(other, 3))) == LETTERS + POSTINGS


def test_nothing_is_told_where_there_is_no_index():
    assert index_bytes(Made(None)) is None
    assert index_bytes(object()) is None
