"""JSON Schemas that would keep a checker busy for ever: refused, or given up in time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from faulty import SPEC, fault

from corpora import patterns
from corpora.reading import read_dataset
from corpora.schema_judge import SchemaJudge

SLOW = "^(x|xx)+$"
LONG = "x" * 80 + "!"
"""Without an end, SLOW is searched for in it longer than the world is old."""


def extraction(schema: dict[str, Any], output: Any = None, rows: int = 12) -> dict[str, Any]:
    output = {"a": 1} if output is None else output
    examples = [{"input": f"What is number {n}?", "output": output} for n in range(rows)]
    spec = {name: value for name, value in SPEC.items() if name != "labels"}
    return {**spec, "kind": "extraction", "output_schema": schema, "examples": examples}


def described(**more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": {}}, **more}


@contextmanager
def within(seconds: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


def doubling(levels: int) -> dict[str, Any]:
    """Each of the definitions holds its successor twice: 2^levels steps, in a few lines."""
    twice = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(levels)} | {
        f"d{levels}": {"type": "object"}
    }
    return described(**{"$defs": twice, "$ref": "#/$defs/d0"})


@pytest.mark.parametrize(
    ("schema", "field", "fix"),
    [
        (doubling(20), "output_schema", "every reference written out"),
        (described(enum=list(range(30_000))), "output_schema", "20,000 values"),
        (described(allOf=[{"type": "object"}] * 2_001), "output_schema", "2,000 objects"),
        (described(pattern="("), "output_schema.pattern", "No regular expression"),
        (described(pattern="x" * 1_001), "output_schema.pattern", "1,000 characters"),
        (
            described(patternProperties={"[": {}}),
            "output_schema.patternProperties",
            "No regular expression",
        ),
        (
            described(patternProperties={"a": {}}, unevaluatedProperties=False),
            "output_schema",
            "additionalProperties",
        ),
        (
            described(items={"$schema": "http://json-schema.org/draft-07/schema#"}),
            "output_schema.items.$schema",
            "remove it here",
        ),
        (
            described(**{"$defs": {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(1_900)}}),
            "output_schema",
            "too often",
        ),
    ],
)
def test_a_schema_that_is_too_much_is_refused_at_once(
    schema: dict[str, Any], field: str, fix: str
) -> None:
    with within(2):
        error = fault(extraction(schema))
    assert error.field == field
    assert fix in error.fix


def test_references_that_double_a_little_are_read() -> None:
    assert read_dataset(extraction(doubling(8))).task.output_schema == doubling(8)


def test_fields_called_like_keywords_are_fields() -> None:
    fields = {"pattern": {"type": "string"}, "$schema": {"type": "string"}, "$ref": {}}
    schema = {"type": "object", "properties": fields, "additionalProperties": False}
    value = {"pattern": "(", "$schema": "x"}
    assert read_dataset(extraction(schema, value)).task.output_schema == schema


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (described(properties={"a": {"pattern": SLOW}}), {"a": LONG}),
        (described(patternProperties={SLOW: {}}), {LONG: 1}),
        (described(patternProperties={SLOW: {}}, additionalProperties=False), {LONG: 1}),
        (described(propertyNames={"pattern": SLOW}), {LONG: 1}),
        # what cannot be searched for in time is no proof that it is not there
        (described(**{"not": {"patternProperties": {SLOW: False}}}), {LONG: 1}),
        # the dialect's own keywords are not bounded: naming it must not bring them back
        (
            {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "type": "object",
                "properties": {"a": {"$ref": "#"}},
                "patternProperties": {SLOW: {}},
            },
            {"a": {LONG: 1}},
        ),
    ],
)
def test_a_slow_pattern_anywhere_in_a_schema_is_given_up(
    schema: dict[str, Any], value: dict[str, Any]
) -> None:
    patterns._slow.clear()
    with within(5):
        error = fault(extraction(schema, value))
    assert error.field == "examples[0].output"
    assert "takes too long to match" in error.fix


def test_a_schema_that_doubles_within_itself_is_given_up() -> None:
    """It is finite on paper: only a deep value makes it double, once a level."""
    twice = {"properties": {"a": {"allOf": [{"$ref": "#/$defs/d"}, {"$ref": "#/$defs/d"}]}}}
    schema = described(**{"$defs": {"d": twice}, "$ref": "#/$defs/d"})
    value: dict[str, Any] = {}
    for _ in range(40):
        value = {"a": value}
    with within(10):
        error = fault(extraction(schema, value))
    assert "100,000 steps" in error.fix


def test_items_that_cannot_be_sorted_are_compared_in_one_pass() -> None:
    judge = SchemaJudge({"uniqueItems": True})
    many: list[Any] = [*range(20_000), *map(str, range(20_000)), [1], {"a": 1}, True, None]
    with within(2):
        assert judge.fits(many)
        assert not judge.fits([*many, {"a": 1.0}])
    assert judge.fits([1, True, "1", [True], [1], {"a": 1}, {"a": True}])
    assert not judge.fits([1, 1.0])


def test_patterns_of_fields_are_followed() -> None:
    schema = described(patternProperties={"^x_": {"type": "string"}}, additionalProperties=False)
    judge = SchemaJudge(schema)
    assert judge.fits({"a": 1, "x_b": "text"})
    assert not judge.fits({"x_b": 1})
    fault_found = judge.best_fault({"a": 1, "c": 2})
    assert fault_found is not None
    assert fault_found.message == "the schema knows no field 'c'"
    typed = SchemaJudge(described(additionalProperties={"type": "string"}))
    assert typed.fits({"a": 1, "c": "text"})
    assert not typed.fits({"c": 1})


def test_checking_all_rows_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corpora.examples.SCHEMA_SECONDS", 0.0)
    error = fault(extraction(described(), rows=5))
    assert (error.field, "write it simpler" in error.fix) == ("output_schema", True)


def test_a_pattern_that_took_too_long_thrice_fails_at_once() -> None:
    patterns._slow.clear()
    for _ in range(patterns.PATIENCE):
        with pytest.raises(TimeoutError):
            patterns.found(SLOW, LONG)
    with within(0.1):
        for _ in range(1_000):
            with pytest.raises(TimeoutError, match="other texts"):
                patterns.found(SLOW, LONG)
    assert patterns.found("^x+!$", LONG)


def test_a_pattern_that_few_texts_delay_is_still_searched_for() -> None:
    patterns._slow.clear()
    for _ in range(2 * patterns.PATIENCE):
        with pytest.raises(TimeoutError, match="timed out"):
            patterns.found(SLOW, LONG)
        assert all(patterns.found(SLOW, "xxx") for _ in range(2 * patterns.SEARCHES))


def test_slow_patterns_that_are_kept_in_mind_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "REMEMBERED", 2)
    patterns._slow.clear()
    for number in range(3):
        with pytest.raises(TimeoutError):
            patterns.found(f"{SLOW}|{number}", LONG)
    assert list(patterns._slow) == [f"{SLOW}|{number}" for number in (1, 2)]
