"""What a forecast may see of a data set: no test row, and no answer to one."""

from __future__ import annotations

from itertools import cycle, islice

from corpora.checks import CHECKS, Material
from corpora.checks.rows import no_test_rows, small_test
from corpora.task import Check, Dataset

STAND_IN = "stand-in"
OF_TEST = (no_test_rows, small_test)
"""Checks that ask for test rows, which are not shown here."""


def without_test(dataset: Dataset) -> Dataset:
    """What a forecast may see: no test row, and no answer to one."""
    return dataset.model_copy(update={"test": (), "incumbent": None})


def with_stand_ins(dataset: Dataset) -> Dataset:
    """For quotes: as many test rows as there are, each a copy of one that may be seen."""
    seen = (*dataset.train, *dataset.validation)
    rows = islice(cycle(seen), len(dataset.test)) if seen else ()
    copies = [
        row.model_copy(update={"id": f"{STAND_IN} {number}"}) for number, row in enumerate(rows)
    ]
    return dataset.model_copy(update={"test": tuple(copies), "incumbent": None})


def checks_of(dataset: Dataset) -> tuple[Check, ...]:
    """What the data show without the test rows; errors among them end a forecast."""
    material = Material(without_test(dataset))
    return tuple(finding for check in CHECKS if check not in OF_TEST for finding in check(material))
