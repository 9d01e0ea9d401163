"""Retrieval chosen by what it finds, on corpora made so that the default fails; no model."""

from pathlib import Path

import numpy as np
import pytest

from corpora.chunks import Chunk
from corpora.task import Document, Example, Task
from strategies.cuts import RetrievalSettings
from strategies.embedding import HashingEmbedder
from strategies.embedding_reuse import RememberingEmbedder
from strategies.relevance import Jury, telling_rows
from strategies.retrieval_search import RetrievalSearch, best_retrieval, enough_passages
from strategies.searched_index import SearchedIndex

TASK = Task(
    name="faq",
    kind="question-answering",
    instruction="Answer.",
    metric="token_f1",
    no_answer="unknown",
)


class Vectors:
    """Embeds known texts; any other text gets `other`. Counts what it is asked."""

    max_tokens = 256
    fingerprint = "vectors"

    def __init__(self, known, other):
        self.known, self.other, self.asked = known, other, []

    def embed(self, texts):
        self.asked += texts
        return np.array([self.known.get(text, self.other) for text in texts], dtype=np.float32)

    def count_tokens(self, text):
        return len(text.split())


def row(number, text, output="x", **more):
    return Example(id=f"r{number}", input=text, output=output, **more)


def search(documents, rows, embedder, **options):
    options = {"seconds": 1e9, **options}
    return RetrievalSearch(TASK, documents, embedder, rows, **options)


TOOLS = ("kettle", "ladder", "mirror")
COLOURS = ("red", "green", "blue")
FILLER = "This paragraph goes on about nothing in particular so that it takes some room here."


def shuffled_facts():
    """Three documents of the same words, which differ only in what stands together."""
    documents = []
    for shift in range(3):
        facts = [
            f"The {COLOURS[(n + shift) % 3]} {tool} is kept here. {FILLER} {FILLER}"
            for n, tool in enumerate(TOOLS)
        ]
        documents.append(Document(id=f"d{shift}", text="\n\n".join(facts)))
    rows = [
        row(shift, f"Where is the {COLOURS[shift]} kettle", sources=(f"d{shift}",))
        for shift in range(3)
    ]
    return documents, rows


def test_smaller_chunks_are_chosen_where_whole_documents_look_alike():
    documents, rows = shuffled_facts()
    found = search(documents, rows, HashingEmbedder())
    best = found.run()
    default = found.looks[0]
    assert default.settings == RetrievalSettings()
    assert default.figures.mrr == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    assert best.settings.chunk_tokens == 50
    assert best.figures.mrr == 1.0
    assert best.told()["told_by"] == "sources"


def mixed():
    """Some questions share no word with the documents; for others meaning nearly misleads."""
    documents = [Document(id=name, text=name) for name in ("amber", "basil cedar", "basil", "dew")]
    known = {
        "amber": [1, 0],
        "basil cedar": [0.6, 0.8],
        "basil": [0.8, 0.6],
        "dew": [0.7, 0.714],
        "what is yellow": [1, 0],
        "cedar basil": [0.81, 0.5864],
    }
    rows = [
        row(0, "what is yellow", sources=("amber",)),
        row(1, "cedar basil", sources=("basil cedar",)),
    ]
    return documents, rows, Vectors(known, [0, 1])


def test_a_weight_is_chosen_where_neither_words_nor_meaning_nor_both_alike_will_do():
    documents, rows, embedder = mixed()
    found = search(documents, rows, embedder)
    best = found.run()
    assert (best.settings.retriever, best.settings.weight) == ("hybrid", 0.3)
    assert best.figures.mrr == 1.0
    by = {(each.settings.retriever, each.settings.weight): each for each in found.looks[:5]}
    assert by["hybrid", 0.5].figures.mrr < 1
    assert by["dense", 0.5].figures.mrr < 1
    assert by["bm25", 0.5].figures.mrr == 0.5
    [passages] = found.index_of(best.settings).find(["cedar basil"], 1)
    assert passages[0].document == "basil cedar"


def test_the_query_is_embedded_below_the_instruction_where_that_finds_more(tmp_path: Path):
    documents = [Document(id="a", text="aa"), Document(id="b", text="bb")]
    known = {"aa": [1, 0], "bb": [0, 1], "Answer.\nq one": [0, 1]}
    embedder = Vectors(known, [1, 0])
    best = best_retrieval(TASK, (), [row(0, "q one", sources=("b",))], documents, embedder, 1e9)
    assert best.settings.query == "instruction"
    best.index.save(tmp_path)
    again = SearchedIndex.restore(tmp_path, embedder, None)
    assert [p.document for p in again.find(["q one"], 2)[0]] == ["b", "a"]
    assert again.find(["q one"], 2) == best.index.find(["q one"], 2)


class Counting(HashingEmbedder):
    """Keeps what it is asked."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def embed(self, texts):
        self.asked += texts
        return super().embed(texts)


def test_each_text_is_embedded_once_and_the_index_found_embeds_anew():
    documents, rows = shuffled_facts()
    embedder = Counting()
    best = best_retrieval(TASK, (), rows, documents, embedder, 1e9)
    assert len(embedder.asked) == len(set(embedder.asked))
    assert {row.input for row in rows} <= set(embedder.asked)
    assert best.settings.retriever != "bm25"  # which embeds nothing
    before = len(embedder.asked)
    again = [rows[0].input] * 2
    found = best.for_trials.find(again, 1)
    assert embedder.asked[before:] == []
    assert best.index.find(again, 1) == found
    assert embedder.asked[before:] == again


def test_equal_cuts_are_indexed_once_and_ties_go_to_the_default():
    documents = [Document(id="a", text="Tea is hot."), Document(id="b", text="Ice is cold.")]
    found = search(documents, [row(0, "Is tea hot", sources=("a",))], HashingEmbedder())
    best = found.run()
    assert best is found.looks[0]
    assert best.settings == RetrievalSettings()
    assert {look.settings.chunk_tokens for look in found.looks} == {200}


def test_no_telling_row_means_the_default():
    documents, _ = shuffled_facts()
    rows = [row(0, "Who?", output="unknown"), row(1, "What?", sources=())]
    best = best_retrieval(TASK, rows, (), documents, HashingEmbedder(), 1e9)
    assert (best.settings, best.top_k) == (RetrievalSettings(), 3)
    [told] = best.rows
    assert (told["told_by"], told["rows"], told["chosen"]) == ("nothing", 0.0, 1.0)


def test_without_sources_a_chunk_that_holds_the_answer_is_right():
    documents, _ = shuffled_facts()
    documents += [Document(id="price", text="The mirror costs twelve crowns.")]
    rows = [row(0, "What does the mirror cost", output="Twelve  crowns!")]
    best = best_retrieval(TASK, rows, (), documents, HashingEmbedder(), 1e9)
    assert best.rows[0]["told_by"] == "answers"
    assert (best.rows[0]["mrr"], best.top_k) == (1.0, 1)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize(
    ("seconds", "sizes"),
    [(5, [200]), (19, [200]), (21, [200, 100]), (1000, [200, 100, 256, 50])],
)
def test_a_cut_that_would_not_be_ready_in_time_is_not_begun(seconds, sizes):
    clock = Clock()

    class Slow(HashingEmbedder):
        def embed(self, texts):
            clock.now += 10 if any("kept here" in text for text in texts) else 0
            return super().embed(texts)

    documents, rows = shuffled_facts()
    documents = [
        Document(id=d.id, text=d.text + "\n\n" + " ".join([FILLER] * 20)) for d in documents
    ]
    found = search(documents, rows, Slow(), seconds=seconds, clock=clock)
    found.run()
    tried = [look.settings for look in found.looks]
    assert list(dict.fromkeys(s.chunk_tokens for s in tried if s.overlap == 0)) == sizes
    assert clock.now <= max(seconds, 10)


class Backwards:
    """Likes best the chunks that name one word."""

    fingerprint = "backwards"

    def __init__(self, word):
        self.word = word
        self.asked = []

    def scores(self, pairs):
        self.asked += pairs
        return [float(self.word in text) for _, text in pairs]


@pytest.mark.parametrize(("word", "reranked", "mrr"), [("two", "yes", 1.0), ("one", "no", 0.5)])
def test_a_reranker_stands_only_where_it_finds_more(word, reranked, mrr):
    documents = [Document(id="a", text="tea one"), Document(id="b", text="tea two")]
    embedder = Vectors({}, [1.0, 0.0])
    found = search(documents, [row(0, "tea", sources=("b",))], embedder)
    found.run()
    found.try_reranking(Backwards(word))
    assert found.best.settings.reranked == reranked
    assert found.looks[-1].settings.reranked == "yes"
    assert found.best.figures.mrr == mrr


def test_a_reranker_without_time_is_dropped():
    documents = [Document(id="a", text="tea one"), Document(id="b", text="tea two")]
    found = search(documents, [row(0, "tea", sources=("b",))], Vectors({}, [1.0, 0.0]))
    found.run()
    found.seconds = 0.0
    reranker = Backwards("two")
    found.try_reranking(reranker)
    assert (found.looks[-1].dropped, reranker.asked) == ("out of time", [])
    assert found.best.settings.reranked == "no"


CHUNKS = [
    Chunk("a", "The shop opens at nine in the morning.", None),
    Chunk("b", "It shuts at six.", None),
    Chunk("c", "Bring the bike, its key and the bill to the shop before noon.", None),
]


@pytest.mark.parametrize(
    ("example", "worth"),
    [
        (row(0, "q", "at nine"), [1, 0, 0]),
        (row(0, "q", "at ten", alternatives=("At SIX!",)), [0, 1, 0]),
        (row(0, "q", "at nine", sources=("a", "b")), [1, 0.5, 0]),
        (row(0, "q", "bike key bill receipt noon today"), [0, 0, 4 / 6]),
        (row(0, "q", "at nine", sources=()), [0, 0, 0]),
        (row(0, "q", "unknown"), [0, 0, 0]),
    ],
)
def test_what_a_chunk_is_worth(example, worth):
    jury = Jury(TASK, [example], CHUNKS)
    assert [jury.worth(0, n) for n in range(3)] == pytest.approx(worth)


def test_figures_of_rankings_by_hand():
    rows = [row(0, "q", sources=("b",)), row(1, "q", "at nine")]
    figures = Jury(TASK, rows, CHUNKS).figures([[0, 2, 1], [0]])
    assert figures.mrr == pytest.approx((1 / 3 + 1) / 2)
    assert figures.score == pytest.approx((0.5 / 3 + 1) / 2)
    assert figures.hits == {1: 0.5, 2: 0.5, 3: 1.0, 5: 1.0}
    assert figures.ranks == (3, 1)
    assert Jury(TASK, rows, CHUNKS).figures([[0], [2, 1]]).ranks == (0, 0)
    assert (figures.rows, enough_passages(figures)) == (2, 3)


def test_answers_that_many_rows_share_and_labels_tell_nothing():
    rows = [row(n, f"q{n}", "yes") for n in range(5)] + [row(9, "q9", "a garden")]
    assert [r.id for r in telling_rows(TASK, rows, (), seed=0)] == ["r9"]
    labels = Task(name="l", kind="classification", instruction="i", metric="accuracy")
    assert telling_rows(labels, rows, (), seed=0) == []
    told = [row(7, "q", "yes", sources=("a",))]
    assert telling_rows(labels, rows, told, seed=0) == told


def test_a_remembering_embedder_forgets_nothing_and_no_order():
    inner = Vectors({"a": [1, 0], "b": [0, 1]}, [0.6, 0.8])
    remembering = RememberingEmbedder(inner, most=2)
    first = remembering.embed(["a", "b"])
    assert first.tolist() == [[1, 0], [0, 1]]
    again = remembering.embed(["b", "c", "a", "c"])
    assert again.tolist() == [[0, 1], inner.embed(["c"])[0].tolist(), [1, 0], again[1].tolist()]
    assert inner.asked == ["a", "b", "c", "c"]
    remembering.embed(["c"])  # beyond what it may keep
    assert inner.asked[-2:] == ["c", "c"]
