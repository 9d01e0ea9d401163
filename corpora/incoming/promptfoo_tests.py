"""The tests of a promptfoo configuration: their variables and assertions, written out."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpora.errors import InvalidInput
from corpora.examples import MAX_EXAMPLES
from corpora.files import MAX_YAML_BYTES, inside, parse_yaml, read_text
from corpora.incoming.assertions import Reference, assertion_of, reference_of, types_of
from corpora.incoming.table import text_of
from corpora.incoming.templates import filled
from corpora.invalid import check_plain
from corpora.rows import SUFFIXES, Row, read_records

MAX_COMBINATIONS = 10_000
"""Tests that lists of values may make of one test."""


@dataclass(frozen=True)
class Case:
    """One test with one value for each variable; `answer` is None where none is stated."""

    place: str
    variables: Mapping[str, str]
    answer: Reference | None
    types: tuple[str, ...]


def read_cases(config: Mapping[str, Any], folder: Path, file: str) -> list[Case]:
    """Every test and combination of listed values, with what `defaultTest` adds to it."""
    default = _default(config.get("defaultTest"), folder, file)
    cases = []
    for row in _tests(config["tests"], folder, file):
        for variables in _combinations(row, default, folder):
            assertions = _assertions(row, default, variables)
            answer = reference_of(assertions)
            cases.append(Case(row.place, variables, answer, types_of(assertions)))
            if len(cases) > MAX_EXAMPLES:
                fix = f"With all combinations of listed values, keep them under {MAX_EXAMPLES:,}."
                raise InvalidInput(f"{file}: tests", len(cases), fix)
    if not cases:
        raise InvalidInput(f"{file}: tests", 0, "It holds no tests: add some.")
    return cases


def _default(value: Any, folder: Path, file: str) -> Mapping[str, Any]:
    field = f"{file}: defaultTest"
    if isinstance(value, str):
        path = inside(folder, value.removeprefix("file://"), field)
        value = parse_yaml(read_text(path, path.name, MAX_YAML_BYTES), path.name)
    if value is not None and not isinstance(value, Mapping):
        raise InvalidInput(field, value, "Give a mapping with `vars` or `assert`.")
    return value or {}


def _tests(tests: Any, folder: Path, file: str) -> Iterator[Row]:
    """Every test as written, each with `vars` and `assert`."""
    for number, test in enumerate(tests if isinstance(tests, list) else [tests]):
        field = f"{file}: tests[{number}]" if isinstance(tests, list) else f"{file}: tests"
        if isinstance(test, str):
            yield from _tests_in(test, folder, field)
        elif isinstance(test, Mapping) and ("vars" in test or "assert" in test):
            yield Row(f"{field}.", test)
        else:
            fix = "Give a test with `vars` and `assert`, or the name of a file beside it."
            raise InvalidInput(field, test, fix)


def _tests_in(name: str, folder: Path, field: str) -> Iterator[Row]:
    path = Path(name.removeprefix("file://"))
    suffix = path.suffix.lower()
    if "://" in str(name).removeprefix("file://") or suffix not in (*SUFFIXES, ".yaml", ".yml"):
        fix = "Tests from code, sheets, globs or elsewhere are not read: save them as CSV or YAML."
        raise InvalidInput(field, name, fix)
    found = inside(folder, str(path), field)
    if suffix in (".yaml", ".yml"):
        listed = parse_yaml(read_text(found, path.name, MAX_YAML_BYTES), path.name)
        tests = listed if isinstance(listed, list) else [listed]
        if any(isinstance(test, str) for test in tests):  # a file could name itself
            raise InvalidInput(field, name, "It names further files: name them here.")
        yield from _tests(tests, folder, path.name)
        return
    for row in read_records(found, path.name):
        check_plain(row.values, row.place)
        if "vars" in row.values or suffix not in (".csv", ".tsv"):
            yield row
            continue
        expected = [text for column, text in row.values.items() if _is_expected(column) and text]
        variables = {name: text for name, text in row.values.items() if not name.startswith("__")}
        yield Row(row.place, {"vars": variables, "assert": list(map(assertion_of, expected))})


def _is_expected(column: str) -> bool:
    return column.rstrip("0123456789") == "__expected"


def _combinations(row: Row, default: Mapping[str, Any], folder: Path) -> Iterator[dict[str, str]]:
    """The variables of a test; a list of values stands for a test with each."""
    own, shared = row.values.get("vars") or {}, default.get("vars") or {}
    for variables in (own, shared):
        if not isinstance(variables, Mapping):
            fix = "Give a mapping of names to values: other forms of `vars` are not read."
            raise InvalidInput(f"{row.place}vars", variables, fix)
    given = {str(name): value for name, value in {**shared, **own}.items()}
    options = [value if isinstance(value, list) and value else [value] for value in given.values()]
    number = math.prod(map(len, options))
    if number > MAX_COMBINATIONS:
        fix = f"Its lists make more than {MAX_COMBINATIONS:,} combinations: write the tests out."
        raise InvalidInput(f"{row.place}vars", number, fix)
    for values in itertools.product(*options):
        yield {
            name: _value(value, folder, f"{row.place}vars.{name}")
            for name, value in zip(given, values, strict=True)
        }


def _value(value: Any, folder: Path, field: str) -> str:
    """A value as text; a text file that it names is read, anything else refused."""
    if not isinstance(value, str) or not value.startswith("file://"):
        return text_of(value)
    path = inside(folder, value.removeprefix("file://"), field)
    if path.suffix.lower() not in (".txt", ".md", ".json", ".html", ".csv"):
        raise InvalidInput(field, value, "Only text files are read here: write the text out.")
    return read_text(path, path.name)


def _assertions(
    row: Row, default: Mapping[str, Any], variables: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Assertions of the test, then of `defaultTest`, with variables in their values filled in."""
    found = []
    for holder, field in ((row.values, f"{row.place}assert"), (default, "defaultTest.assert")):
        listed = holder.get("assert") or []
        if not isinstance(listed, list) or not all(isinstance(one, Mapping) for one in listed):
            fix = "Give a list of assertions: [{type: equals, value: ...}]."
            raise InvalidInput(field, listed, fix)
        found += [dict(one) for one in listed]
    for one in found:
        if isinstance(one.get("value"), str):
            one["value"] = filled(one["value"], variables)
    return found
