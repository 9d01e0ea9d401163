"""From rows as they came in to rows by the names of a task's fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from corpora.errors import InvalidInput
from corpora.files import parse_json
from corpora.incoming.columns import Columns
from corpora.incoming.kinds import AFTER_COMPLETION, AFTER_PROMPT, common_separator
from corpora.incoming.table import Table, text_of
from corpora.incoming.usual import SPLIT_VALUES
from corpora.rows import Row
from corpora.similarity import normalise


def example_of(row: Row, columns: Columns) -> Row:
    """The row by the names of a task's fields; what it lacks is an empty text."""
    given = row.values
    texts = {name: text_of(given.get(name)) for name in columns.input}
    if len(texts) > 1:
        lines = (f"{name}: {text}" for name, text in texts.items() if text.strip())
        texts = {"": "\n".join(lines)}
    values: dict[str, Any] = {}
    if columns.id is not None:
        values["id"] = text_of(given.get(columns.id)).strip()
    values["input"] = next(iter(texts.values()), "")
    outputs = _answers(given.get(columns.output or ""))
    values["output"] = outputs[0]
    if columns.split is not None:
        values["split"] = SPLIT_VALUES[text_of(given[columns.split]).strip().casefold()]
    if columns.group is not None and (group := text_of(given.get(columns.group)).strip()):
        values["group"] = group
    others = given.get("alternatives")
    listed = others if isinstance(others, list) else []
    alternatives = [*outputs[1:], *(text_of(each).strip() for each in listed)]
    if filled := [text for text in alternatives if text]:
        values["alternatives"] = filled
    return Row(row.place, values)


def _answers(value: Any) -> list[str]:
    """An output and, where a list of texts is given, its further accepted forms."""
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return [each.strip() for each in value]
    return [text_of(value).strip()]


def complete(rows: Sequence[Row], table: Table, columns: Columns) -> list[Row]:
    """The rows with an input and an output; raises InvalidInput where there is none."""
    found = [row for row in rows if row.values["input"].strip() and row.values["output"]]
    if not found:
        fix = "No row has both: name the columns with --input and --output, or fill them."
        named = f"{' + '.join(columns.input)} and {columns.output}"
        raise InvalidInput(f"{table.file}: input, output", named, fix)
    return found


def incomplete(rows: Sequence[Row]) -> dict[str, tuple[str, ...]]:
    """What rows lack ("an output") to the places of those that lack it."""
    missing: dict[str, list[str]] = {}
    for row in rows:
        blank = [name for name in ("input", "output") if not row.values[name].strip()]
        if blank:
            missing.setdefault(" and ".join(f"an {name}" for name in blank), []).append(row.place)
    return {what: tuple(places) for what, places in missing.items()}


def without_marks(rows: Sequence[Row]) -> tuple[list[Row], tuple[str, ...]]:
    """The rows without the marks that end every input or output, and what was cut off."""
    notes = []
    for name, signs in (("input", AFTER_PROMPT), ("output", AFTER_COMPLETION)):
        mark = common_separator([row.values[name] for row in rows], signs)
        texts = [row.values[name].rstrip().removesuffix(mark).rstrip() for row in rows]
        if mark and all(texts):
            rows = [changed(row, **{name: text}) for row, text in zip(rows, texts, strict=True)]
            notes.append(f'the mark "{mark}" at the end of every {name} cut off')
    return list(rows), tuple(notes)


def changed(row: Row, **values: str) -> Row:
    """The row with other values for some fields."""
    return Row(row.place, {**row.values, **values})


def objects_in(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The outputs as JSON objects; raises InvalidInput for one that is none."""
    objects = []
    for row in rows:
        value = parse_json(row.values["output"], f"{row.place}output")
        if not isinstance(value, dict):
            fix = "The other outputs are JSON objects: correct it, or say --kind."
            raise InvalidInput(f"{row.place}output", value, fix)
        objects.append(value)
    return objects


def conflicts_in(rows: Sequence[Row]) -> tuple[str, ...]:
    """Places of rows whose input stood in an earlier row with another output."""
    first: dict[str, str] = {}
    found = []
    for row in rows:
        output = row.values["output"]
        if first.setdefault(normalise(row.values["input"]), output) != output:
            found.append(row.place)
    return tuple(found)
