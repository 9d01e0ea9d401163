"""What rows look like: their kind, a shared instruction, a schema that holds for all."""

import json

import pytest

from corpora.incoming.kinds import (
    AFTER_COMPLETION,
    AFTER_PROMPT,
    common_beginning,
    common_separator,
    guess_kind,
)
from corpora.incoming.schemas import infer_schema


@pytest.mark.parametrize(
    ("outputs", "kind"),
    [
        (["yes", "no"] * 10, "classification"),
        (["1", "2", "3"] * 10, "classification"),
        ([str(n * n) for n in range(40)], "question-answering"),
        ([f"in the year {n}" for n in range(40)], "question-answering"),
        (["word " * 200] * 20 + ["other " * 200] * 20, "generation"),
        ([json.dumps({"a": n}) for n in range(40)], "extraction"),
        (["same", "other", "third"], None),
        ([f"answer {n // 2}" for n in range(40)], None),
    ],
)
def test_kinds_by_shape(outputs: list[str], kind: str | None) -> None:
    inputs = [f"What is the answer to number {n}?" for n in range(len(outputs))]
    assert guess_kind(inputs, outputs) == kind


def test_free_answers_to_no_question_are_generation() -> None:
    outputs = [f"Parcel {n} comes tomorrow." for n in range(40)]
    assert guess_kind([f"Message {n}: no parcel." for n in range(40)], outputs) == "generation"


def test_a_beginning_is_an_instruction_only_where_it_says_something() -> None:
    assert common_beginning(["Tell: a", "Tell: b", "Tell: c", "Tell: d", "Tell: e"]) == ""
    assert common_beginning([f"Say what the text is about: {n}" for n in range(9)]) == (
        "Say what the text is about:"
    )


def test_a_mark_is_one_that_every_text_ends_with() -> None:
    texts = ["a\n\n###\n\n", "b ###"]
    assert common_separator(texts, AFTER_PROMPT) == "###"
    assert common_separator([*texts, "c"], AFTER_PROMPT) == ""
    assert common_separator(["yes END", "no END"], AFTER_COMPLETION) == "END"
    assert common_separator(["WEEKEND", "WEEKEND"], AFTER_COMPLETION) == ""
    assert common_separator([" " * 1_000_000 + "#" * 1_000_000 + "x"], AFTER_PROMPT) == ""


def test_a_schema_holds_for_all_and_lists_values_only_from_many() -> None:
    few = [{"size": "small", "tags": ["a"], "price": 1, "note": None} for _ in range(10)]
    few[0] = {"size": "large", "tags": [], "price": 1.5}
    assert infer_schema(few) == {
        "type": "object",
        "properties": {
            "size": {"type": "string"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "price": {"type": "number"},
            "note": {"type": "null"},
        },
        "required": ["size", "tags", "price"],
    }
    many = [{"size": ("small", "large")[n % 2], "name": f"n{n}"} for n in range(60)]
    schema = infer_schema(many)
    assert schema is not None
    assert schema["properties"]["size"] == {"type": "string", "enum": ["large", "small"]}
    assert schema["properties"]["name"] == {"type": "string"}
    assert infer_schema([{}, {}]) is None
