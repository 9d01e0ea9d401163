"""Prompting strategies against a scripted model that shows what it was asked."""

from collections import Counter
from pathlib import Path

import pytest

from corpora.task import Example, Task
from strategies.answering import answer_limit, answer_prompts, first_object, fit_prompt
from strategies.embedding import HashingEmbedder
from strategies.errors import ModelError, StrategyError
from strategies.few_shot import FewShot, NearestShot
from strategies.models.scripted import ScriptedModel
from strategies.prompting import Passage, Shot, build_prompt
from strategies.shots import balanced_examples, typical_examples
from strategies.zero_shot import ZeroShot

TRIAGE = Task(
    name="mail",
    kind="classification",
    instruction="Classify.",
    labels=("billing", "delivery"),
    metric="accuracy",
)
QUESTIONS = Task(
    name="faq",
    kind="question-answering",
    instruction="Answer.",
    metric="token_f1",
    no_answer="unknown",
)
EXTRACTION = Task(
    name="slots", kind="extraction", instruction="Extract.", output_schema={}, metric="field_f1"
)


def row(number, text, output):
    return Example(id=f"r{number}", input=text, output=output)


MAILS = tuple(
    row(n, f"{topic} matter {n}", label)
    for n, (topic, label) in enumerate([("invoice", "billing"), ("parcel", "delivery")] * 6)
)


class Asked:
    """A scripted model that keeps the prompts it gets."""

    def __init__(self, reply="billing"):
        self.prompts = []
        self.reply = reply
        self.model = ScriptedModel(self._say)

    def _say(self, prompt):
        self.prompts.append(prompt)
        return self.reply


def prepare(strategy, task, train, model, seed=0):
    return strategy.prepare(task, train, (), (), model, lambda e, a: 0.0, seed=seed)


def shown(prompt):
    return [message.content for message in prompt.messages]


def test_zero_shot_asks_with_the_instruction_alone():
    asked = Asked()
    [answer] = prepare(ZeroShot(), TRIAGE, MAILS, asked.model).answer(["my invoice"])
    assert (answer.text, answer.probabilities["billing"]) == ("billing", 0.9)
    assert shown(asked.prompts[0]) == ["Classify.\nLabels: billing, delivery", "my invoice"]
    assert asked.prompts[0].shared == 1


def test_the_lengths_of_training_outputs_become_words_of_the_instruction(tmp_path: Path):
    asked = Asked("x")
    rows = [row(n, f"q{n}", "word " * n) for n in range(1, 12)]
    strategies = (ZeroShot(), FewShot(), NearestShot(embedder=HashingEmbedder()))
    for strategy in strategies:
        ready = prepare(strategy, QUESTIONS, rows, asked.model)
        ready.answer(["q"])
        folder = tmp_path / strategy.name
        folder.mkdir()
        ready.save(folder)
        strategy.load(folder, QUESTIONS, asked.model).answer(["q"])
        assert "Answer in 2 to 10 words." in (folder / "prompt.md").read_text()
    assert len(asked.prompts) == 6
    for prompt in asked.prompts:
        assert shown(prompt)[0].endswith("answer exactly: unknown\nAnswer in 2 to 10 words.")


def test_few_shot_shows_the_same_balanced_examples_to_every_input():
    asked = Asked()
    prepare(FewShot(), TRIAGE, MAILS, asked.model).answer(["one", "two"])
    first, second = asked.prompts
    assert first.messages[:-1] == second.messages[:-1]
    assert first.shared == len(first.messages) - 1 == 17
    assert Counter(m.content for m in first.messages if m.role == "assistant") == {
        "billing": 4,
        "delivery": 4,
    }


def test_seed_alone_decides_the_examples():
    drawn = [
        balanced_examples(TRIAGE, rows, 4, seed=seed)
        for rows, seed in ((MAILS, 1), (MAILS, 1), (MAILS, 2))
    ]
    assert drawn[0] == drawn[1] != drawn[2]


def test_balanced_examples_take_what_there_is():
    few = (*MAILS[:1], *MAILS[1::2])
    chosen = balanced_examples(TRIAGE, few, 5, seed=0)
    assert Counter(e.output for e in chosen) == {"billing": 1, "delivery": 4}
    assert len(balanced_examples(TRIAGE, few, 99, seed=0)) == len(few)


def test_typical_examples_have_usual_lengths_and_one_without_answer_in_the_middle():
    rows = [row(n, f"q{n}", "x" * n) for n in range(1, 22)]
    rows += [row(90 + n, f"none {n}", "Unknown") for n in range(5)]
    chosen = typical_examples(QUESTIONS, rows, 3, seed=0)
    assert [e.output == "Unknown" for e in chosen] == [False, True, False]
    assert all(6 <= len(e.output) <= 16 for e in chosen)
    assert len(typical_examples(QUESTIONS, rows[-2:], 3, seed=0)) == 1
    assert typical_examples(QUESTIONS, [], 3, seed=0) == []


def test_nearest_puts_the_most_similar_example_last():
    asked = Asked("x")
    train = (
        row(0, "where is my parcel now", "a"),
        row(1, "apples and pears", "b"),
        row(2, "where is my parcel", "c"),
        row(3, "my parcel", "d"),
    )
    strategy = NearestShot(shots=3, embedder=HashingEmbedder())
    prepare(strategy, QUESTIONS, train, asked.model).answer(["where is my parcel"])
    [prompt] = asked.prompts
    assert [m.content for m in prompt.messages if m.role == "assistant"] == ["d", "a", "c"]
    assert prompt.shared == 1


def test_saved_prompt_can_be_read(tmp_path: Path):
    prepare(FewShot(shots=2), TRIAGE, MAILS, Asked().model).save(tmp_path)
    text = (tmp_path / "prompt.md").read_text()
    assert "Classify.\nLabels: billing, delivery" in text
    assert text.rstrip().endswith("## user\n\n{input}")
    assert text.count("## assistant") == 2


def test_nearest_of_another_embedder_is_refused(tmp_path: Path):
    model = Asked().model
    prepare(NearestShot(embedder=HashingEmbedder()), TRIAGE, MAILS, model).save(tmp_path)
    with pytest.raises(ModelError, match="Load with the same embedder"):
        NearestShot(embedder=HashingEmbedder(dimensions=32)).load(tmp_path, TRIAGE, model)


def test_a_missing_model_or_row_is_said_plainly():
    with pytest.raises(StrategyError, match=r"prompt\.few-shot needs a language model"):
        prepare(FewShot(), TRIAGE, MAILS, None)
    with pytest.raises(StrategyError, match="needs at least one training example"):
        prepare(FewShot(), TRIAGE, (), Asked().model)


SHOTS = (Shot("far " * 20, "a"), Shot("near " * 20, "b"))
PASSAGES = (Passage("d1", "best " * 30), Passage("d2", "second " * 30))


def fitted(room, text="the question", shots=SHOTS, passages=PASSAGES):
    model = Asked().model
    model.context_length = room + 10
    return fit_prompt(QUESTIONS, model, text, shots=shots, passages=passages, max_new_tokens=10)


@pytest.mark.parametrize(
    ("room", "shots", "words"),
    [
        (500, ["far", "near"], [30, 30]),
        (129, ["near"], [30, 30]),
        (100, [], [30, 30]),
        (70, [], [30]),
        (40, [], [16]),
        (15, [], []),
    ],
)
def test_too_long_a_prompt_loses_shots_then_passages_then_words(room, shots, words):
    found = fitted(room)
    assert found.error is None
    assert [m.content.split()[0] for m in found.prompt.messages[1:-1:2]] == shots
    assert [len(p.text.split()) for p in found.passages] == words
    asked = "\n\nQuestion: the question\nAnswer:" if words else "the question"
    assert found.prompt.messages[-1].content.endswith(asked)
    model = Asked().model
    assert model.count_tokens(model.render(found.prompt)) <= room
    assert found.prompt.shared == (5 if len(shots) == 2 else 0)


def test_an_input_too_long_on_its_own_is_an_error_that_says_so():
    found = fitted(50, text="word " * 60)
    assert found.prompt is None
    assert found.error == (
        "The input and the instruction take 73 tokens; the model reads 60, of which 10 are kept "
        "for the answer."
    )


def test_a_long_input_does_not_spoil_its_neighbours():
    asked = Asked()
    asked.model.context_length = 60
    answers = prepare(ZeroShot(), TRIAGE, MAILS, asked.model).answer(["a", "b " * 90, "c"])
    assert [(a.text, a.error is None) for a in answers] == [
        ("billing", True),
        ("", False),
        ("billing", True),
    ]


def test_a_model_error_becomes_the_answers_error():
    prompts = [build_prompt(QUESTIONS, text) for text in ("known", "strange")]
    model = ScriptedModel({"known": " yes "})
    first, second = answer_prompts(QUESTIONS, model, prompts, max_new_tokens=5)
    assert (first.text, first.error) == ("yes", None)
    assert (second.text, second.error) == ("", "no scripted reply to 'strange'")
    choice = answer_prompts(TRIAGE, model, prompts[1:], max_new_tokens=5)
    assert choice[0].error == "no scripted reply to 'strange'"


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        ('Sure: {"a": {"b": "}"}} Anything else?', '{"a": {"b": "}"}}'),
        ('{"a": 1', '{"a": 1'),
        ("none", "none"),
        ("{" * 100_000, "{" * 100_000),
    ],
)
def test_extraction_keeps_the_first_whole_object(reply, text):
    assert first_object(reply) == text


def test_answer_limit_follows_labels_or_training_outputs():
    model = Asked().model
    assert answer_limit(TRIAGE, model, MAILS) == 10
    assert answer_limit(QUESTIONS, model, [row(0, "q", "word " * 50)]) == 68
    assert answer_limit(EXTRACTION, model, []) == 84


def test_only_an_extracted_object_keeps_room_for_the_longest_output():
    model = Asked().model
    rows = [row(n, "q", "word " * 10) for n in range(39)] + [row(39, "q", "word " * 50)]
    assert answer_limit(QUESTIONS, model, rows) == 20
    assert answer_limit(EXTRACTION, model, rows) == 68
