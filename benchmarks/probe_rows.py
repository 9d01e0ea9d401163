"""How many validation rows the probes ask, and which."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from benchmarks.noise import CHANGES
from corpora.task import Example

MOST_ROWS = 16
FEWEST_ROWS = 4
SHARE = 0.1
"""Of the strategy's own seconds; FEWEST_ROWS are asked whatever they take."""


def requests_a_row(*, reads_documents: bool) -> int:
    """The row as it is, with each change, and beside irrelevant passages."""
    return 1 + len(CHANGES) + reads_documents


def affordable_rows(spent: float, each: float, requests: int) -> int:
    """From the seconds that the strategy took, and those of one request in a batch."""
    if each <= 0:
        return MOST_ROWS
    return max(FEWEST_ROWS, min(MOST_ROWS, int(SHARE * spent / (each * requests))))


def probing_seconds(spent: float, each: float, *, rows: int, reads_documents: bool) -> float:
    """What the probes will take where there are `rows` validation rows."""
    requests = requests_a_row(reads_documents=reads_documents)
    return min(rows, affordable_rows(spent, each, requests)) * requests * each


def chosen_rows(rows: Sequence[Example], count: int, seed: int) -> list[Example]:
    """Rows in an order of chance, of each group one: they are independent, and what a strategy
    with fewer rows is asked, one with more is asked too.
    """
    order = list(rows)
    Random(seed).shuffle(order)
    groups: set[str] = set()
    chosen = []
    for row in order:
        if row.group is None or row.group not in groups:
            chosen.append(row)
            groups |= {row.group} if row.group else set()
    return chosen[:count]
