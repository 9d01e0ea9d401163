"""The words of a prompt: the instruction, the form of the answer, the order of the passages."""

import pytest

from corpora.task import Example, Kind, Task
from strategies.prompting import (
    Passage,
    Shot,
    answer_form,
    build_prompt,
    completion_limit,
    system_text,
    user_text,
)

BEST = Passage("tea", "Tea is served at four.", "Tea")
SECOND = Passage("cake", "There is cake.", "Cake")
NAMELESS = Passage("rain", "It rains.")


def task_of(kind: Kind = "question-answering", **fields) -> Task:
    return Task(name="t", kind=kind, instruction=" Answer. ", metric="exact_match", **fields)


def outputs(*lengths: int) -> list[Example]:
    return [
        Example(id=str(n), input="q", output=" ".join(["word"] * length))
        for n, length in enumerate(lengths)
    ]


def test_the_best_passage_stands_last_next_to_the_question():
    asked = user_text(task_of(), "When is tea?", (BEST, SECOND, NAMELESS))
    assert asked == (
        "It rains.\n\nCake: There is cake.\n\nTea is served at four."
        "\n\nQuestion: When is tea?\nAnswer:"
    )


@pytest.mark.parametrize("kind", ["classification", "extraction", "generation"])
def test_only_a_question_is_called_one(kind: Kind):
    assert user_text(task_of(kind), "When is tea?", (SECOND,)) == (
        "Cake: There is cake.\n\nWhen is tea?"
    )


def test_without_passages_the_input_stands_alone():
    assert user_text(task_of(), "When is tea?") == "When is tea?"


def test_the_form_is_the_last_line_of_the_instruction():
    task = task_of(no_answer="unknown")
    assert system_text(task, form="Answer in 2 words.", grounded=True).splitlines() == [
        "Answer.",
        "Use the passages given with each input.",
        "If the answer cannot be known, answer exactly: unknown",
        "Answer in 2 words.",
    ]
    assert system_text(task_of()) == "Answer."


def test_a_prompt_is_the_instruction_the_worked_examples_and_the_input():
    shots = (Shot("When is cake?", "never", (SECOND,)),)
    prompt = build_prompt(
        task_of(), "When is tea?", shots=shots, passages=(BEST,), form="Answer in 1 word."
    )
    assert [(m.role, m.content) for m in prompt.messages] == [
        ("system", "Answer.\nUse the passages given with each input.\nAnswer in 1 word."),
        ("user", "Cake: There is cake.\n\nQuestion: When is cake?\nAnswer:"),
        ("assistant", "never"),
        ("user", "Tea is served at four.\n\nQuestion: When is tea?\nAnswer:"),
    ]
    assert prompt.shared == 3
    assert build_prompt(task_of(), "x", shots=shots, shots_are_fixed=False).shared == 1


@pytest.mark.parametrize(
    ("lengths", "form"),
    [
        ((), ""),
        ((1,), "Answer in 1 word."),
        ((2, 2), "Answer in 2 words."),
        ((5, 1), "Answer in 1 to 5 words."),
        (range(1, 11), "Answer in 2 to 10 words."),
        ((1, *[7] * 18, 400), "Answer in 7 words."),
    ],
)
def test_the_form_of_an_answer_follows_the_usual_lengths(lengths, form: str):
    assert answer_form(task_of(), outputs(*lengths)) == form
    assert answer_form(task_of("generation"), outputs(*lengths)) == form


def test_outputs_that_mean_no_answer_do_not_count_as_lengths():
    none = [Example(id=f"n{n}", input="q", output="not known at all") for n in range(9)]
    task = task_of(no_answer="not known at all")
    assert answer_form(task, [*none, *outputs(2)]) == "Answer in 2 words."
    assert answer_form(task, none) == ""


@pytest.mark.parametrize("kind", ["classification", "extraction"])
def test_labels_and_schemas_give_the_form_themselves(kind: Kind):
    assert answer_form(task_of(kind), outputs(3, 4)) == ""


@pytest.mark.parametrize(
    ("lengths", "usual", "longest"),
    [
        ([], 84, 84),
        ([1], 16, 16),
        ([50], 68, 68),
        ([10] * 39 + [50], 20, 68),
        ([10] * 18 + [50] * 2, 68, 68),
        ([10_000], 512, 512),
    ],
)
def test_room_for_an_answer_follows_the_training_outputs(lengths, usual: int, longest: int):
    assert completion_limit(lengths) == usual
    assert completion_limit(lengths, whole=True) == longest
    assert completion_limit(lengths[::-1]) == usual
