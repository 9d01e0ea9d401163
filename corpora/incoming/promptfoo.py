"""A promptfoo configuration: its tests are the rows, its prompt is the instruction.

Nothing that it names is run: tests and prompts made by code, and files elsewhere than below its
folder, are refused or left to the user. Of several prompts the first is taken.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from corpora.errors import InvalidInput
from corpora.files import MAX_YAML_BYTES, inside, parse_yaml, read_text
from corpora.incoming.assertions import Reference, assertion_of, reference_of, types_of
from corpora.incoming.prompts import read_prompt
from corpora.incoming.table import Table, counted, lines_of, text_of
from corpora.incoming.templates import filled, instruction_of, is_plain, variables_of
from corpora.invalid import check_plain
from corpora.rows import SUFFIXES, Row, read_records

FEWEST_WORDS = 4
"""A shorter instruction is asked for; the data checks would refuse it."""
MAX_COMBINATIONS = 10_000
"""Tests that lists of values may make of one test."""


def read_promptfoo(config: Mapping[str, Any], folder: Path, file: str) -> Table:
    """One row for each test (and combination of listed values) that gives a right answer."""
    check_plain(config, f"{file}: ")
    prompt, notes = read_prompt(config.get("prompts"), folder, file)
    default = _default(config.get("defaultTest"), folder, file)
    tests = [
        (row.place, variables, _assertions(row, default, variables))
        for row in _tests(config["tests"], folder, file)
        for variables in _combinations(row, default, folder)
    ]
    if not tests:
        raise InvalidInput(f"{file}: tests", 0, "It holds no tests: add some.")
    answers = [reference_of(assertions) for _, _, assertions in tests]
    constant = _constant([variables for _, variables, _ in tests])
    readable = prompt is not None and is_plain(prompt)
    template = filled(prompt, constant) if prompt is not None and readable else None
    if prompt is not None and not readable:
        notes = (
            *notes,
            "its prompt has blocks or expressions, so the instruction is yours to give",
        )
    said_to = instruction_of(template) if template else ""
    if said_to.isascii() and len(said_to.split()) < FEWEST_WORDS:
        said_to = ""
    names = tuple(dict.fromkeys(name for _, variables, _ in tests for name in variables))
    inputs = variables_of(template) if template else names
    unknown = [name for name in inputs if name not in names]
    if unknown:
        fix = f"The prompt uses it, and no test has it in `vars`. Found: {', '.join(names)}."
        raise InvalidInput(f"{file}: tests", unknown[0], fix)
    said = Counter(answer.type for answer in answers if answer is not None)
    output = f"assert ({', '.join(said)})"
    graded = [test for test, answer in zip(tests, answers, strict=True) if answer is None]
    if said and graded:
        notes = (*notes, _graded(graded, file))
    rows = [
        Row(place, _values(variables, answer, output))
        for (place, variables, _), answer in zip(tests, answers, strict=True)
        if answer is not None or not said
    ]
    roles = {"input": inputs} if template else {}
    roles |= {"output": (output,)} if said else {}
    alternatives = any("alternatives" in row.values for row in rows)
    return Table(
        file,
        "promptfoo configuration",
        tuple(rows),
        (*names, *([output] if said else []), *(["alternatives"] if alternatives else [])),
        roles=roles,
        instruction=said_to or None,
        instruction_from="the prompt",
        snippets=bool(said) and any(answer.is_snippet for answer in answers if answer),
        notes=notes,
    )


def _values(variables: Mapping[str, str], answer: Reference | None, output: str) -> dict[str, Any]:
    values: dict[str, Any] = dict(variables)
    if answer is not None:
        values[output] = answer.text
        if answer.alternatives:
            values["alternatives"] = list(answer.alternatives)
    return values


def _graded(tests: Sequence[tuple[str, Any, Any]], file: str) -> str:
    types = dict.fromkeys(kind for _, _, assertions in tests for kind in types_of(assertions))
    by = f" (only {', '.join(types)})" if types else " (no assertion)"
    places = lines_of(file, [place for place, _, _ in tests])
    return f"{counted(len(tests), 'test')} without a right answer{by} left out: {places}"


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


def _constant(tests: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Variables that are the same in all of several tests, which thus belong to the prompt."""
    if len(tests) < 2:
        return {}
    first = tests[0]
    return {
        name: text for name, text in first.items()
        if all(variables.get(name) == text for variables in tests)
    }  # fmt: skip
