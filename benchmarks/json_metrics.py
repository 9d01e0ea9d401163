"""Scores of a JSON answer against a JSON reference: pure functions, 0 to 1."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from jsonschema.exceptions import UnknownType
from referencing.exceptions import Unresolvable

from corpora.schema_judge import SchemaJudge

Pair = tuple[str, str]


def first_object(text: str) -> dict[str, Any] | None:
    """The first JSON object in a text, whatever stands around it (code fences, a preface).

    NaN and Infinity are no JSON. None where there is no object.
    """
    decoder = json.JSONDecoder(parse_constant=refuse_constant)
    start = text.find("{")
    while start >= 0:
        try:
            value, _ = decoder.raw_decode(text, start)
        except RecursionError:
            return None
        except ValueError:
            start = text.find("{", start + 1)
            continue
        return value if isinstance(value, dict) else None
    return None


def refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")


def fits_schema(value: Mapping[str, Any] | None, schema: Mapping[str, Any] | None) -> bool:
    """Whether there is an object and it keeps to the schema (any object does without one)."""
    if value is None:
        return False
    try:
        return SchemaJudge(schema or {}).fits(value)
    except (UnknownType, Unresolvable, RecursionError, OverflowError, TimeoutError):
        return False  # overflow: a whole number of 400 digits against `multipleOf: 0.01`


def field_f1(
    answer: Mapping[str, Any] | None, reference: Mapping[str, Any], schema: Mapping[str, Any] | None
) -> float:
    """F1 of the filled fields of one example; 1 where both sides are empty.

    A field is its path with its value. The order of a list does not count, its repetitions do.
    An answer that is no JSON or breaks the schema scores 0.
    """
    if answer is None or not fits_schema(answer, schema):
        return 0.0
    said, wanted = Counter(fields(answer)), Counter(fields(reference))
    if not said and not wanted:
        return 1.0
    return 2 * (said & wanted).total() / (said.total() + wanted.total())


def fields(value: Any, path: str = "") -> Iterator[Pair]:
    """The filled fields as (path, normalised value): `{"a": {"b": [1]}}` gives `a.b[]` and 1.

    Null, empty texts, empty lists and empty objects are not filled.
    """
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from fields(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from fields(inner, f"{path}[]")
    else:
        text = normalised_value(value)
        if text:
            yield path, text


def normalised_value(value: object) -> str:
    """A leaf as it is compared: case, width and spacing do not count, nor 1 against 1.0."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return format(Decimal(str(value)).normalize() + 0, "f")
    return " ".join(unicodedata.normalize("NFKC", str(value)).casefold().split())
