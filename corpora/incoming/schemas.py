"""A JSON Schema that a set of objects follows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

ENUM_ROWS = 50
"""An enum is taken only from as many texts, each value having occurred several times."""
ENUM_VALUES = 10
ENUM_TIMES = 5
FEW = 5
"""From fewer objects nothing is said to be required."""


def infer_schema(objects: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Types of every property; required is what all objects have. None without any property.

    Whatever the schema says holds for all the objects, so none of them breaks it.
    """
    schema = _object(objects)
    return schema if schema.get("properties") else None


def _object(objects: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    values: dict[str, list[Any]] = {}
    for one in objects:
        for name, value in one.items():
            values.setdefault(str(name), []).append(value)
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: _any(found) for name, found in values.items()},
    }
    always = [name for name, found in values.items() if len(found) == len(objects)]
    if always and len(objects) >= FEW:
        schema["required"] = always
    return schema


def _any(values: Sequence[Any]) -> dict[str, Any]:
    types = list(dict.fromkeys(_type(value) for value in values))
    if "number" in types and "integer" in types:
        types.remove("integer")
    schema: dict[str, Any] = {"type": types[0] if len(types) == 1 else types}
    if types == ["string"] and (enum := _enum(values)):
        schema["enum"] = enum
    objects = [value for value in values if isinstance(value, Mapping)]
    if objects:
        schema |= {name: part for name, part in _object(objects).items() if name != "type" and part}
    items = [item for value in values if isinstance(value, list) for item in value]
    if items:
        schema["items"] = _any(items)
    return schema


def _enum(texts: Sequence[str]) -> list[str]:
    count = Counter(texts)
    few = 1 < len(count) <= ENUM_VALUES and len(texts) >= ENUM_ROWS
    return sorted(count) if few and min(count.values()) >= ENUM_TIMES else []


def _type(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    kinds = {int: "integer", float: "number", str: "string", list: "array"}
    return kinds.get(type(value), "object")
