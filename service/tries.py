"""The rows of a search by what they are: looks at retrieval, settings tried, last trainings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Try = Mapping[str, Any]
"""A row of `strategies.base.Training.search`."""
LOOK, LAST = "retrieval", "final"


def looks_in(rows: Iterable[Try]) -> tuple[Try, ...]:
    """Settings of retrieval that were ranked without asking the model."""
    return tuple(row for row in rows if row.get("stage") == LOOK)


def tries_in(rows: Iterable[Try]) -> tuple[Try, ...]:
    """Settings tried and the last trainings of the best ones; a row of a plug-in that says no
    validation score has nothing to be shown by."""
    return tuple(row for row in rows if row.get("stage") != LOOK and "validation_score" in row)


def settings_tried(rows: Iterable[Try]) -> tuple[Try, ...]:
    """Those that count against the trials of a budget."""
    return tuple(row for row in rows if row.get("stage") not in (LOOK, LAST))


def last_in(rows: Iterable[Try]) -> tuple[Try, ...]:
    """The best settings once more, whole: the first in any case, on top of the budget."""
    return tuple(row for row in rows if row.get("stage") == LAST)


def seconds_of(rows: Iterable[Try]) -> float:
    return sum(float(row.get("seconds", 0.0)) for row in rows)
