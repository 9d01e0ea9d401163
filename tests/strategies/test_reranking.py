"""A tiny cross-encoder of random weights: loaded offline, and what it does to the order."""

from pathlib import Path

import pytest
from encoders import make_encoder

from corpora.task import Document, Example, Search, Task
from strategies.embedding import HashingEmbedder
from strategies.errors import ModelError
from strategies.models.scripted import ScriptedModel
from strategies.optimized_rag import OptimizedRag
from strategies.passage_index import PassageIndex
from strategies.reranking import (
    CrossEncoderReranker,
    RememberingReranker,
    best_first,
    reranker_of,
)
from strategies.retrieval import Bm25Retriever
from strategies.searched_index import SearchedIndex

EMBEDDER = HashingEmbedder()
DOCUMENTS = tuple(
    Document(id=name, text=text)
    for name, text in (
        ("a", "tea is hot"),
        ("b", "tea is hot and sweet"),
        ("c", "old tea is cold and old and sweet"),
    )
)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory) -> Path:
    return make_encoder(tmp_path_factory.mktemp("rerankers") / "one")


def logits(folder: Path, query: str, texts: list[str]) -> list[float]:
    """By transformers alone."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    network = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        return [float(network(**tokenizer(query, t, return_tensors="pt")).logits) for t in texts]


def test_scores_are_the_networks_own(encoder):
    texts = [document.text for document in DOCUMENTS]
    scores = CrossEncoderReranker(str(encoder)).scores([("is tea hot ?", text) for text in texts])
    assert scores == pytest.approx(logits(encoder, "is tea hot ?", texts), abs=1e-4)
    assert len(set(scores)) == 3


def test_nothing_is_loaded_before_it_is_used(tmp_path: Path):
    assert CrossEncoderReranker(str(tmp_path / "nowhere")).scores([]) == []


def test_passages_come_in_its_order_and_the_artefact_knows_it(encoder, tmp_path: Path):
    plain = PassageIndex.build(DOCUMENTS, Bm25Retriever, EMBEDDER)
    index = SearchedIndex(plain.chunks, plain.retriever, "bm25", reranker_of(str(encoder)))
    texts = [document.text for document in DOCUMENTS]
    order = best_first(logits(encoder, "is tea hot ?", texts))
    names = [DOCUMENTS[place].id for place in order]
    by_words = [p.document for p in plain.find(["is tea hot ?"], 3)[0]]
    assert names != by_words, "the tiny network should disagree with words"
    for k in (1, 3):
        assert [p.document for p in index.find(["is tea hot ?"], k)[0]] == names[:k]
    index.save(tmp_path)
    assert str(encoder) not in (tmp_path / "index.json").read_text()
    again = SearchedIndex.restore(tmp_path, EMBEDDER, str(encoder))
    assert again.find(["is tea hot ?", "ice"], 2) == index.find(["is tea hot ?", "ice"], 2)


def test_an_artefact_is_not_served_with_another_reranker_or_none(encoder, tmp_path: Path):
    plain = PassageIndex.build(DOCUMENTS, Bm25Retriever, EMBEDDER)
    saved = tmp_path / "saved"
    saved.mkdir()
    SearchedIndex(plain.chunks, plain.retriever, "bm25", reranker_of(str(encoder))).save(saved)
    with pytest.raises(ModelError, match="Name it in the task's `reranker:`"):
        SearchedIndex.restore(saved, EMBEDDER, None)
    other = make_encoder(tmp_path / "other", seed=1)
    with pytest.raises(ModelError, match="has other weights"):
        SearchedIndex.restore(saved, EMBEDDER, str(other))


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("missing", "TUNEWORTH_ALLOW_DOWNLOAD=1"),
        ("unknown id", "TUNEWORTH_ALLOW_DOWNLOAD=1"),
        ("pickled", "safetensors"),
        ("two labels", "gives 2 scores a pair"),
        ("no head", "is no cross-encoder"),
    ],
)
def test_what_cannot_serve_is_refused_with_the_fix(fault, says, tmp_path: Path, monkeypatch):
    monkeypatch.delenv("TUNEWORTH_ALLOW_DOWNLOAD", raising=False)
    source = str(tmp_path / "x")
    if fault == "unknown id":
        source = "nobody-here/no-such-encoder"
    elif fault != "missing":
        make_encoder(
            tmp_path / "x", labels=2 if fault == "two labels" else 1, head=fault != "no head"
        )
    if fault == "pickled":
        import torch
        from safetensors.torch import load_file

        weights = tmp_path / "x" / "model.safetensors"
        torch.save(load_file(weights), tmp_path / "x" / "pytorch_model.bin")
        weights.unlink()
    with pytest.raises(ModelError, match=r"^reranker: ") as raised:
        CrossEncoderReranker(source).scores([("tea", "hot")])
    assert says in str(raised.value)


def test_a_remembering_reranker_scores_a_pair_once():
    class Counting:
        fingerprint = "counting"

        def __init__(self):
            self.asked = []

        def scores(self, pairs):
            self.asked += pairs
            return [float(len(text)) for _, text in pairs]

    inner = Counting()
    remembering = RememberingReranker(inner)
    assert remembering.scores([("q", "a"), ("q", "bb"), ("q", "a")]) == [1.0, 2.0, 1.0]
    assert remembering.scores([("q", "bb"), ("r", "a")]) == [2.0, 1.0]
    assert inner.asked == [("q", "a"), ("q", "bb"), ("r", "a")]


def test_a_task_names_one_and_it_stands_where_it_finds_more(encoder, tmp_path: Path):
    question = "is tea hot ?"
    order = best_first(logits(encoder, question, [document.text for document in DOCUMENTS]))
    preferred = DOCUMENTS[order[0]].id
    task = Task(
        name="tea",
        kind="question-answering",
        instruction="Answer.",
        metric="token_f1",
        search=Search(trials=2, seconds=1e6),
        reranker=str(encoder),
    )
    rows = [Example(id="r", input=question, output="yes", sources=(preferred,))]
    strategy = OptimizedRag(top_k=1, embedder=EMBEDDER)
    model = ScriptedModel(lambda prompt: "yes")
    ready = strategy.prepare(task, (), rows, DOCUMENTS, model, lambda e, a: 1.0)
    trials = [row for row in ready.training.search if row["stage"] == "answers"]
    assert [(row["reranked"], row.get("chosen")) for row in trials] == [("no", None), ("yes", 1.0)]
    [answer] = ready.answer([question])
    assert answer.sources == (preferred,)
    ready.save(tmp_path)
    loaded = OptimizedRag(embedder=EMBEDDER).load(tmp_path, task, model)
    assert loaded.answer([question]) == [answer]
    with pytest.raises(ModelError, match="none is given"):
        strategy.load(tmp_path, task.model_copy(update={"reranker": None}), model)
