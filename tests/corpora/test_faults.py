"""Every fault in a spec or its rows names its field, its value and the fix."""

import time
from pathlib import Path
from typing import Any

import pytest
from faulty import ROWS, SPEC, fault, inline

from corpora.reading import read_dataset

EXTRACTION = {
    "kind": "extraction",
    "labels": None,
    "output_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "additionalProperties": False,
    },
}
QUESTIONS = {"kind": "question-answering", "labels": None, "no_answer": "Not known."}
STYLED = {"kind": "generation", "labels": None}
FORBID = {"name": "calm", "forbid": "!"}
DOCUMENTS = [{"id": "guide", "text": "The guide says a."}]


@pytest.mark.parametrize(
    ("spec", "field", "fix"),
    [
        ({"kind": "classify"}, "kind", "did you mean 'classification'"),
        ({"kind": None}, "kind", "required"),
        ({"name": None}, "name", "required"),
        ({"name": "../up"}, "name", "letters"),
        ({"instruction": "  "}, "instruction", "blank"),
        ({"instruction": 5}, "instruction", "quotes"),
        ({"labels": "a"}, "labels", "Give a list"),
        ({"labels": ["a", "b", "c", True]}, "labels[3]", "quotes"),
        ({"labels": ["a", 1]}, "labels[1]", "quotes"),
        ({"labels": ["a", "b", "a"]}, "labels[2]", "twice"),
        ({"labels": []}, "labels", "at least one"),
        ({"labels": ["a", " b"]}, "labels[1]", "space"),
        ({"exampels": "x"}, "exampels", "did you mean 'examples'"),
        ({"needs": {"quality_at_leest": 1}}, "needs.quality_at_leest", "'quality_at_least'"),
        ({"needs": {"quality_at_least": 1.5}}, "needs.quality_at_least", "less than or equal to 1"),
        ({"needs": {"quality_at_least": "0.9"}}, "needs.quality_at_least", "without quotes"),
        ({"needs": {"quality_at_least": True}}, "needs.quality_at_least", "number"),
        ({"needs": {"documents_change": "dayly"}}, "needs.documents_change", "'daily'"),
        ({"needs": {"horizon_months": float("nan")}}, "needs.horizon_months", "finite"),
        ({"needs": 3}, "needs", "mapping"),
        ({"metric": "rouge_l"}, "metric", "accuracy, macro_f1"),
        ({"metric": "acuracy"}, "metric", "did you mean 'accuracy'"),
        ({"no_answer": "none"}, "no_answer", "question-answering"),
        ({"output_schema": {"type": "object"}}, "output_schema", "extraction"),
        ({"rules": [FORBID]}, "rules", "Only a generation task"),
        ({**STYLED, "metric": "rules_kept"}, "metric", "write some"),
        ({**STYLED, "rules": []}, "rules", "at least one"),
        ({**STYLED, "rules": FORBID}, "rules", "Give a list"),
        ({**STYLED, "rules": [FORBID] * 101}, "rules", "at most 100"),
        ({**STYLED, "rules": ["calm"]}, "rules[0]", "mapping"),
        ({**STYLED, "rules": [{"forbid": "!"}]}, "rules[0].name", "required"),
        ({**STYLED, "rules": [{"name": " ", "forbid": "!"}]}, "rules[0].name", "blank"),
        ({**STYLED, "rules": [FORBID, FORBID]}, "rules[1].name", "twice"),
        ({**STYLED, "rules": [{"name": "a"}]}, "rules[0]", "exactly one check: forbid, require"),
        ({**STYLED, "rules": [{**FORBID, "max_words": 3}]}, "rules[0]", "exactly one check"),
        ({**STYLED, "rules": [{"name": "a", "forbidd": "!"}]}, "rules[0].forbidd", "'forbid'"),
        ({**STYLED, "rules": [{"name": "a", "forbid": ""}]}, "rules[0].forbid", "empty"),
        ({**STYLED, "rules": [{"name": "a", "forbid": 3}]}, "rules[0].forbid", "quotes"),
        (
            {**STYLED, "rules": [FORBID, {"name": "a", "require": "("}]},
            "rules[1].require",
            "missing )",
        ),
        ({**STYLED, "rules": [{"name": "a", "forbid": "[!"}]}, "rules[0].forbid", "No regular"),
        ({**STYLED, "rules": [{"name": "a", "forbid": "(" * 900}]}, "rules[0].forbid", "deep"),
        ({**STYLED, "rules": [{"name": "a", "forbid": "x" * 1001}]}, "rules[0].forbid", "1000"),
        ({**STYLED, "rules": [{"name": "a", "max_words": 0}]}, "rules[0].max_words", "greater"),
        ({**STYLED, "rules": [{"name": "a", "max_words": "9"}]}, "rules[0].max_words", "integer"),
        ({**STYLED, "rules": [{"name": "a", "max_words": True}]}, "rules[0].max_words", "integer"),
        ({"model": []}, "model", "at least one"),
        ({"model": ["m", "m"]}, "model[1]", "twice"),
        ({"strategies": [3]}, "strategies[0]", "quotes"),
        ({"columns": {"inptu": "x"}}, "columns.inptu", "did you mean 'input'"),
        ({"examples": []}, "examples", "Add rows"),
        ({"examples": 7}, "examples", "file, or a list"),
        ({"examples": ["a"]}, "examples[0]", "object"),
        ({"documents": []}, "documents", "no document"),
        ({"documents": [{"id": "d"}]}, "documents[0].text", "required"),
        ({"documents": [{"id": "d", "text": " "}]}, "documents[0].text", "blank"),
        ({"documents": [{"id": "d", "text": "x"}] * 2}, "documents[1].id", "same id"),
        ({"instruction": "a\0b"}, "instruction", "NUL"),
        ({**EXTRACTION, "output_schema": {"type": "array"}}, "output_schema", "object"),
        (
            {**EXTRACTION, "output_schema": {"properties": {"a": {"type": "strnig"}}}},
            "output_schema.properties.a.type",
            "No JSON Schema",
        ),
        (
            {**EXTRACTION, "output_schema": {"properties": {"a": {"$ref": "file:///x"}}}},
            "output_schema.$ref",
            "inside the schema",
        ),
        (
            {**EXTRACTION, "output_schema": {"properties": {"a": {"$ref": "#/nowhere"}}}},
            "output_schema",
            "cannot be followed",
        ),
        (
            {**EXTRACTION, "output_schema": {"properties": {"a": {"$ref": "#/properties/a"}}}},
            "output_schema",
            "cannot be followed",
        ),
    ],
)
def test_a_wrong_spec_names_field_and_fix(spec: dict[str, Any], field: str, fix: str) -> None:
    error = fault(inline(spec))
    assert error.field == field
    assert fix in error.fix


@pytest.mark.parametrize(
    ("spec", "row", "field", "fix"),
    [
        ({}, {"output": "c"}, "output", "not in `labels`"),
        ({}, {"output": True}, "output", "quotes"),
        ({}, {"output": None}, "output", "required"),
        ({}, {"output": ["a"]}, "output", "not a list"),
        ({}, {"input": ""}, "input", "empty"),
        ({}, {"input": " \n"}, "input", "blank"),
        (QUESTIONS, {"alternatives": ["a", " "]}, "alternatives[1]", "blank"),
        ({}, {"input": "a\0"}, "input", "NUL"),
        ({}, {"input": "\ud800"}, "input", "surrogate"),
        ({}, {"id": "r3"}, "id", "examples[3]"),
        ({}, {"lable": "a"}, "lable", "Known: alternatives"),
        ({}, {"split": "dev"}, "split", "train, validation, test"),
        ({}, {"sources": "guide"}, "sources", "Give a list"),
        ({}, {"sources": ["guide"]}, "sources[0]", "no documents"),
        ({"documents": DOCUMENTS}, {"sources": ["giude"]}, "sources[0]", "mean 'guide'"),
    ],
)
def test_a_wrong_row_names_its_place(
    spec: dict[str, Any], row: dict[str, Any], field: str, fix: str
) -> None:
    error = fault(inline(spec, row))
    assert error.field == f"examples[16].{field}"
    assert fix in error.fix


def test_outputs_follow_the_schema() -> None:
    good = [{**row, "output": {"city": "Vejle"}} for row in ROWS]
    dataset = read_dataset({**SPEC, **EXTRACTION, "examples": good})
    assert dataset.test[0].output == '{"city": "Vejle"}'
    cases = {
        '{"city": 3}': ("examples[2].output.city", "breaks `output_schema`"),
        '{"town": "x"}': ("examples[2].output", "breaks `output_schema`"),
        "Vejle": ("examples[2].output", "not JSON"),
        '["Vejle"]': ("examples[2].output", "one JSON object"),
        "[" * 100_000: ("examples[2].output", "deep"),
        '{"city": NaN}': ("examples[2].output", "NaN"),
        '{"city": "a", "city": "b"}': ("examples[2].output", "given twice"),
    }
    for output, (field, fix) in cases.items():
        rows = [*good[:2], {**ROWS[2], "output": output}]
        error = fault({**SPEC, **EXTRACTION, "examples": rows})
        assert (error.field, fix in error.fix) == (field, True)


def test_a_number_beyond_checking_is_bad_input() -> None:
    price = {"type": "object", "properties": {"price": {"type": "number", "multipleOf": 0.01}}}
    rows = [{"id": "r", "input": "How much?", "output": {"price": 10**400}}]
    error = fault({**SPEC, **EXTRACTION, "output_schema": price, "examples": rows})
    assert error.field == "examples[0].output"
    assert "too large" in error.fix


def test_a_pattern_that_searches_for_ever_is_given_up() -> None:
    """Without an end, this one takes longer than the world is old."""
    slow = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(x|xx)+$"}}}
    rows = [{"id": "r", "input": "What is it?", "output": {"a": "x" * 80 + "!"}}]
    began = time.monotonic()
    error = fault({**SPEC, **EXTRACTION, "output_schema": slow, "examples": rows})
    assert "takes too long to match" in error.fix
    assert time.monotonic() - began < 5


def test_an_unanswerable_row_has_no_sources() -> None:
    spec = {**QUESTIONS, "documents": DOCUMENTS}
    error = fault(inline(spec, {"output": "Not known.", "sources": ["guide"]}))
    assert error.field == "examples[16].sources"
    dataset = read_dataset(inline(spec, {"output": "Not known."}))
    rows = [*dataset.train, *dataset.validation, *dataset.test]
    assert next(row for row in rows if row.id == "r16").sources == ()


def test_splits_are_all_or_none_and_leave_test_rows() -> None:
    error = fault(inline({}, {"split": "test"}))
    assert error.field == "examples[0].split"
    assert "1 of 20" in error.fix
    rows = [{**row, "split": "train"} for row in ROWS]
    assert "test" in fault({**SPEC, "examples": rows}).fix
    grouped = [{**row, "group": "one"} for row in ROWS]
    assert "cannot be cut" in fault({**SPEC, "examples": grouped}).fix
    assert fault(inline(), limit=0).field == "limit"


def test_nesting_and_size_do_not_break_the_reader(tmp_path: Path) -> None:
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    assert "deep" in fault(inline({"output_schema": {"a": deep}})).fix
    (tmp_path / "task.json").write_text("[" * 100_000)
    assert "deep" in fault(tmp_path).fix
    (tmp_path / "task.json").write_text('{"a": ' + "9" * 5000 + "}")
    assert fault(tmp_path).field == "task.json"


def test_a_learning_curve_is_asked_for_or_not() -> None:
    assert fault(inline({"learning_curve": "yes"})).field == "learning_curve"
    assert read_dataset(inline({"learning_curve": True})).task.learning_curve is True
    assert read_dataset(inline()).task.learning_curve is False


def test_without_paths_rows_come_inline() -> None:
    for field in ("examples", "documents"):
        error = fault(inline({field: "rows.jsonl"}), allow_paths=False)
        assert error.field == field
        assert "send the rows inline" in error.fix
    for model in ("/models/x", "./x", "~/x", "a/b/c", "..\\x", "corpora/../x"):
        assert fault(inline({"model": model}), allow_paths=False).field == "model"
    assert read_dataset(inline({"model": "owner/name"}), allow_paths=False).task.models == (
        "owner/name",
    )
    for reranker in ("./encoders/one", "../x", "/srv/encoder", "C:\\encoder"):
        assert fault(inline({"reranker": reranker}), allow_paths=False).field == "reranker"
    named = read_dataset(inline({"reranker": "owner/encoder"}), allow_paths=False)
    assert named.task.reranker == "owner/encoder"
    assert fault("pyproject.toml", allow_paths=False).field == "spec"
