"""What a task's own training and validation rows, documents and checks say, before any model runs.

Counts, lengths in words, and shares from 0 to 1; docs/evidence.md says what each one means.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from statistics import fmean
from typing import Any

from benchmarks.json_metrics import first_object
from corpora.checks import check_dataset
from corpora.similarity import clusters
from corpora.task import Dataset, Example, Task
from strategies.relevance import LONG, answers_of
from strategies.retrieval import words
from strategies.shots import is_unanswerable

OF_TEST = {"no-test-rows", "small-test", "label-not-in-test"}
"""Checks of test rows, which a forecast is not shown: they would find that there are none."""


def features_of(dataset: Dataset) -> dict[str, float]:
    """Figures by name. `dataset` is without test rows."""
    rows = [*dataset.train, *dataset.validation]
    return {
        "n_train": float(len(dataset.train)),
        "n_validation": float(len(dataset.validation)),
        "n_documents": float(len(dataset.documents)),
        **lengths(dataset, rows),
        **outputs(dataset.task, rows),
        **copied(dataset, rows),
        "repeated_inputs": repeated(dataset.train, dataset.validation),
        **checks(dataset),
    }


def lengths(dataset: Dataset, rows: Sequence[Example]) -> dict[str, float]:
    of_outputs = sorted(len(row.output.split()) for row in rows) or [0]
    return {
        "instruction_words": float(len(dataset.task.instruction.split())),
        "input_words": mean([len(row.input.split()) for row in rows]),
        "output_words": mean(of_outputs),
        "output_words_90": float(of_outputs[len(of_outputs) * 9 // 10]),
        "document_words": float(sum(len(each.text.split()) for each in dataset.documents)),
    }


def outputs(task: Task, rows: Sequence[Example]) -> dict[str, float]:
    counts = Counter(row.output for row in rows)
    return {
        "labels": float(len(task.labels)),
        "distinct_outputs": len(counts) / max(1, len(rows)),
        "most_common_output": max(counts.values(), default=0) / max(1, len(rows)),
        "rarest_label_rows": float(min((counts[label] for label in task.labels), default=0)),
        "unanswerable": mean([is_unanswerable(task, row) for row in rows]),
        "with_sources": mean([bool(row.sources) for row in rows]),
    }


def copied(dataset: Dataset, rows: Sequence[Example]) -> dict[str, float]:
    """How much of the right outputs stands in their inputs, and of answers in the documents."""
    library = Held(" \n ".join(document.text for document in dataset.documents))
    telling = [answers for row in rows if (answers := answers_of(dataset.task, row))]
    found = [max(map(library.holds, answers)) for answers in telling] if library.words else []
    return {
        "in_inputs": mean([in_input(dataset.task, row) for row in rows]),
        "in_documents": mean(found),
    }


def in_input(task: Task, row: Example) -> float:
    """Of an extracted object the share of its values; else whether the output stands there."""
    held = Held(row.input)
    if task.kind != "extraction":
        return float(held.holds(words(row.output)))
    values = [words(value) for value in leaves(first_object(row.output))]
    return mean([held.holds(value) for value in values if value])


class Held:
    """A text in which outputs are looked up: a short one as it stands, a longer one by its pairs
    of neighbouring words, of which half must be there."""

    def __init__(self, text: str) -> None:
        self.words = words(text)

    def holds(self, output: Sequence[str]) -> bool:
        if not output:
            return False
        if len(output) <= LONG:
            return f" {' '.join(output)} " in self._line
        pairs = [*pairwise(output)]
        return sum(pair in self._pairs for pair in pairs) >= len(pairs) / 2

    @cached_property
    def _line(self) -> str:
        return f" {' '.join(self.words)} "

    @cached_property
    def _pairs(self) -> frozenset[tuple[str, str]]:
        return frozenset(pairwise(self.words))


def leaves(value: Any) -> Iterator[str]:
    """The texts and numbers in a JSON value."""
    if isinstance(value, Mapping):
        for each in value.values():
            yield from leaves(each)
    elif isinstance(value, list):
        for each in value:
            yield from leaves(each)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def repeated(train: Sequence[Example], validation: Sequence[Example]) -> float:
    """Share of the validation rows whose input nearly repeats that of a training row."""
    edge = len(train)
    found = clusters([row.input for row in (*train, *validation)])
    crossing = [row for alike in found if alike[0] < edge for row in alike if row >= edge]
    return len(crossing) / max(1, len(validation))


def checks(dataset: Dataset) -> dict[str, float]:
    """How many kinds of errors, warnings and notes the data checks have."""
    found = Counter(
        check.severity for check in check_dataset(dataset) if check.check not in OF_TEST
    )
    return {
        "check_errors": float(found["error"]),
        "check_warnings": float(found["warning"]),
        "check_notes": float(found["info"]),
    }


def mean(values: Sequence[float]) -> float:
    return fmean(values) if values else 0.0
