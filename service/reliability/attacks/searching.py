"""Attacks by rules and schemas that would search, or follow references, for ever."""

import re
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from service.reliability.attacks.attack import Attack, Refused, nothing
from service.reliability.attacks.serving import extraction

SLOW = "^(x|xx)+$"
LONG = "x" * 80 + "!"
"""SLOW is searched for in it longer than the world is old."""
BUSY_SECONDS = 6.0
ROWS = 500
DOUBLINGS = 40


def slow_rule(folder: Path) -> str:
    """One text, and a rule whose expression tries every way to cut it."""
    from corpora.style_rules import keeps
    from corpora.task import Rule

    kept = keeps(Rule(name="calm", require=SLOW), LONG)
    raise Refused(f"given up; the rule counts as {'kept' if kept else 'broken'}")


def slow_rule_often(folder: Path) -> str:
    """The same against many texts, each of which would be given up in a fifth of a second."""
    from corpora.style_rules import keeps
    from corpora.task import Rule

    kept = sum(keeps(Rule(name="calm", require=SLOW), f"{LONG}{n}") for n in range(ROWS))
    raise Refused(f"given up for all {ROWS} texts; the rule counts as kept by {kept}")


def slow_pattern(folder: Path) -> str:
    schema = {"type": "object", "properties": {"a": {"type": "string", "pattern": SLOW}}}
    return _checked(extraction(schema, {"a": LONG}))


def slow_names(folder: Path) -> str:
    """The pattern is one for names of fields."""
    schema = {"type": "object", "properties": {"a": {}}, "patternProperties": {SLOW: {}}}
    return _checked(extraction(schema, {LONG: 1}))


def slow_other_names(folder: Path) -> str:
    """The same, looked at to tell which fields are additional ones."""
    schema: dict[str, Any] = {"type": "object", "properties": {"a": {}}}
    schema |= {"patternProperties": {SLOW: {}}, "additionalProperties": False}
    return _checked(extraction(schema, {LONG: 1}))


def doubling_references(folder: Path) -> str:
    """Each definition refers to the next one twice."""
    two: dict[str, Any] = {
        f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(DOUBLINGS)
    }
    two[f"d{DOUBLINGS}"] = {"type": "object"}
    schema = {"type": "object", "properties": {"a": {}}, "$defs": two, "$ref": "#/$defs/d0"}
    return _checked(extraction(schema, {"a": 1}))


def doubling_within(folder: Path) -> str:
    """A schema that refers to itself twice, and a value as deep as may be."""
    both = {"allOf": [{"$ref": "#/$defs/d"}, {"$ref": "#/$defs/d"}]}
    twice = {"properties": {"a": both}}
    schema = {"type": "object", "properties": {"a": {}}, "$defs": {"d": twice}}
    value: dict[str, Any] = {}
    for _ in range(DOUBLINGS):
        value = {"a": value}
    return _checked(extraction({**schema, "$ref": "#/$defs/d"}, value))


def _checked(spec: dict[str, Any]) -> str:
    from service.specs import check_spec

    return f"checked: {check_spec(spec)['n_examples']} rows"


def search_on(pattern: str, text: str) -> bool:
    """Until it is found, or never."""
    return re.search(pattern, text) is not None


ATTACKS = (
    Attack(
        "regex-rule", slow_rule, {"corpora.style_rules:found": search_on}, busy_after=BUSY_SECONDS
    ),
    Attack(
        "regex-often",
        slow_rule_often,
        {"corpora.patterns:PATIENCE": 10**9},
        busy_after=BUSY_SECONDS,
    ),
    Attack(
        "regex-schema",
        slow_pattern,
        {"corpora.schema_judge:found": search_on},
        busy_after=BUSY_SECONDS,
    ),
    Attack(
        "regex-properties",
        slow_names,
        {
            "corpora.schema_judge:_pattern_properties": Draft202012Validator.VALIDATORS[
                "patternProperties"
            ]
        },
        busy_after=BUSY_SECONDS,
    ),
    Attack(
        "regex-additional",
        slow_other_names,
        {
            "corpora.schema_judge:_pattern_properties": nothing,
            "corpora.schema_judge:_additional_properties": Draft202012Validator.VALIDATORS[
                "additionalProperties"
            ],
        },
        busy_after=BUSY_SECONDS,
    ),
    Attack(
        "schema-bomb",
        doubling_references,
        {"corpora.spec:check_size": nothing, "corpora.schema_judge:MAX_STEPS": 10**18},
        busy_after=BUSY_SECONDS,
    ),
    Attack(
        "schema-recursion",
        doubling_within,
        {"corpora.schema_judge:MAX_STEPS": 10**18},
        busy_after=BUSY_SECONDS,
    ),
)
