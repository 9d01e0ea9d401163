"""What kind of file came in, and its rows with the columns they have there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from corpora.errors import InvalidInput
from corpora.files import parse_json, parse_yaml, read_text
from corpora.incoming.chats import FIELDS, read_chats
from corpora.incoming.promptfoo import read_promptfoo
from corpora.incoming.table import CONTROLS, Table
from corpora.invalid import check_plain
from corpora.rows import SUFFIXES, Row, read_records

_SPECS = (".yaml", ".yml", ".json")


def read_incoming(path: Path) -> Table:
    """The file as a table; raises InvalidInput with the file's name and the line."""
    shown, suffix = path.name, path.suffix.lower()
    if suffix not in (*SUFFIXES, *_SPECS):
        known = ", ".join((*SUFFIXES, ".yaml"))
        raise InvalidInput(shown, suffix, f"Give a file that ends in {known}.")
    if suffix in _SPECS:
        config = _config(path, shown)
        if config is not None:
            return read_promptfoo(config, path.parent, shown)
    rows = read_records(path, shown)
    for row in rows:
        check_plain(row.values, row.place)
    if suffix in (".csv", ".tsv"):
        return Table(shown, "CSV", tuple(rows), _columns(rows))
    if any(isinstance(row.values.get(name), list) for row in rows for name in FIELDS):
        return read_chats(rows, shown)
    return Table(shown, "JSON rows", tuple(rows), _columns(rows))


def _config(path: Path, shown: str) -> dict[str, Any] | None:
    """The mapping in a YAML or JSON file; None where a JSON file lists rows."""
    text = read_text(path, shown)
    parse = parse_json if path.suffix.lower() == ".json" else parse_yaml
    value = parse(text, shown)
    if isinstance(value, list) and path.suffix.lower() == ".json":
        return None
    if not isinstance(value, dict):
        fix = "Give a list of rows (JSON), or a promptfoo configuration with `prompts` and `tests`."
        raise InvalidInput(shown, value, fix)
    config = {str(name): item for name, item in value.items()}
    if "kind" in config and "examples" in config:
        fix = f"It is a task spec already: run `tuneworth check {path}`."
        raise InvalidInput(shown, config["kind"], fix)
    if "tests" not in config:
        fix = "Give a promptfoo configuration with `tests`, or a list of rows (JSON, JSONL, CSV)."
        raise InvalidInput(f"{shown}: tests", list(config)[:8], fix)
    return config


def _columns(rows: Sequence[Row]) -> tuple[str, ...]:
    """Every column in the order in which the columns first occur."""
    names = tuple(dict.fromkeys(name for row in rows for name in row.values))
    for name in names:
        if CONTROLS.search(name):
            fix = "This name of a column holds a control character: remove it."
            raise InvalidInput(rows[0].place.rstrip(" :."), name, fix)
    return names
