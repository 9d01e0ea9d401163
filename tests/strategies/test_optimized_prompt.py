"""prompt.optimized on a scripted model that likes some prompts better than others."""

from dataclasses import replace

import pytest

from corpora.task import Example, Search, Task
from strategies.embedding import HashingEmbedder
from strategies.models.scripted import ScriptedModel
from strategies.optimized_prompt import OptimizedPrompt, moves
from strategies.output_rules import output_rules
from strategies.prompt_settings import PromptSettings, label_names, label_words, reworded

TOPICS = {"card_lost": "lost my card", "card_late": "card arrives late", "top_up": "top up money"}
TASK = Task(
    name="bank",
    kind="classification",
    instruction="Name the intent. Think of what the customer wants.",
    labels=tuple(TOPICS),
    metric="accuracy",
    search=Search(trials=30, seconds=600),
)


def rows(start, count):
    labels = list(TOPICS)
    return [
        Example(id=f"r{n}", input=f"{TOPICS[labels[n % 3]]} {n}", output=labels[n % 3])
        for n in range(start, start + count)
    ]


TRAIN, VALIDATION = rows(0, 30), rows(100, 18)


def hits(examples, answers):
    pairs = list(zip(examples, answers, strict=True))
    return sum(example.output == answer.text for example, answer in pairs) / len(pairs)


def right_name(prompt, names):
    """The shown name of the input's right label."""
    asked = prompt.messages[-1].content
    label = next(label for label, words in TOPICS.items() if words in asked)
    return names[list(TOPICS).index(label)]


def prepared(model, task=TASK, validation=VALIDATION, seed=0):
    strategy = OptimizedPrompt(embedder=HashingEmbedder())
    return strategy.prepare(task, TRAIN, validation, (), model, hits, seed=seed)


def chosen(made):
    return next(row for row in made.training.search if row.get("chosen"))


def test_finds_that_readable_labels_are_understood_and_answers_in_the_own_ones():
    def weigh(prompt, names):
        best = right_name(prompt, names) if "_" not in names[0] else names[0]
        return {name: 0.8 if name == best else 0.1 for name in names}

    made = prepared(ScriptedModel(lambda prompt: "", probabilities=weigh))
    assert chosen(made)["wording"] == "spaced"
    assert chosen(made)["validation_score"] == 1.0
    first = made.training.search[0]
    assert (first["wording"], first["validation_score"]) == ("given", pytest.approx(1 / 3))
    [answer] = made.answer(["top up money now"])
    assert answer.text == "top_up"
    assert set(answer.probabilities) == set(TOPICS)
    assert made.inner.max_new_tokens == 3 * (2 + 4)  # "card lost" is two words, "card_lost" one


def test_finds_that_a_liking_for_one_label_has_to_be_divided_out():
    def weigh(prompt, names):
        odds = {name: 2.0 if name == right_name(prompt, names) else 1.0 for name in names}
        odds[names[0]] *= 10
        whole = sum(odds.values())
        return {name: odd / whole for name, odd in odds.items()}

    model = ScriptedModel(lambda prompt: "", probabilities=weigh)
    made = prepared(model)
    assert chosen(made)["calibration"] == "even labels"
    assert chosen(made)["validation_score"] == 1.0
    asked = [row.input for row in rows(200, 9)]
    assert [a.text for a in made.answer(asked)] == [row.output for row in rows(200, 9)]
    plain = replace(made, weights={})
    assert {answer.text for answer in plain.answer(asked)} == {"card_lost"}


@pytest.mark.parametrize(("count", "kinds"), [(7, {"none"}), (8, {"none", "even labels"})])
def test_a_few_inputs_tell_nothing_of_a_liking(count, kinds):
    def weigh(prompt, names):
        odds = {name: 2.0 if name == right_name(prompt, names) else 1.0 for name in names}
        odds[names[0]] *= 10 if len(prompt.messages) > 2 else 1
        whole = sum(odds.values())
        return {name: odd / whole for name, odd in odds.items()}

    made = prepared(
        ScriptedModel(lambda prompt: "", probabilities=weigh), validation=rows(100, count)
    )
    assert {row["calibration"] for row in made.training.search} == kinds


def test_finds_the_number_of_examples():
    def weigh(prompt, names):
        shown = sum(message.role == "assistant" for message in prompt.messages)
        best = right_name(prompt, names) if shown >= 16 else names[0]
        return {name: 0.8 if name == best else 0.1 for name in names}

    made = prepared(ScriptedModel(lambda prompt: "", probabilities=weigh))
    assert (chosen(made)["shots"], chosen(made)["choice"]) == (16, "nearest")
    assert made.inner.shots == 16


def test_keeps_the_default_where_nothing_helps():
    def weigh(prompt, names):
        return {name: 0.8 if name == right_name(prompt, names) else 0.1 for name in names}

    made = prepared(ScriptedModel(lambda prompt: "", probabilities=weigh))
    assert made.training.search[0]["chosen"] == 1.0
    assert made.weights == {}


def test_no_two_trials_ask_the_same_and_the_number_is_kept():
    asked = []

    def weigh(prompt, names):
        asked.append((tuple(message.content for message in prompt.messages), tuple(names)))
        return dict.fromkeys(names, 1 / 3)

    task = TASK.model_copy(update={"search": Search(trials=5, seconds=600)})
    made = prepared(ScriptedModel(lambda prompt: "", probabilities=weigh), task)
    assert len(made.training.search) == 5
    assert len(asked) == len(set(asked))


def test_without_validation_rows_the_default_stands_and_nothing_is_claimed():
    made = prepared(ScriptedModel(lambda prompt: "top_up"), validation=[])
    assert made.training.search == ()
    assert made.inner.shots == 8


def test_the_saved_one_answers_alike(tmp_path):
    def weigh(prompt, names):
        odds = {name: 2.0 if name == right_name(prompt, names) else 1.0 for name in names}
        odds[names[1]] *= 1 if "_" in names[0] else 9
        return {name: odd / sum(odds.values()) for name, odd in odds.items()}

    model = ScriptedModel(lambda prompt: "", probabilities=weigh)
    made = prepared(model)
    made.save(tmp_path)
    loaded = OptimizedPrompt(embedder=HashingEmbedder()).load(tmp_path, TASK, model)
    asked = [row.input for row in rows(300, 6)]
    assert loaded.answer(asked) == made.answer(asked)
    assert loaded.training == made.training


def test_every_move_changes_one_thing():
    start = PromptSettings()
    for move in moves(start):
        names = [name for name, value in start.told().items() if move.told()[name] != value]
        assert len(names) <= 1


@pytest.mark.parametrize(
    ("labels", "wording", "shown"),
    [
        (("card_lost", "topUp"), "given", ["card_lost", "topUp"]),
        (("card_lost", "topUp"), "spaced", ["card lost", "top up"]),
        (("card_lost", "topUp"), "capitalised", ["Card lost", "Top up"]),
        (("a_b", "a b"), "spaced", ["a_b", "a b"]),  # else both would be "a b"
        (("_", "x"), "spaced", ["_", "x"]),
        (("-1", "1.5", "24/7"), "spaced", ["-1", "1.5", "24/7"]),
        (("not-spam", "a.b/c_-_d", "Größe_XL"), "spaced", ["not spam", "a b c d", "größe xl"]),
    ],
)
def test_label_names(labels, wording, shown):
    assert list(label_names(labels, wording).values()) == shown


def test_label_words_tell_labels_apart():
    assert label_words(TASK, TRAIN)["top_up"][:2] == ["money", "top"]
    assert label_words(TASK, TRAIN)["card_lost"] == ["lost", "card"]


def test_instructions_are_written_from_the_task():
    def text(kind):
        return reworded(TASK, TRAIN, PromptSettings(instruction=kind))[0].instruction

    assert text("given") == TASK.instruction
    assert text("short") == "Name the intent."
    assert "top_up: money, top" in text("with label words")
    assert text("with answer rules") == TASK.instruction  # labels have no further form


@pytest.mark.parametrize(
    ("outputs", "rules"),
    [
        (["yes."] * 10, ["End with a full stop.", "Use lower case only.", "Write one line."]),
        (
            ["12"] * 9 + ["Twelve"],
            [
                "Put no full stop at the end.",
                "Answer with a number only.",
                "Write one line.",
            ],
        ),
        (["好的，请稍候。"] * 10, ["End with a full stop.", "Write one line."]),
        (["yes."] * 9, []),  # too few to show a habit
    ],
)
def test_rules_of_texts(outputs, rules):
    task = Task(name="t", kind="generation", instruction="Write it so.", metric="chrf")
    train = [Example(id=str(n), input="x", output=text) for n, text in enumerate(outputs)]
    assert output_rules(task, train) == rules


def test_rules_of_objects():
    task = Task(name="t", kind="extraction", instruction="Read it.", metric="field_f1")
    train = [
        Example(id=str(n), input="fly to Oslo", output='{"to": "Oslo"}' if n % 2 else "{}")
        for n in range(12)
    ]
    assert output_rules(task, train) == [
        "Copy the values word for word from the text.",
        "Leave out the fields that the text does not give.",
    ]
