"""How large and how tangled the JSON Schema of a task may be, so that checking rows ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from corpora.errors import InvalidInput
from corpora.invalid import show_location
from corpora.patterns import check_pattern

FIELD = "output_schema"
MAX_VALUES = 20_000
"""Texts, numbers, lists and objects in a schema, one enumeration of countries included often."""
MAX_OBJECTS = 2_000
MAX_FOLLOWED = 10_000
"""Objects once every reference is written out where it stands; two references to a schema that
has two of its own, and so on, double at every level."""
MAX_PATTERN = 1_000
REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")

Location = tuple[int | str, ...]


def check_size(schema: Mapping[str, Any]) -> None:
    """Raises InvalidInput for a schema that is too large, or with which checking could not end."""
    objects = 0
    mixed: set[str] = set()
    for values, (location, item) in enumerate(_items(schema), start=1):
        objects += isinstance(item, dict)
        if values > MAX_VALUES or objects > MAX_OBJECTS:
            fix = f"Keep it under {MAX_OBJECTS:,} objects and {MAX_VALUES:,} values."
            raise InvalidInput(FIELD, f"{objects:,} objects, {values:,} values", fix)
        if isinstance(item, dict):
            mixed |= item.keys() & {"patternProperties", "unevaluatedProperties"}
            _check_object(item, location)
    if len(mixed) == 2:
        fix = "It is not read beside `patternProperties`: write `additionalProperties` instead."
        raise InvalidInput(FIELD, "unevaluatedProperties", fix)
    try:
        followed = _Followed(schema).size(schema)
    except RecursionError:
        fix = "Its references lead from one to the next too often: write them out."
        raise InvalidInput(FIELD, "…", fix) from None
    if followed > MAX_FOLLOWED:
        fix = f"With every reference written out, keep it under {MAX_FOLLOWED:,} objects."
        raise InvalidInput(FIELD, f"{followed:,} objects", fix)


def _items(schema: Mapping[str, Any]) -> Iterator[tuple[Location, object]]:
    """Every value in a schema with its location, the schema itself first."""
    waiting: list[tuple[Location, object]] = [((), schema)]
    while waiting:
        location, item = waiting.pop()
        yield location, item
        if isinstance(item, dict):
            waiting.extend(((*location, str(name)), inner) for name, inner in item.items())
        elif isinstance(item, list):
            waiting.extend(((*location, number), inner) for number, inner in enumerate(item))


def _check_object(item: dict[str, Any], location: Location) -> None:
    """Patterns that are none or too long, and another dialect in the midst of the schema.

    A field of the user's may be called "pattern" or "$schema": then its value is a schema, and
    no text.
    """
    if location and isinstance(item.get("$schema"), str):
        fix = "Only the whole schema can name its dialect: remove it here."
        raise InvalidInput(_field((*location, "$schema")), item["$schema"], fix)
    patterns: list[tuple[Location, str]] = []
    if isinstance(item.get("pattern"), str):
        patterns.append(((*location, "pattern"), item["pattern"]))
    if isinstance(item.get("patternProperties"), dict):
        place = (*location, "patternProperties")
        patterns += [(place, str(pattern)) for pattern in item["patternProperties"]]
    for place, pattern in patterns:
        if len(pattern) > MAX_PATTERN:
            fix = f"Keep a regular expression under {MAX_PATTERN:,} characters."
            raise InvalidInput(_field(place), pattern, fix)
        check_pattern(_field(place), pattern)


def _field(location: Location) -> str:
    return show_location((FIELD, *location))


class _Followed:
    """Counts objects with references written out, each schema once: what doubles does not take
    double the time to count. One that leads back to itself ends there; how deep such a one goes
    is for the rows to say, and `schema_judge` counts along."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = schema
        self._sizes: dict[int, int] = {}
        self._open: set[int] = set()

    def size(self, item: object) -> int:
        if isinstance(item, list):
            return sum(map(self.size, item))
        if not isinstance(item, dict):
            return 0
        key = id(item)
        if key in self._open:
            return 1
        if key not in self._sizes:
            self._open.add(key)
            inner = sum(map(self.size, item.values()))
            targets = (self._target(item.get(name)) for name in REFERENCES)
            self._sizes[key] = 1 + inner + sum(map(self.size, targets))
            self._open.discard(key)
        return self._sizes[key]

    def _target(self, reference: object) -> object:
        """What `#/a/b` points at; None for what is no such pointer or points nowhere."""
        if not isinstance(reference, str) or not reference.startswith("#"):
            return None
        place: object = self._schema
        for part in unquote(reference[1:]).split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            if isinstance(place, dict):
                place = place.get(name)
            elif isinstance(place, list) and name.isdecimal() and len(name) < 6:
                place = next(iter(place[int(name) :]), None)
            else:
                return None
        return place
