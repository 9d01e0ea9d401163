"""The cascade over real parts and a scripted model, with confidences read off the inputs."""

import json
from dataclasses import replace
from math import inf
from pathlib import Path

import numpy as np
import pytest

from corpora.errors import InvalidInput
from corpora.task import Document, Example, Needs, Task
from strategies.base import Training
from strategies.cascade import Cascade, joined
from strategies.embedding import HashingEmbedder
from strategies.errors import ModelError, StrategyError, UnknownName
from strategies.models.base import Usage
from strategies.models.scripted import ScriptedModel
from strategies.thresholds import confidence_of

QUESTIONS = Task(name="faq", kind="question-answering", instruction="Answer.", metric="token_f1")
LABELS = Task(
    name="mail", kind="classification", instruction="Sort.", labels=("a", "b"), metric="accuracy"
)
TEXTS = Task(name="short", kind="generation", instruction="Shorten.", metric="rouge_l")
FIELDS = Task(name="slots", kind="extraction", instruction="Read.", output_schema={}, metric="x")


class Angles:
    """A text that is a number lies at that cosine from the training input, which is 1."""

    fingerprint = "angles"
    max_tokens = 100

    def embed(self, texts):
        cosines = np.array([float(text) for text in texts], dtype=np.float32)
        return np.stack([cosines, np.sqrt(1 - cosines**2)], axis=1)

    def count_tokens(self, text):
        return 1


def rows(*pairs):
    return tuple(
        Example(id=f"r{number}", input=text, output=output)
        for number, (text, output) in enumerate(pairs)
    )


TRAIN = rows(("1", "cheap"))
VALIDATION = rows(("0.9", "cheap"), ("0.5", "dear"), ("0.3", "dear"))


class Model(ScriptedModel):
    """Says "dear", and keeps the inputs that it was asked in each batch."""

    def __init__(self, failing=()):
        self.batches = []
        self.failing = failing
        super().__init__(self.reply)

    def reply(self, prompt):
        asked = prompt.messages[-1].content
        if asked in self.failing:
            raise ModelError(f"lost {asked}")
        return "dear"

    def generate(self, prompts, *, max_new_tokens):
        self.batches.append([prompt.messages[-1].content for prompt in prompts])
        return super().generate(prompts, max_new_tokens=max_new_tokens)


def share_right(examples, answers):
    pairs = list(zip(examples, answers, strict=True))
    return sum(e.output == a.text for e, a in pairs) / len(pairs)


def nearest_then_prompt():
    return Cascade(cheap="baseline.nearest", dear="prompt.zero-shot", embedder=Angles())


def prepared(model, validation=VALIDATION, task=QUESTIONS, strategy=None, score=share_right):
    strategy = strategy or nearest_then_prompt()
    return strategy.prepare(task, TRAIN, validation, (), model, score)


def test_only_what_the_cheap_one_is_unsure_of_goes_to_the_dear_one_in_one_batch():
    model = Model()
    ready = prepared(model)
    assert model.batches == [["0.9", "0.5", "0.3"]]  # every validation row once
    assert ready.threshold == 0.9
    answers = ready.answer(["0.2", "0.95", "0.4", "0.9", "0.89999"])
    assert [a.text for a in answers] == ["dear", "cheap", "dear", "cheap", "dear"]
    assert model.batches[1:] == [["0.2", "0.4", "0.89999"]]
    assert [a.usage.completion for a in answers] == [1, 0, 1, 0, 1]
    assert all((a.usage.prompt > 0) == (a.text == "dear") for a in answers)
    assert [a.confidence for a in answers] == [None, 0.95, None, 0.9, None]
    ready.answer(["0.92", "1"])
    assert len(model.batches) == 2  # the dear one is not troubled for nothing


def test_the_threshold_is_as_lenient_as_the_tasks_margin():
    lenient = QUESTIONS.model_copy(update={"needs": Needs(practical_margin=0.34)})
    assert prepared(Model(), task=lenient).threshold == 0.5
    search = prepared(Model()).training.search
    assert [(row["threshold"], row.get("chosen", 0.0)) for row in search] == [
        ("never cheap", 0.0),
        (0.9, 1.0),
        (0.5, 0.0),
        (0.3, 0.0),
        ("always cheap", 0.0),
    ]
    parts = [row.get("cheap") for row in search], [row.get("dear") for row in search]
    assert [len(set(each)) for each in parts] == [2, 2]
    assert (parts[0][1], parts[1][1]) == prepared(Model()).names


def test_without_validation_rows_the_dear_one_answers_everything():
    model = Model()
    ready = prepared(model, validation=())
    assert (ready.threshold, ready.training) == (inf, Training())
    assert [a.text for a in ready.answer(["1", "0.1"])] == ["dear", "dear"]


def test_a_failed_dear_answer_leaves_the_cheap_one():
    ready = prepared(Model(failing=("0.4",)))
    [kept, other] = ready.answer(["0.4", "0.2"])
    assert (kept.text, kept.error, kept.confidence) == ("cheap", None, 0.4)
    assert kept.usage.prompt == other.usage.prompt > 0
    assert (other.text, other.error) == ("dear", None)


def test_the_cheap_answer_that_stands_in_keeps_its_sources():
    documents = (Document(id="pets", text="Dogs are welcome."),)
    strategy = Cascade(dear="prompt.zero-shot", embedder=HashingEmbedder())
    ready = strategy.prepare(QUESTIONS, TRAIN, (), documents, ScriptedModel({}), share_right)
    [answer] = ready.answer(["Dogs?"])
    assert (answer.text, answer.sources, answer.error) == ("Dogs are welcome.", ("pets",), None)


def test_it_is_an_error_only_where_both_failed():
    def reply(prompt):
        text = prompt.messages[-1].content
        if text == "2" or (text == "3" and len(prompt.messages) == 2):
            raise ModelError(f"lost {text} of {len(prompt.messages)}")
        return "a"

    strategy = Cascade(cheap="prompt.zero-shot", dear="prompt.few-shot")
    train = rows(("7", "a"), ("8", "b"))
    ready = strategy.prepare(LABELS, train, train, (), ScriptedModel(reply), share_right)
    found = [(a.text, a.error) for a in ready.answer(["1", "2", "3"])]
    assert found == [("a", None), ("", "Both failed: lost 2 of 2 / lost 2 of 6"), ("a", None)]


def test_a_dear_one_that_never_answers_is_a_failure_of_the_cascade():
    model = Model(failing=("0.9", "0.5", "0.3"))
    with pytest.raises(StrategyError, match=r"zero-shot failed on every validation row: lost 0\.9"):
        prepared(model)
    assert prepared(Model(failing=("0.9", "0.5"))).threshold == 0.5


@pytest.mark.parametrize("validation", [VALIDATION, ()])
def test_loaded_it_answers_exactly_as_saved(validation, tmp_path: Path):
    ready = prepared(Model(), validation)
    ready.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "cascade.json",
        "cheap",
        "dear",
        "training.json",
    ]
    settings = json.loads((tmp_path / "cascade.json").read_text(), parse_constant=pytest.fail)
    threshold = 0.9 if validation else "never cheap"
    assert settings == {
        "cheap": "baseline.nearest",
        "dear": "prompt.zero-shot",
        "threshold": threshold,
    }
    loaded = Cascade(embedder=Angles()).load(tmp_path, QUESTIONS, Model())
    inputs = ["0.2", "0.95", "0.9"]
    assert loaded.answer(inputs) == ready.answer(inputs)
    assert (loaded.training, loaded.threshold) == (ready.training, ready.threshold)


@pytest.mark.parametrize(
    ("task", "has_documents", "cheap", "dear"),
    [
        (LABELS, False, "baseline.linear", "prompt.nearest"),
        (LABELS, True, "baseline.linear", "prompt.nearest"),
        (QUESTIONS, True, "baseline.passage", "rag.hybrid"),
        (TEXTS, True, "baseline.passage", "rag.hybrid"),
        (QUESTIONS, False, "baseline.nearest", "prompt.nearest"),
        (TEXTS, False, "baseline.nearest", "prompt.nearest"),
        (FIELDS, True, "baseline.nearest", "prompt.nearest"),
    ],
)
def test_what_the_task_makes_of_the_defaults(task, has_documents, cheap, dear):
    made = Cascade().settled(task, has_documents=has_documents)
    assert (made.cheap, made.dear) == (cheap, dear)
    assert [part.name for part in made.parts] == [cheap, dear]
    assert made.needs_model
    assert made.settled(task, has_documents=not has_documents) is made


@pytest.mark.parametrize(
    ("parts", "needs_model"),
    [
        ({}, True),
        ({"dear": "lora"}, True),
        ({"cheap": "baseline.nearest", "dear": "baseline.linear"}, False),
        ({"dear": "baseline.linear"}, False),
        ({"cheap": "prompt.zero-shot", "dear": "baseline.linear"}, True),
    ],
)
def test_the_need_of_a_model_is_that_of_the_parts(parts, needs_model):
    made = Cascade(**parts)
    assert (made.family, made.needs_model) == ("combined", needs_model)


def test_a_cascade_holds_no_cascade_and_nothing_unknown():
    with pytest.raises(InvalidInput, match=r"dear: 'cascade'\. A cascade cannot contain itself"):
        Cascade(dear="cascade")
    with pytest.raises(UnknownName, match=r"'baseline\.liner' is unknown"):
        Cascade(cheap="baseline.liner")


@pytest.mark.parametrize(
    ("parts", "task", "reason"),
    [
        (
            {"cheap": "prompt.nearest"},
            LABELS,
            "cascade needs two different strategies, and both are prompt.nearest",
        ),
        (
            {"cheap": "baseline.linear"},
            TEXTS,
            "cascade asks a strategy that does not fit: baseline.linear chooses among labels and"
            " cannot write an answer",
        ),
        (
            {"dear": "rag.bm25"},
            TEXTS,
            "cascade asks a strategy that does not fit: rag.bm25 needs documents",
        ),
        (
            {"dear": "lora"},
            TEXTS,
            "cascade asks a strategy that does not fit: lora needs the weights of the model;"
            " scripted has none here",
        ),
        (
            {"cheap": "prompt.zero-shot"},
            TEXTS,
            "cascade cannot rank answers of prompt.zero-shot, which tells no confidence",
        ),
        ({"cheap": "prompt.zero-shot"}, LABELS, None),
        ({}, TEXTS, None),
    ],
)
def test_why_it_does_not_fit(parts, task, reason):
    model = ScriptedModel({})
    assert Cascade(**parts).misfit(task, has_documents=False, model=model) == reason


def test_a_choice_is_cheap_where_its_label_is_probable():
    train = rows(("red apple", "a"), ("green pear", "b"), ("red berry", "a"), ("green leaf", "b"))
    model = ScriptedModel(lambda prompt: "b")
    strategy = Cascade(embedder=HashingEmbedder())
    ready = strategy.prepare(LABELS, train, train[:2], (), model, share_right)
    cheap, dear = (part.answer(["red apple", "a stone"]) for part in (ready.cheap, ready.dear))
    first, second = (confidence_of(answer) for answer in cheap)
    assert first == ready.threshold > second
    sure, unsure = ready.answer(["red apple", "a stone"])
    assert sure == cheap[0]
    assert (unsure.text, unsure.probabilities) == ("b", dear[1].probabilities)


def test_the_training_of_a_part_is_kept_beside_what_was_tried():
    class Part:
        def __init__(self, training):
            self.training = training

    tuned = Training(
        epochs=2, seeds=(7,), search=({"epochs": 1.0},), tokens=9, usage=Usage(prompt=5)
    )
    tried = ({"threshold": 0.5},)
    asked = Usage(prompt=2, completion=1)
    for parts in ((Part(None), Part(tuned)), (Part(tuned), Part(None))):
        found = joined(*parts, tried, asked)
        both = Usage(prompt=7, completion=1)
        assert found == replace(tuned, search=(*tuned.search, *tried), usage=both)
    assert joined(Part(None), Part(None), tried, asked) == Training(search=tried, usage=asked)


def test_progress_goes_one_way():
    told = []
    nearest_then_prompt().prepare(
        QUESTIONS, TRAIN, VALIDATION, (), Model(), share_right,
        progress=lambda fraction, message: told.append(fraction),
    )  # fmt: skip
    assert told == sorted(told)
    assert told[-1] == 0.8
