"""The rows and prompts that both sides work on: what the peers' scripts select and ask.

Ten intents of bank customers (`banking77-10`) for label scoring and LoRA, questions about
encyclopedia paragraphs (`xquad`) for generation. `folder` holds the data sets. Rows are selected
as the peers select them, down to the shuffles, so that both sides do the same work.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpora.chunks import Chunk
from strategies.embedding import Embedder
from strategies.models.base import Message, Prompt
from strategies.retrieval import DenseRetriever

INTENTS, PARAGRAPHS = "banking77-10", "xquad"
FILES = (
    f"{INTENTS}/examples.jsonl",
    f"{PARAGRAPHS}/examples.jsonl",
    f"{PARAGRAPHS}/documents.jsonl",
)
"""What must lie in the folder of data sets."""
SCORED_ROWS = 150
TUNING_ROWS = 200
JUDGED_ROWS = 300
QUESTIONS = 100
TOP = 3
NEW_TOKENS = 32

ALL_LABELS = (
    "Classify the customer's banking message. Reply with exactly one of these "
    "categories and nothing else: "
)
NO_LABELS = "Classify the customer's banking message. Reply with one category."
PASSAGES = (
    "Answer the question from the passages. Reply with the shortest phrase that answers it, "
    "and nothing else."
)


@dataclass(frozen=True)
class Labelled:
    """A message and its label, as the model reads and writes them."""

    text: str
    label: str


@dataclass(frozen=True)
class Intents:
    """`labels` in the order in which they are offered; one shot a label, from the end of train."""

    labels: tuple[str, ...]
    train: tuple[Labelled, ...]
    test: tuple[Labelled, ...]
    shots: tuple[Labelled, ...]


def read_intents(folder: Path, *, n_test: int = SCORED_ROWS) -> Intents:
    """The rows of the peers: each split shuffled with seed 0, the first rows of it taken."""
    found = rows_of(folder / INTENTS / "examples.jsonl")
    train, test = _shuffled(found, "train"), _shuffled(found, "test")
    labels = sorted({row.label for row in train})
    shots = [[row for row in train if row.label == label][-1] for label in labels]
    random.Random(0).shuffle(shots)
    return Intents(tuple(labels), tuple(train[:TUNING_ROWS]), tuple(test[:n_test]), tuple(shots))


def _shuffled(found: Sequence[dict[str, Any]], split: str) -> list[Labelled]:
    kept = [
        Labelled(row["input"].strip(), row["output"].replace("_", " "))
        for row in found
        if row["split"] == split
    ]
    random.Random(0).shuffle(kept)
    return kept


def scoring_prompts(intents: Intents) -> list[Prompt]:
    """The instruction with all labels, ten worked turns, then the message; one a test row."""
    head = [Message("system", f"{ALL_LABELS}{', '.join(intents.labels)}.")]
    for shot in intents.shots:
        head += [Message("user", shot.text), Message("assistant", shot.label)]
    return [Prompt((*head, Message("user", row.text)), shared=len(head)) for row in intents.test]


def tuned_prompt(text: str) -> Prompt:
    """What the tuned model reads, in training and after it."""
    return Prompt((Message("system", NO_LABELS), Message("user", text)), shared=1)


@dataclass(frozen=True)
class Paragraphs:
    """The passages and the first test questions about them."""

    passages: tuple[str, ...]
    questions: tuple[str, ...]


def read_paragraphs(folder: Path) -> Paragraphs:
    documents = rows_of(folder / PARAGRAPHS / "documents.jsonl")
    found = rows_of(folder / PARAGRAPHS / "examples.jsonl")
    questions = [row["input"] for row in found if row["split"] == "test"]
    return Paragraphs(tuple(row["text"] for row in documents), tuple(questions[:QUESTIONS]))


def index_passages(paragraphs: Paragraphs, embedder: Embedder) -> DenseRetriever:
    chunks = [Chunk(str(place), text, None) for place, text in enumerate(paragraphs.passages)]
    return DenseRetriever.build(chunks, embedder)


def question_prompts(paragraphs: Paragraphs, index: DenseRetriever) -> list[Prompt]:
    """Each question below its best passages, numbered from 1."""
    found = index.search(paragraphs.questions, TOP)
    return [
        passages_prompt(question, [paragraphs.passages[hit.chunk] for hit in hits])
        for question, hits in zip(paragraphs.questions, found, strict=True)
    ]


def own_passages_prompts(folder: Path) -> list[Prompt]:
    """Each question below its own passage and the two that follow it: as `question_prompts`, but
    without a search."""
    documents = rows_of(folder / PARAGRAPHS / "documents.jsonl")
    places = {document["id"]: place for place, document in enumerate(documents)}
    asked = [
        row for row in rows_of(folder / PARAGRAPHS / "examples.jsonl") if row["split"] == "test"
    ]
    return [
        passages_prompt(
            row["input"],
            [
                documents[(places[row["sources"][0]] + after) % len(documents)]["text"]
                for after in range(TOP)
            ],
        )
        for row in asked[:QUESTIONS]
    ]


def passages_prompt(question: str, passages: Sequence[str]) -> Prompt:
    text = "\n\n".join(f"[{place}] {passage}" for place, passage in enumerate(passages, start=1))
    asked = f"Passages:\n{text}\n\nQuestion: {question}"
    return Prompt((Message("system", PASSAGES), Message("user", asked)), shared=1)


def rows_of(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]
