"""What choosing settings on validation rows will take, before anything is spent."""

from __future__ import annotations

from dataclasses import dataclass

from corpora.task import Dataset
from strategies.base import Strategy
from strategies.search import MOST_ROWS

UPPER_SHARE = 0.45
"""What training the upper layers alone takes of a whole training."""


@dataclass(frozen=True)
class Searched:
    """What choosing settings takes: seconds, their bound, and requests."""

    seconds: float = 0.0
    bound: float = 0.0
    requests: float = 0.0


def judging_rows(dataset: Dataset) -> int:
    return min(len(dataset.validation), MOST_ROWS)


def searching(
    strategy: Strategy, dataset: Dataset, request: float, trial: float, indexing: float
) -> Searched:
    """`request` is the seconds of one in a batch, `trial` those of one setting, `indexing` those
    of the cuts after the first.

    The first trial is always finished; later ones only begin within the seconds.
    A strategy says by `searches = True` that it chooses settings.
    """
    if not getattr(strategy, "searches", False) or not dataset.validation:
        return Searched()
    budget = dataset.task.search
    bound = max(budget.seconds, trial)
    seconds = min(indexing + budget.trials * trial, bound)
    asking = max(trial, seconds - indexing)
    return Searched(seconds, bound, min(budget.trials * judging_rows(dataset), asking / request))
