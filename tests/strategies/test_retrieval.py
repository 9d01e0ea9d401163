"""Retrievers on a handful of chunks: ranks, ties, fusion, saving."""

from pathlib import Path

import numpy as np
import pytest

from corpora.chunks import Chunk
from corpora.task import Document
from strategies.embedding import HashingEmbedder
from strategies.errors import ModelError
from strategies.passage_index import PassageIndex
from strategies.retrieval import (
    Bm25Retriever,
    DenseRetriever,
    Hit,
    HybridRetriever,
    searchable,
    words,
)

EMBEDDER = HashingEmbedder()
ALL = pytest.mark.parametrize("retriever", [Bm25Retriever, DenseRetriever, HybridRetriever])


def chunks(*texts):
    return [Chunk(f"d{number}", text, None) for number, text in enumerate(texts)]


PLACES = chunks(
    "the museum opens at nine",
    "dogs may enter the garden",
    "the garden closes at dusk",
    "a café serves tea",
)


def found(hits):
    return [[hit.chunk for hit in each] for each in hits]


class Turning:
    """An embedder that only knows given vectors."""

    max_tokens = 256
    fingerprint = "turning"

    def __init__(self, vectors):
        self.vectors = {text: np.array(v, dtype=np.float32) for text, v in vectors.items()}

    def embed(self, texts):
        return np.stack([self.vectors[text] for text in texts])

    def count_tokens(self, text):
        return len(text.split())


class Watched(HashingEmbedder):
    """Notes how many texts come at once, and calls `before` first."""

    def __init__(self):
        super().__init__(dimensions=64)
        self.sizes, self.drawn, self.before = [], [], lambda: None

    def embed(self, texts):
        self.before()
        self.sizes.append(len(texts))
        return super().embed(texts)


def test_words_fold_case_and_accents():
    assert words("Café-Öl, 3 ÉTÉ!") == ["cafe", "ol", "3", "ete"]
    assert words("Plain ASCII_text, 3 times!") == ["plain", "ascii_text", "3", "times"]


def test_title_is_searched_but_not_twice():
    assert searchable(Chunk("d", "Open daily.", "Zoo")) == "Zoo: Open daily."
    assert searchable(Chunk("d", "Zoo\nOpen daily.", "Zoo")) == "Zoo\nOpen daily."


def test_bm25_ranks_like_rank_bm25_on_the_whole_query():
    from rank_bm25 import BM25Plus

    query = "when does the garden garden close at dusk"
    expected = BM25Plus([words(c.text) for c in PLACES]).get_scores(words(query))
    [hits] = Bm25Retriever.build(PLACES, EMBEDDER).search([query], 4)
    assert [h.chunk for h in hits] == [2, 1, 0]  # the last one shares no word
    gains = expected - expected[3]
    assert [h.score for h in hits] == pytest.approx([gains[2], gains[1], gains[0]])


def test_bm25_finds_nothing_for_unknown_words():
    assert Bm25Retriever.build(PLACES, EMBEDDER).search(["zebra", "", "CAFE"], 2)[:2] == [[], []]


def test_dense_ranks_by_cosine():
    embedder = Turning({"a": [1, 0], "b": [0.6, 0.8], "c": [0, 1], "q": [0.8, 0.6]})
    [hits] = DenseRetriever.build(chunks("a", "b", "c"), embedder).search(["q"], 2)
    assert [(h.chunk, round(h.score, 6)) for h in hits] == [(1, 0.96), (0, 0.8)]


def test_hybrid_sums_reciprocal_ranks():
    # by words: "red fox" is the only hit; by meaning: chunk 1, then 0
    texts = {"red fox": [0.6, 0.8], "grey wolf": [1, 0], "fox": [1, 0]}
    hybrid = HybridRetriever.build(chunks("red fox", "grey wolf"), Turning(texts))
    assert hybrid.search(["fox"], 2) == [[Hit(0, 1 / 61 + 1 / 62), Hit(1, 1 / 61)]]


def test_equal_weights_rank_bit_for_bit_as_the_plain_sum():
    names = ["red fox", "grey wolf", "fox", "red wolf and fox", "snow"]
    hybrid = HybridRetriever.build(chunks(*names), EMBEDDER)
    parts = (
        Bm25Retriever.build(chunks(*names), EMBEDDER),
        DenseRetriever.build(chunks(*names), EMBEDDER),
    )
    for query in ("red fox", "wolf", "fox in the snow"):
        sums = {}
        for part in parts:
            for rank, hit in enumerate(part.search([query], 50)[0], start=1):
                sums[hit.chunk] = sums.get(hit.chunk, 0.0) + 1 / (60 + rank)
        [hits] = hybrid.search([query], 5)
        assert [(hit.chunk, hit.score) for hit in hits] == sorted(
            sums.items(), key=lambda pair: (-round(pair[1], 6), pair[0])
        )
        assert HybridRetriever(*parts, 0.5).search([query], 5) == [hits]


@pytest.mark.parametrize(("weight", "order"), [(0.0, [0, 1]), (0.4, [0, 1]), (0.9, [1, 0])])
def test_weight_shifts_a_hybrid_from_words_to_meaning(weight, order, tmp_path: Path):
    texts = {"red fox": [0.6, 0.8], "fox wolf": [1, 0], "fox red": [1, 0]}
    kind = chunks("red fox", "fox wolf")
    embedder = Turning(texts)
    sparse = Bm25Retriever.build(kind, embedder)
    hybrid = HybridRetriever(sparse, DenseRetriever.build(kind, embedder), weight)
    assert found(hybrid.search(["fox red"], 2)) == [order]
    hybrid.save(tmp_path)
    again = HybridRetriever.load(tmp_path, kind, embedder)
    assert again.search(["fox red"], 2) == hybrid.search(["fox red"], 2)


def test_a_query_prefix_is_embedded_and_saved_and_never_put_before_chunks(tmp_path: Path):
    embedder = Turning({"a": [1, 0], "b": [0, 1], "q": [1, 0], "find: q": [0, 1]})
    dense = DenseRetriever.build(chunks("a", "b"), embedder).asking(embedder, "find: ")
    assert found(dense.search(["q"], 1)) == [[1]]
    dense.save(tmp_path)
    assert found(DenseRetriever.load(tmp_path, [], embedder).search(["q"], 1)) == [[1]]


@ALL
def test_equal_chunks_come_in_their_order(retriever):
    index = retriever.build(chunks(*["red fox"] * 40), EMBEDDER)
    assert found(index.search(["fox"], 5)) == [[0, 1, 2, 3, 4]]


@ALL
def test_chunks_are_read_once_as_they_come(retriever):
    index = retriever.build(iter(PLACES), EMBEDDER)
    assert found(index.search(["dogs"], 1)) == [[1]]


def test_vectors_are_added_in_bounded_batches_in_order():
    embedder = Watched()
    texts = [f"number{n}" for n in range(2500)]
    drawn = []

    def draw():
        for chunk in chunks(*texts):
            drawn.append(chunk)
            yield chunk

    embedder.before = lambda: embedder.drawn.append(len(drawn))
    index = HybridRetriever.build(draw(), embedder)
    assert embedder.sizes == [1024, 1024, 452]
    assert embedder.drawn == [1024, 2048, 2500]  # none is asked for before its turn
    assert found(index.search(["number2499", "number3"], 1)) == [[2499], [3]]


@ALL
def test_no_chunks_no_hits(retriever):
    index = retriever.build([], EMBEDDER)
    assert index.search(["a", "b"], 3) == [[], []]
    assert index.search([], 3) == []


@ALL
def test_searching_singly_or_together_is_the_same(retriever):
    index = retriever.build(PLACES, EMBEDDER)
    queries = ["garden at dusk", "tea", "museum", "garden at dusk"] * 8
    assert found(index.search(queries, 3)) == [found(index.search([q], 3))[0] for q in queries]


@ALL
def test_loaded_index_searches_like_the_saved_one(retriever, tmp_path: Path):
    index = retriever.build(PLACES, EMBEDDER)
    index.save(tmp_path)
    again = retriever.load(tmp_path, PLACES, EMBEDDER)
    queries = ["the garden", "tea in a cafe"]
    assert again.search(queries, 3) == index.search(queries, 3)


@pytest.mark.parametrize("retriever", [DenseRetriever, HybridRetriever])
def test_index_of_another_embedder_is_refused(retriever, tmp_path: Path):
    retriever.build(PLACES, EMBEDDER).save(tmp_path)
    with pytest.raises(ModelError, match="Load with the same embedder"):
        retriever.load(tmp_path, PLACES, HashingEmbedder(dimensions=64))


def test_passage_index_reads_documents_one_by_one():
    cut_before = []

    def documents():
        for number in range(3):
            cut_before.append(counting.counted)
            yield Document(id=f"d{number}", text=f"Text {number} of tea.")

    class Counting(HashingEmbedder):
        counted = 0

        def count_tokens(self, text):
            self.counted += 1
            return super().count_tokens(text)

    counting = Counting()
    index = PassageIndex.build(documents(), HybridRetriever, counting)
    assert [chunk.document for chunk in index.chunks] == ["d0", "d1", "d2"]
    assert 0 == cut_before[0] < cut_before[1] < cut_before[2] < counting.counted


def test_passage_index_cuts_documents_and_survives_saving(tmp_path: Path):
    text = "\n\n".join(f"Paragraph {n} tells of {w}." for n, w in enumerate(["tea", "dogs"]))
    documents = [Document(id="guide", text=text, title="A guide\u2028to it")]
    index = PassageIndex.build(documents, HybridRetriever, EMBEDDER, chunk_tokens=12)
    index.save(tmp_path)
    again = PassageIndex.load(tmp_path, HybridRetriever, EMBEDDER)
    assert again.chunks == index.chunks
    [passages] = again.find(["dogs"], 1)
    assert "dogs" in passages[0].text
    assert (passages[0].document, passages[0].title) == ("guide", "A guide\u2028to it")
