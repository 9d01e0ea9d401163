"""Rows of named values out of JSONL, JSON, CSV or an inline list, each with its place."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpora.errors import InvalidInput
from corpora.files import parse_json, read_text
from corpora.invalid import did_you_mean

LISTS = ("sources", "alternatives")
"""Fields that hold several values; a CSV cell gives them as a JSON list or separated by `|`."""
FIELDS = ("id", "input", "output", "split", "group", *LISTS)
"""What the row of an example may hold."""
REQUIRED = ("input", "output")

SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv")
_STATED = re.compile(r'"?sep=([,;\t])"?\r?\n', re.IGNORECASE)


@dataclass(frozen=True)
class Row:
    """`place` + a field's name is how a message calls it: "examples.jsonl line 17: output"."""

    place: str
    values: Mapping[str, Any]


def read_rows(
    path: Path,
    shown: str,
    columns: Mapping[str, str],
    *,
    fields: Sequence[str] = FIELDS,
    required: Sequence[str] = REQUIRED,
) -> list[Row]:
    """The rows of a file by its suffix; `columns` maps field names to the file's own names.

    Of a CSV only `fields` are read, and it must have the `required` columns.
    """
    text = _row_file(path, shown)
    if path.suffix.lower() in (".csv", ".tsv"):
        rows = list(_csv_rows(text, shown, columns, fields, required))
    else:
        rows = _json_rows(path, text, shown, columns)
    return _filled(rows, shown)


def read_records(path: Path, shown: str) -> list[Row]:
    """The rows of a file with all its own columns, whatever they are called.

    A CSV cell left empty is an empty text. A short row that another delimiter would fill is
    refused; else what it lacks counts as empty.
    """
    text = _row_file(path, shown)
    if path.suffix.lower() not in (".csv", ".tsv"):
        return _filled(_json_rows(path, text, shown, {}), shown)
    rows = []
    for line, cells in _csv_cells(text, shown):
        place = f"{shown} line {line}"
        if None in cells.values() and _other_dialect(cells):
            fix = f"The row has fewer cells than the header's {len(cells)}: use one separator."
            raise InvalidInput(place, next(iter(cells.values())), fix)
        rows.append(Row(f"{place}: ", {name: cell or "" for name, cell in cells.items()}))
    return _filled(rows, shown)


def _row_file(path: Path, shown: str) -> str:
    if path.suffix.lower() not in SUFFIXES or not path.is_file():
        fix = f"Give a file that ends in {', '.join(SUFFIXES)}."
        raise InvalidInput(shown, path.name, fix)
    return read_text(path, shown)


def _json_rows(path: Path, text: str, shown: str, columns: Mapping[str, str]) -> list[Row]:
    if path.suffix.lower() != ".json":
        return list(_jsonl_rows(text, shown, columns))
    values = parse_json(text, shown)
    if not isinstance(values, list):
        raise InvalidInput(shown, values, "Give a list of objects, or use JSONL.")
    return rows_from_list(values, shown, columns)


def _filled(rows: list[Row], shown: str) -> list[Row]:
    if not rows:
        raise InvalidInput(shown, 0, "It holds no rows: add some.")
    return rows


def rows_from_list(
    values: Sequence[Any], name: str, columns: Mapping[str, str] | None = None
) -> list[Row]:
    """Rows given inline; `name` is the field that holds the list."""
    rows = []
    for number, value in enumerate(values):
        if not isinstance(value, Mapping):
            raise InvalidInput(f"{name}[{number}]", value, 'Give an object: {"input": ...}.')
        place = f"{name}[{number}]."
        rows.append(Row(place, _rename(value, columns or {}, place)))
    return rows


def _jsonl_rows(text: str, shown: str, columns: Mapping[str, str]) -> Iterator[Row]:
    # Not splitlines(): a JSON string may hold U+2028 and other line ends of its own.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        place = f"{shown} line {number}"
        value = parse_json(line.strip(), place)
        if not isinstance(value, dict):
            raise InvalidInput(place, value, "Write one JSON object on each line.")
        yield Row(f"{place}: ", _rename(value, columns, f"{place}: "))


def _csv_rows(
    text: str,
    shown: str,
    columns: Mapping[str, str],
    fields: Sequence[str],
    required: Sequence[str],
) -> Iterator[Row]:
    wanted = {**{field: field for field in required}, **columns}
    for line, cells in _csv_cells(text, shown, wanted):
        place = f"{shown} line {line}"
        yield Row(f"{place}: ", _from_cells(cells, columns, place, fields))


def _csv_cells(
    text: str, shown: str, wanted: Mapping[str, str] | None = None
) -> Iterator[tuple[int, dict[str, str]]]:
    """Every row's first line and its cells by heading; `wanted` columns must be there."""
    stated = _STATED.match(text)  # which spreadsheets write above the header
    text, line = (text[stated.end() :], 2) if stated else (text, 1)
    above = line - 1
    header = re.split(r"[\r\n]", text.lstrip("\r\n"), maxsplit=1)[0]
    bare = re.sub(r'"[^"]*"', "", header)
    delimiter = stated[1] if stated else max(",;\t", key=bare.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = [name.strip() for name in reader.fieldnames or []]
        reader.fieldnames = names
        _check_header(names, f"{shown} line {line}", wanted or {})
        # where the row begins: a cell may hold line ends
        line = above + reader.reader.line_num + 1
        for cells in reader:
            if None in cells:
                fix = f"The row has more cells than the header's {len(names)}: quote commas."
                raise InvalidInput(f"{shown} line {line}", cells[None], fix)
            yield line, cells
            line = above + reader.reader.line_num + 1
    except csv.Error as error:
        place = f"{shown} line {line}"
        fix = f"It is not CSV: {error}. Close every quote, and double quotes inside a cell."
        raise InvalidInput(place, header[:60], fix) from None


def _other_dialect(cells: Mapping[str, str | None]) -> bool:
    """Whether the first and only cell of a short row holds the other cells, split otherwise."""
    texts = [cell for cell in cells.values() if cell is not None]
    return len(texts) == 1 and any(texts[0].count(sign) >= len(cells) - 1 for sign in ",;\t")


def _check_header(names: list[str], place: str, wanted: Mapping[str, str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise InvalidInput(place, name, "Two columns have this name: rename one.")
    for field, column in wanted.items():
        if column not in names:
            fix = (
                f"No such column{did_you_mean(column, names)}. Found: {', '.join(names)}. "
                f"Say which one it is with `columns: {{{field}: NAME}}`."
            )
            raise InvalidInput(f"{place}: {field}", column, fix)


def _from_cells(
    cells: Mapping[str, str], columns: Mapping[str, str], place: str, fields: Sequence[str]
) -> dict[str, Any]:
    """The named fields of a row; further columns are left out, and empty cells too."""
    values: dict[str, Any] = {}
    for field in fields:
        cell = cells.get(columns.get(field, field))
        if not cell:
            continue
        if field not in LISTS:
            values[field] = cell
        elif cell.lstrip().startswith("["):
            values[field] = parse_json(cell, f"{place}: {field}")
        else:
            values[field] = [part.strip() for part in cell.split("|") if part.strip()]
    return values


def _rename(value: Mapping[str, Any], columns: Mapping[str, str], place: str) -> dict[str, Any]:
    fields = {column: field for field, column in columns.items()}
    for column, field in fields.items():
        if column != field and column in value and field in value and field not in fields:
            fix = (
                f"`columns` takes {field} from {column!r}, and {field!r} is there too: remove one."
            )
            raise InvalidInput(place + field, value[field], fix)
    return {fields.get(str(name), str(name)): item for name, item in value.items()}
