"""What nearly all training outputs have in common, as sentences for the instruction."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from corpora.task import Example, Task

NEARLY_ALL = 0.9
FEWEST = 10
"""Outputs below this number show no habit."""
FULL_STOPS = (".", "。", "．", "।", "۔")
SENTENCE_ENDS = (*FULL_STOPS, "!", "?", "！", "？", "؟")


def output_rules(task: Task, train: Sequence[Example]) -> list[str]:
    """Rules that at least nine in ten training outputs keep; empty for classification.

    Outputs that mean "no answer" do not count.
    """
    rows = [row for row in train if row.output.strip() and row.output != task.no_answer]
    if task.kind == "classification" or len(rows) < FEWEST:
        return []
    if task.kind == "extraction":
        return field_rules(rows)
    rules: list[tuple[str, Callable[[Example], bool]]] = [
        ("Copy the answer word for word.", lambda row: row.output.lower() in row.input.lower()),
        ("End with a full stop.", lambda row: row.output.rstrip().endswith(FULL_STOPS)),
        ("Put no full stop at the end.", lambda row: not row.output.rstrip().endswith(FULL_STOPS)),
        ("Write one sentence.", lambda row: ends(row.output) == 1 and len(row.output) > 30),
        ("Answer with a number only.", lambda row: is_number(row.output)),
        ("Use lower case only.", lambda row: row.output.islower()),  # not where nothing has case
        ("Write one line.", lambda row: "\n" not in row.output.strip()),
    ]
    return [text for text, kept in rules if share(rows, kept) >= NEARLY_ALL]


def field_rules(rows: Sequence[Example]) -> list[str]:
    """Whether values are copied, and whether fields without a value are left out."""
    objects = [(row, found) for row in rows if (found := as_object(row.output)) is not None]
    if not objects:
        return []
    rules = []
    texts = [
        (row, value) for row, found in objects for value in found.values() if isinstance(value, str)
    ]
    copied = [value.lower() in row.input.lower() for row, value in texts]
    if copied and sum(copied) >= NEARLY_ALL * len(copied):
        rules.append("Copy the values word for word from the text.")
    every = {name for _, found in objects for name in found}
    if any(set(found) != every for _, found in objects):
        rules.append("Leave out the fields that the text does not give.")
    return rules


def as_object(text: str) -> dict[str, object] | None:
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def share(rows: Sequence[Example], kept: Callable[[Example], bool]) -> float:
    return sum(kept(row) for row in rows) / len(rows)


def ends(text: str) -> int:
    """Sentences of a text, by their closing marks."""
    return sum(text.count(mark) for mark in SENTENCE_ENDS)


def is_number(text: str) -> bool:
    return text.strip().replace(",", "").replace(".", "", 1).lstrip("-$€£").isdigit()
