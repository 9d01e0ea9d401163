"""Checking values against the JSON Schema of a task, within a bounded number of steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jsonschema
from jsonschema.exceptions import best_match
from jsonschema.protocols import Validator
from jsonschema.validators import extend, validator_for
from referencing import Registry

from corpora.patterns import found

MAX_STEPS = 100_000
"""Keywords looked at for one value, about a second: a list of thousands of objects takes fewer,
and a schema that refers to itself twice takes more at every level of the value."""

Faults = Iterator[jsonschema.ValidationError]
Keyword = Callable[[Any, Any, Any, Any], Any]


class SchemaJudge:
    """One schema. References to elsewhere are never fetched.

    Each method raises TimeoutError for a value that takes more than MAX_STEPS or a pattern that
    searches too long; and Unresolvable or RecursionError (a reference that cannot be followed) or
    OverflowError (a number of hundreds of digits), as the library does.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = schema
        self._steps = 0
        kind = validator_for(schema, default=jsonschema.Draft202012Validator)
        ours: dict[str, Keyword] = {"pattern": _pattern, "uniqueItems": _unique_items}
        ours["patternProperties"] = _pattern_properties
        ours["additionalProperties"] = _additional_properties
        keywords: Mapping[str, Any] = kind.VALIDATORS
        counted = {
            name: self._counted(ours.get(name, keyword)) for name, keyword in keywords.items()
        }
        # A schema that names its dialect would get the library's own keywords where it is
        # referred to: the dialect is chosen here, and the name left out.
        bare = {name: value for name, value in schema.items() if name != "$schema"}
        bounded = extend(kind, counted)  # type: ignore[no-untyped-call]
        self._validator: Validator = bounded(bare, registry=Registry())

    def fits(self, value: Any) -> bool:
        return self.first_fault(value) is None

    def first_fault(self, value: Any) -> jsonschema.ValidationError | None:
        return next(self._faults(value), None)

    def best_fault(self, value: Any) -> jsonschema.ValidationError | None:
        """The fault that says most."""
        fault: jsonschema.ValidationError | None = best_match(self._faults(value))
        return fault

    def _faults(self, value: Any) -> Faults:
        self._steps = 0
        return iter(self._validator.iter_errors(value))

    def _counted(self, keyword: Keyword) -> Keyword:
        def step(validator: Any, rule: Any, value: Any, schema: Any) -> Any:
            self._steps += 1
            if self._steps > MAX_STEPS:
                raise TimeoutError(f"it takes more than {MAX_STEPS:,} steps")
            return keyword(validator, rule, value, schema)

        return step


def _found(pattern: str, text: str) -> bool:
    try:
        return found(pattern, text)
    except TimeoutError:
        raise TimeoutError(f"{text[:80]!r} takes too long to match {pattern!r}") from None


def _pattern(validator: Any, pattern: str, text: object, schema: object) -> Faults:
    if isinstance(text, str) and not _found(pattern, text):
        yield jsonschema.ValidationError(f"{text!r} does not match {pattern!r}")


def _pattern_properties(
    validator: Any, patterns: Mapping[str, Any], value: object, schema: object
) -> Faults:
    if not isinstance(value, dict):
        return
    for pattern, inner in patterns.items():
        for name, item in value.items():
            if _found(pattern, name):
                yield from validator.descend(item, inner, path=name, schema_path=pattern)


def _additional_properties(
    validator: Any, rule: Any, value: object, schema: Mapping[str, Any]
) -> Faults:
    if not isinstance(value, dict):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    others = [name for name in value if name not in known]
    others = [name for name in others if not any(_found(each, name) for each in patterns)]
    if isinstance(rule, dict):
        for name in others:
            yield from validator.descend(value[name], rule, path=name)
    elif not rule and others:
        names = ", ".join(map(repr, others))
        yield jsonschema.ValidationError(f"the schema knows no field {names}")


def _unique_items(validator: Any, wanted: object, value: object, schema: object) -> Faults:
    """In one pass; the library compares each with each where they cannot be sorted."""
    if wanted and isinstance(value, list) and len({_hashable(item) for item in value}) < len(value):
        yield jsonschema.ValidationError(f"{value!r} has items that are equal")


def _hashable(item: object) -> object:
    """The same for equal JSON values only: 1 is 1.0, and neither is true."""
    if isinstance(item, dict):
        return "object", frozenset((name, _hashable(inner)) for name, inner in item.items())
    if isinstance(item, list):
        return "list", tuple(map(_hashable, item))
    return (isinstance(item, bool), item)
