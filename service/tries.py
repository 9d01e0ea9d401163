"""The rows of a search by what they are: looks at retrieval, settings tried, last trainings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from strategies.search import OUT_OF_TIME, ROUND

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


def ended_by_time(rows: Sequence[Try], seconds: float) -> bool:
    """Whether a budget of so many seconds gave up a setting, or left no room for one more: a round
    of rows at the pace of the quickest, or where adapters are trained, a whole training."""
    tries = settings_tried(rows)
    if any(row.get("dropped") == OUT_OF_TIME for row in tries):
        return True
    judged = [row for row in tries if row.get("rows")]
    most = max((row["rows"] for row in judged), default=0.0)
    took = [float(row.get("seconds", 0.0)) for row in judged]
    pace = min((s / row["rows"] for s, row in zip(took, judged, strict=True)), default=0.0)
    trained = any("epochs" in row for row in judged)
    more = min(took) if trained else min(ROUND, most) * pace
    return seconds_of((*looks_in(rows), *tries)) + more >= seconds


def seconds_of(rows: Iterable[Try]) -> float:
    return sum(float(row.get("seconds", 0.0)) for row in rows)
