"""From pydantic's findings to one InvalidInput in the user's words: field, value and fix."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from corpora.errors import InvalidInput

MAX_DEPTH = 60
"""Levels of lists and mappings in any input; real schemas have about ten."""

M = TypeVar("M", bound=BaseModel)

LONGEST_NAME = 100
MOST_NAMES = 2_000
"""Names beyond these are not compared with each other: that takes time, and helps nobody."""

_FIXES = {
    "missing": "It is required: add it.",
    "list_type": "Give a list, even for one value: [value].",
    "tuple_type": "Give a list, even for one value: [value].",
    "dict_type": "Give a mapping of names to values.",
    "model_type": "Give a mapping of names to values.",
    "float_type": "Give a number, without quotes.",
    "float_parsing": "Give a number with a decimal point, such as 0.01.",
    "finite_number": "Give a finite number.",
    "string_too_short": "It must not be empty.",
}
_SURROGATE = re.compile("[\ud800-\udfff]")


def validated(
    model: type[M], values: Mapping[str, Any], *, place: str = "", strict: bool = False
) -> M:
    """`values` as a `model`; `place` stands before the field's name ("rows.csv line 3: ").

    A value of None counts as left out. Raises InvalidInput for the first thing that is wrong.
    """
    present = {name: value for name, value in values.items() if value is not None}
    check_plain(present, place)
    try:
        return model.model_validate(present, strict=strict)
    except ValidationError as error:
        raise translate(error, model, place) from None


def translate(error: ValidationError, model: type[BaseModel], place: str = "") -> InvalidInput:
    """The finding that helps most: a misspelt name before the field missing because of it."""
    findings = error.errors(include_url=False)
    finding = min(findings, key=lambda one: one["type"] != "extra_forbidden")
    location = finding["loc"]
    kind, value = finding["type"], finding["input"]
    if kind == "missing":
        value = None
    if kind == "extra_forbidden":
        name, known = str(location[-1]), sorted(_fields_at(model, location[:-1]))
        fix = f"There is no such field{did_you_mean(name, known)}. Known: {', '.join(known)}."
    elif kind == "string_type":
        fix = text_fix(value)
    elif kind == "literal_error":
        choices = str(finding["ctx"]["expected"])
        options = [option.strip("'") for option in choices.replace(" or ", ", ").split(", ")]
        fix = f"Use one of: {', '.join(options)}{did_you_mean(str(value), options)}."
    else:
        message = finding["msg"].replace("Input should", "It should")
        fix = _FIXES.get(kind, message if message.endswith(".") else message + ".")
    return InvalidInput(place + show_location(location), value, fix)


def text_fix(value: object) -> str:
    """The fix for a value that should have been text."""
    if isinstance(value, bool):
        return 'Put it in quotes ("yes", "no", "true"): without them it is read as a boolean.'
    if isinstance(value, list | tuple | dict):
        return "Give a text, not a list or a mapping."
    return "Put it in quotes: without them it is read as a number or a date."


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'input'?` without its question mark, or nothing if no name is near."""
    if len(name) > LONGEST_NAME:
        return ""
    short = (other for other in known if len(other) <= LONGEST_NAME)
    near = difflib.get_close_matches(name, list(islice(short, MOST_NAMES)), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}" if near else ""


def show_location(location: Iterable[int | str]) -> str:
    """("needs", "x") as needs.x and ("labels", 3) as labels[3]."""
    shown = ""
    for part in location:
        if isinstance(part, int):
            shown += f"[{part}]"
        else:
            name = part if part.isprintable() and len(part) <= 60 else repr(part)[:60]
            shown += f".{name}" if shown else name
    return shown


def check_plain(value: object, place: str = "") -> None:
    """Refuse NUL, lone surrogates and nesting beyond MAX_DEPTH in `value`, without recursion."""
    waiting: list[tuple[object, tuple[int | str, ...]]] = [(value, ())]
    while waiting:
        item, location = waiting.pop()
        if len(location) > MAX_DEPTH:
            field = (place + show_location(location[:1])).rstrip(".: ")
            fix = f"It is nested more than {MAX_DEPTH} levels deep: flatten it."
            raise InvalidInput(field, "…", fix)
        if isinstance(item, str) and "\0" in item:
            field = place + show_location(location)
            raise InvalidInput(field, item, "It holds a NUL character: remove it.")
        if isinstance(item, str) and not item.isascii() and _SURROGATE.search(item):
            fix = "It holds half of a surrogate pair: write it as valid UTF-8."
            raise InvalidInput(place + show_location(location), item, fix)
        if isinstance(item, Mapping):
            waiting.extend((inner, (*location, str(name))) for name, inner in item.items())
        elif isinstance(item, list | tuple):
            waiting.extend((inner, (*location, number)) for number, inner in enumerate(item))


def _fields_at(model: type[BaseModel], location: Iterable[int | str]) -> list[str]:
    """Names of the fields of the model at a location inside `model`."""
    current: type[BaseModel] = model
    for part in location:
        if isinstance(part, int):
            continue
        field = current.model_fields.get(part)
        inner = None if field is None else _model_in(field.annotation)
        if inner is None:
            return []
        current = inner
    return list(current.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation names, also as `Model | None` or `list[Model]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_model_in(each) for each in get_args(annotation))
    return next((each for each in inner if each is not None), None)
