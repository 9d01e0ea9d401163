"""What choosing settings on validation rows will take, before anything is spent."""

from __future__ import annotations

from dataclasses import dataclass

from corpora.task import Dataset
from strategies.base import Strategy
from strategies.search import MOST_ROWS


@dataclass(frozen=True)
class Searched:
    """What choosing settings takes: seconds, their bound, and requests."""

    seconds: float = 0.0
    bound: float = 0.0
    requests: float = 0.0


def searching(strategy: Strategy, dataset: Dataset, request: float, indexing: float) -> Searched:
    """`request` is the seconds of one in a batch, `indexing` those of the cuts after the first.

    The first trial is always finished; later ones only begin within the seconds.
    A strategy says by `searches = True` that it chooses settings.
    """
    rows = min(len(dataset.validation), MOST_ROWS)
    if not getattr(strategy, "searches", False) or not rows:
        return Searched()
    budget, trial = dataset.task.search, rows * request
    bound = max(budget.seconds, trial)
    seconds = min(indexing + budget.trials * trial, bound)
    asking = max(trial, seconds - indexing)
    return Searched(seconds, bound, min(budget.trials * rows, asking / request))
