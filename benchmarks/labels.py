"""How many labelled rows a strategy needs its user to have.

Training and validation rows alone: test rows judge every strategy alike and are spent before
anything is chosen, so that nobody is charged for them.
"""

from __future__ import annotations

from benchmarks.incumbent import INCUMBENT
from benchmarks.records import StrategyFacts, TaskFacts

NONE = ("prompt.zero-shot", "baseline.passage", INCUMBENT)
"""What reads no labelled row, but for how long answers are, which anyone can say."""
TRAINING = ("baseline.majority", "baseline.nearest", "prompt.nearest")
VALIDATION = ("baseline.copy",)
SHOTS = {"prompt.few-shot": 8, "rag.bm25": 3, "rag.dense": 3, "rag.hybrid": 3}
"""Fixed worked examples: so many rows, and no more."""


def rows_used(facts: StrategyFacts, task: TaskFacts) -> int:
    """Of a strategy that is not named above: all training and validation rows."""
    if facts.name in NONE:
        return 0
    if facts.name in SHOTS:
        return min(SHOTS[facts.name], task.n_train)
    if facts.name in TRAINING:
        return task.n_train
    if facts.name in VALIDATION:
        return task.n_validation
    return task.n_train + task.n_validation
