"""From rows to examples: every row is checked against the task it belongs to."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from referencing.exceptions import Unresolvable

from corpora.errors import InvalidInput
from corpora.files import parse_json
from corpora.invalid import check_plain, did_you_mean, text_fix, validated
from corpora.rows import Row
from corpora.schema_judge import SchemaJudge
from corpora.spec import Spec
from corpora.task import Example

MAX_EXAMPLES = 200_000
MAX_INPUT = 1_000_000
"""Characters of one input: about 300 pages, more than models of today read at once."""
MAX_OUTPUT = 100_000
"""Characters of one output or alternative."""
MAX_ID = 1_000
"""Characters of an id, a group or a source."""
MAX_ALTERNATIVES = 1_000
"""Alternatives of one row, or sources."""
SCHEMA_SECONDS = 60.0
"""For checking all rows against `output_schema`; thousands of usual rows take one."""


def examples_from(
    rows: Sequence[Row], spec: Spec, documents: Collection[str] | None, *, lenient: bool = False
) -> tuple[Example, ...]:
    """The rows in order; `documents` are the known ids, None for a task without documents.

    A row without an id is called by its number ("row-17", from 1). Raises InvalidInput for the
    first row that is wrong; `lenient` lets outputs and sources through that are.
    """
    if not rows:
        raise InvalidInput("examples", [], "Add rows with an input and its right output.")
    if len(rows) > MAX_EXAMPLES:
        raise InvalidInput("examples", len(rows), f"Keep them under {MAX_EXAMPLES:,} rows.")
    judge = None if spec.output_schema is None else SchemaJudge(spec.output_schema)
    latest = time.monotonic() + SCHEMA_SECONDS
    places: dict[str, str] = {}
    examples = []
    for number, row in enumerate(rows, start=1):
        example = _example(row, number, spec, lenient)
        if example.id in places:
            first = places[example.id].rstrip(" :.")
            fix = f"The same id is at {first}: give every row its own."
            raise InvalidInput(row.place + "id", example.id, fix)
        places[example.id] = row.place
        examples.append(example)
        if lenient:
            continue
        for name, output in _outputs(example):
            _check_output(output, row.place + name, spec, judge)
        _check_sources(example, row.place, spec, documents)
        if judge is not None and time.monotonic() > latest:
            fix = f"Checking the rows takes over {SCHEMA_SECONDS:.0f} s: write it simpler."
            raise InvalidInput("output_schema", f"{number:,} rows checked", fix)
    _check_splits(examples, rows)
    return tuple(examples)


def labels_of(examples: Sequence[Example], spec: Spec) -> tuple[str, ...]:
    """The labels of a classification task: as listed, else those that occur, sorted."""
    if spec.kind != "classification":
        return ()
    if spec.labels is not None:
        return tuple(spec.labels)
    return tuple(sorted({example.output for example in examples}))


def _example(row: Row, number: int, spec: Spec, lenient: bool) -> Example:
    values: dict[str, Any] = {"id": f"row-{number}"}
    values.update((name, value) for name, value in row.values.items() if value is not None)
    check_plain(row.values, row.place)
    output = values.get("output")
    if spec.kind == "extraction" and isinstance(output, Mapping):
        values["output"] = json.dumps(output, ensure_ascii=False)
    elif output is not None and not isinstance(output, str):
        raise InvalidInput(row.place + "output", output, text_fix(output))
    if spec.no_answer is not None and output == spec.no_answer:
        values.setdefault("sources", [])
    example = validated(Example, values, place=row.place)
    _check_sizes(example, row.place)
    texts = [("id", example.id), ("input", example.input)]
    texts += [] if lenient else _outputs(example)
    for name, text in texts:
        if not text.strip():  # a blank alternative would make saying nothing right
            raise InvalidInput(row.place + name, text, "It must not be blank.")
    return example


def _check_sizes(example: Example, place: str) -> None:
    texts = [("id", example.id, MAX_ID), ("input", example.input, MAX_INPUT)]
    texts += [(name, text, MAX_OUTPUT) for name, text in _outputs(example)]
    texts += [("group", example.group or "", MAX_ID)]
    sources = example.sources or ()
    texts += [(f"sources[{number}]", text, MAX_ID) for number, text in enumerate(sources)]
    for name, text, limit in texts:
        if len(text) > limit:
            fix = f"Keep it under {limit:,} characters."
            raise InvalidInput(place + name, f"{len(text):,} characters", fix)
    for name, many in (("alternatives", example.alternatives), ("sources", sources)):
        if len(many) > MAX_ALTERNATIVES:
            raise InvalidInput(place + name, len(many), f"Keep to {MAX_ALTERNATIVES:,}.")


def _outputs(example: Example) -> list[tuple[str, str]]:
    """The accepted outputs with the names of their fields."""
    others = enumerate(example.alternatives)
    return [("output", example.output), *((f"alternatives[{n}]", text) for n, text in others)]


def _check_output(output: str, field: str, spec: Spec, judge: SchemaJudge | None) -> None:
    if spec.kind == "classification":
        if output != output.strip():
            raise InvalidInput(field, output, "Remove the space around the label.")
        if spec.labels is not None and output not in spec.labels:
            near = did_you_mean(output, spec.labels)
            fix = f"It is not in `labels`{near}: correct the row, or add the label."
            raise InvalidInput(field, output, fix)
    if spec.kind == "extraction":
        value = parse_json(output, field)
        check_plain(value, f"{field}.")
        if not isinstance(value, dict):
            raise InvalidInput(field, output, 'Give one JSON object: "{\\"field\\": ...}".')
        if judge is not None:
            _check_against_schema(value, field, judge)


def _check_against_schema(value: dict[str, Any], field: str, judge: SchemaJudge) -> None:
    try:
        fault = judge.best_fault(value)
    except TimeoutError as error:
        fix = f"It cannot be checked against `output_schema`: {error}. Write the schema simpler."
        raise InvalidInput(field, value, fix) from None
    except OverflowError:
        fix = "It holds a number too large to check against `output_schema`: correct it."
        raise InvalidInput(field, value, fix) from None
    except (Unresolvable, RecursionError) as error:
        fix = f"A reference in it cannot be followed ({type(error).__name__}): write it out."
        raise InvalidInput("output_schema", judge.schema, fix) from None
    if fault is not None:
        place = ".".join([field, *(str(part) for part in fault.absolute_path)])
        fix = f"It breaks `output_schema`: {fault.message}. Correct the row or the schema."
        raise InvalidInput(place, fault.instance, fix)


def _check_sources(
    example: Example, place: str, spec: Spec, documents: Collection[str] | None
) -> None:
    if not example.sources:
        return
    if spec.no_answer is not None and example.output == spec.no_answer:
        fix = "The output says that no document holds the answer: leave `sources` empty."
        raise InvalidInput(place + "sources", list(example.sources), fix)
    for number, source in enumerate(example.sources):
        field = f"{place}sources[{number}]"
        if documents is None:
            raise InvalidInput(field, source, "The task has no documents: add `documents`.")
        if source not in documents:
            fix = f"No document has this id{did_you_mean(source, documents)}."
            raise InvalidInput(field, source, fix)


def _check_splits(examples: Sequence[Example], rows: Sequence[Row]) -> None:
    """Every row says its split, or none does; and then some row is for testing."""
    named = sum(example.split is not None for example in examples)
    if not named:
        return
    for example, row in zip(examples, rows, strict=True):
        if example.split is None:
            fix = f"{named} of {len(rows)} rows have a split: give one to every row, or to none."
            raise InvalidInput(row.place + "split", None, fix)
    if not any(example.split == "test" for example in examples):
        fix = 'No row has the split "test": mark some, or leave all splits out.'
        raise InvalidInput("examples", f"{len(rows)} rows, 0 for testing", fix)
