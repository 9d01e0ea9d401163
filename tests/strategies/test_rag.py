"""Retrieval-augmented prompts, seen through a scripted model."""

import json
from pathlib import Path

import pytest

from corpora.task import Document, Example, Task
from strategies.embedding import HashingEmbedder
from strategies.models.scripted import ScriptedModel
from strategies.prompting import Passage
from strategies.rag import Bm25Rag, DenseRag, HybridRag, right_first

EMBEDDER = HashingEmbedder()
TASK = Task(
    name="faq",
    kind="question-answering",
    instruction="Answer.",
    metric="token_f1",
    no_answer="unknown",
)
DOCUMENTS = (
    Document(id="hours", title="Hours", text="The shop opens at nine in the morning."),
    Document(id="pets", title="Pets", text="Dogs are allowed in the garden."),
    Document(id="pay", title="Paying", text="Pay by card or in cash at the desk."),
)
TRAIN = (
    Example(id="1", input="open in the morning?", output="at nine", sources=("hours",)),
    Example(id="2", input="dogs in the garden?", output="allowed", sources=("pets",)),
    Example(id="3", input="who owns the shop?", output="unknown", sources=()),
    Example(id="4", input="pay by card?", output="it does", sources=("pay",)),
)


@pytest.fixture
def prompts():
    return []


@pytest.fixture
def model(prompts):
    def say(prompt):
        prompts.append(prompt)
        return "at nine"

    return ScriptedModel(say)


def prepare(strategy, model, train=TRAIN, documents=DOCUMENTS, task=TASK):
    return strategy.prepare(task, train, (), documents, model, lambda e, a: 0.0)


@pytest.mark.parametrize("kind", [Bm25Rag, DenseRag, HybridRag])
def test_the_best_passage_stands_last_and_is_the_first_source(kind, model, prompts):
    strategy = prepare(kind(top_k=2, shots=0, embedder=EMBEDDER), model)
    [answer] = strategy.answer(["are dogs allowed in the garden or at the desk"])
    assert answer.text == "at nine"
    assert answer.sources[0] == "pets"
    assert len(answer.sources) == 2
    asked = prompts[0].messages[-1].content
    titles = {"hours": "Hours: ", "pay": "Paying: "}
    assert asked.startswith(titles[answer.sources[1]])
    assert asked.endswith(
        "\n\nPets: Dogs are allowed in the garden."
        "\n\nQuestion: are dogs allowed in the garden or at the desk\nAnswer:"
    )
    assert prompts[0].messages[0].content == (
        "Answer.\nUse the passages given with each input.\n"
        "If the answer cannot be known, answer exactly: unknown\nAnswer in 1 to 2 words."
    )


def test_worked_examples_are_fixed_and_read_their_own_right_passage(model, prompts):
    strategy = prepare(HybridRag(embedder=EMBEDDER), model)
    strategy.answer(["when does it open", "what is the weather"])
    first, second = prompts
    assert first.shared == second.shared == 7
    assert first.messages[:7] == second.messages[:7]
    right = {e.input: e for e in TRAIN}
    titles = {"hours": "Hours", "pets": "Pets", "pay": "Paying"}
    outputs = [message.content for message in first.messages[2:7:2]]
    for user, output in zip(first.messages[1:7:2], outputs, strict=True):
        passage, asked = user.content.split("\n\n")
        example = right[asked.removeprefix("Question: ").removesuffix("\nAnswer:")]
        assert output == example.output
        for source in example.sources:
            assert passage.startswith(f"{titles[source]}: ")
    assert outputs[1] == "unknown"
    assert outputs.count("unknown") == 1


def test_two_chunks_of_one_document_are_one_source(model, prompts):
    text = "\n\n".join(f"The garden is open to dogs, part {n}." for n in range(4))
    strategy = prepare(
        Bm25Rag(top_k=3, chunk_tokens=12, shots=0, embedder=EMBEDDER),
        model,
        documents=[Document(id="garden", text=text)],
    )
    [answer] = strategy.answer(["is the garden open to dogs"])
    assert answer.sources == ("garden",)
    assert prompts[0].messages[-1].content.count("The garden is open") == 3


def test_passages_given_up_for_room_are_no_sources(model):
    model.context_length = 16 + 40
    strategy = prepare(HybridRag(embedder=EMBEDDER), model)
    [answer] = strategy.answer(["are dogs allowed"])
    assert answer.sources == ("pets",)


def test_nothing_found_is_asked_without_passages(model, prompts):
    strategy = prepare(Bm25Rag(shots=0, embedder=EMBEDDER), model)
    [answer] = strategy.answer(["zebra"])
    assert (answer.text, answer.sources) == ("at nine", ())
    assert prompts[0].messages[-1].content == "zebra"


def test_classification_with_documents_weighs_the_labels(prompts):
    task = Task(
        name="yn",
        kind="classification",
        instruction="Yes or no?",
        labels=("yes", "no"),
        metric="accuracy",
    )
    train = [Example(id=str(n), input=f"dogs {n}", output=("yes", "no")[n % 2]) for n in range(6)]
    strategy = prepare(
        HybridRag(embedder=EMBEDDER), ScriptedModel(lambda p: "no"), train, task=task
    )
    [answer] = strategy.answer(["dogs in the garden"])
    assert answer.text == "no"
    assert answer.probabilities == pytest.approx({"yes": 0.1, "no": 0.9})
    assert answer.sources[0] == "pets"


def test_rag_needs_documents():
    assert HybridRag().misfit(TASK, has_documents=False, model=None) == "rag.hybrid needs documents"
    assert HybridRag().misfit(TASK, has_documents=True, model=None) is None


def test_no_training_rows_means_no_worked_examples(model, prompts):
    prepare(HybridRag(embedder=EMBEDDER), model, train=()).answer(["dogs"])
    assert len(prompts[0].messages) == 2


def test_right_documents_come_before_better_ranked_others():
    ranked = [Passage("a", "1"), Passage("b", "2"), Passage("a", "3"), Passage("b", "4")]
    example = Example(id="x", input="q", output="o", sources=("b",))
    assert [p.text for p in right_first(ranked, example)] == ["2", "4", "1", "3"]


def test_saved_files_can_be_read(model, tmp_path: Path):
    prepare(HybridRag(embedder=EMBEDDER), model).save(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        "chunks.jsonl",
        "dense.faiss",
        "dense.json",
        "prompt.md",
        "settings.json",
        "shots.jsonl",
    }
    first = json.loads((tmp_path / "chunks.jsonl").read_text().splitlines()[0])
    assert first == {"document": "hours", "text": DOCUMENTS[0].text, "title": "Hours"}
    assert "{passages found for the input, best last}" in (tmp_path / "prompt.md").read_text()
