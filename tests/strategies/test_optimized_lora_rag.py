"""lora+rag.optimized on a tiny network: the retrieval it finds is the one it serves and keeps."""

from pathlib import Path

import pytest

from corpora.task import Document, Example, Search, Task
from strategies.embedding import HashingEmbedder
from strategies.optimized_lora import OptimizedLoraRag

FILLER = "This goes on about nothing so that it takes some room here and there. " * 3
COLOURS = ("red", "green", "blue")
TASK = Task(
    name="faq",
    kind="question-answering",
    instruction="Answer. Be short.",
    metric="token_f1",
    search=Search(trials=1, seconds=600),
)


def documents():
    """Three of the same words, which differ only in what stands together."""
    return tuple(
        Document(
            id=f"d{shift}",
            text="\n\n".join(
                f"The {COLOURS[(n + shift) % 3]} {tool} is kept here. {FILLER}"
                for n, tool in enumerate(("kettle", "ladder", "mirror"))
            ),
        )
        for shift in range(3)
    )


def rows(start, count, **more):
    return tuple(
        Example(
            id=f"r{n}",
            input=f"Where is the {COLOURS[n % 3]} kettle {n}",
            output="here",
            **({"sources": (f"d{n % 3}",)} | more),
        )
        for n in range(start, start + count)
    )


def no_score(examples, answers):
    return 0.0


def prepare(model, train, validation, **settings):
    strategy = OptimizedLoraRag(epochs=1, rank=4, embedder=HashingEmbedder(), **settings)
    strategy.seeds = 1
    return strategy.prepare(TASK, train, validation, documents(), model, no_score)


@pytest.fixture(scope="module")
def made(tiny_model):
    return prepare(tiny_model, rows(0, 6), rows(6, 6))


def test_smaller_chunks_are_found_and_told_before_the_adapters(made):
    stages = [row.get("stage", "trial") for row in made.training.search]
    looks = stages.count("retrieval")
    assert stages == ["retrieval"] * looks + ["trial", "final"]
    [best] = [row for row in made.training.search[:looks] if row.get("chosen")]
    assert best["chunk_tokens"] == 100
    assert made.index[1] == 1  # one passage holds what five do
    assert made.task == TASK


def test_training_read_what_is_served_and_what_is_loaded_serves_the_same(
    made, tiny_model, tmp_path: Path
):
    made.save(tmp_path)
    loaded = OptimizedLoraRag(embedder=HashingEmbedder()).load(tmp_path, TASK, tiny_model)
    for row in rows(0, 6):
        served = loaded.rendered_serving_prompt(row.input)
        assert f"The {COLOURS[int(row.id[1:]) % 3]} kettle is kept here." in served
        assert served == made.rendered_serving_prompt(row.input)
        assert served == made.rendered_training_prompt(row)
    assert loaded.answer([row.input for row in rows(20, 3)]) == made.answer(
        [row.input for row in rows(20, 3)]
    )
    assert loaded.training == made.training


def test_trials_embed_nothing_twice_and_what_is_kept_embeds_anew(tiny_model):
    class Counting(HashingEmbedder):
        def __init__(self):
            super().__init__()
            self.asked = []

        def embed(self, texts):
            self.asked += texts
            return super().embed(texts)

    embedder = Counting()
    strategy = OptimizedLoraRag(epochs=1, rank=4, embedder=embedder)
    train, validation = rows(0, 6), rows(6, 6)
    made = strategy.prepare(TASK, train, validation, documents(), tiny_model, no_score)
    assert len(made.training.search) > 4  # trainings, each of which reads all rows
    assert len(embedder.asked) == len(set(embedder.asked))
    before = len(embedder.asked)
    made.answer([train[0].input] * 2)
    assert embedder.asked[before:] == [train[0].input] * 2


@pytest.mark.parametrize("validation", [(), rows(6, 2, sources=())])
def test_where_nothing_tells_what_is_right_the_settings_given_stand(validation, tiny_model):
    train = rows(0, 6) if not validation else rows(0, 6, sources=())
    made = prepare(tiny_model, train, validation, top_k=2, chunk_tokens=60)
    [look] = [row for row in made.training.search if row.get("stage") == "retrieval"]
    assert (look["chunk_tokens"], look["retriever"], look["told_by"]) == (60, "hybrid", "nothing")
    assert made.index[1] == 2
