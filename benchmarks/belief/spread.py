"""How strategies and tasks vary together: a few variances, and the covariances they make. Pure.

A quality is taken as a sum of normal effects on the scale of angles: one of the task on all its
strategies, one on all that share a trait, one on those that do nearly the same, and what is a
strategy's own. Each is there thrice: for a strategy on all tasks, for it on all tasks of a kind,
and for it on the very task, in fixed proportions. So a strategy measured on few tasks is drawn
towards those like it, and a task of a kind never seen towards all tasks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from benchmarks.belief.traits import kin_of, pair_of, traits_of
from benchmarks.records import StrategyFacts
from benchmarks.resampling import Floats
from corpora.task import Frozen

SAME_MODEL = 0.6
"""How strongly effects of one strategy agree between two language models, or between one and
none. Not fitted: tasks measured with one model cannot tell."""


class Spread(Frozen):
    """Standard deviations of the effects on one task, on the scale of angles (a tenth is about
    ten points near a quality of 0.5), and how large those on all tasks and on all tasks of a kind
    are beside them, as ratios of variances. The values here are guesses, not fitted: together
    they let a single strategy be anything from 0 to 1, nearly with equal chances."""

    task: float = Field(default=0.2, gt=0, description="of the task on all strategies")
    language: float = Field(default=0.1, gt=0, description="on those with a language model")
    examples: float = Field(default=0.1, gt=0, description="on those that look examples up")
    documents: float = Field(default=0.1, gt=0, description="on those that look documents up")
    tuned: float = Field(default=0.1, gt=0, description="on those with trained weights")
    kin: float = Field(default=0.08, gt=0, description="on those that do nearly the same")
    pair: float = Field(default=0.06, gt=0, description="on a search and its default alike")
    own: float = Field(default=0.08, gt=0, description="of one strategy with a language model")
    plain: float = Field(default=0.15, gt=0, description="of one strategy without")
    over_all: float = Field(default=0.5, gt=0, description="variance over all tasks beside these")
    over_kind: float = Field(default=0.5, gt=0, description="variance over a kind beside these")

    @property
    def variances(self) -> Floats:
        """In the order of `parts_of`."""
        return np.array([getattr(self, name) ** 2 for name in PARTS])


PARTS = (
    "task",
    "language",
    "examples",
    "documents",
    "tuned",
    "kin",
    "pair",
    "own",
    "plain",
)
LEVEL = 0.2
"""Standard deviation of the mean of everything around a quality of 0.5."""


def parts_of(rows: Sequence[StrategyFacts], columns: Sequence[StrategyFacts]) -> Floats:
    """Which effects two strategies share: parts × rows × columns, 0 to 1."""
    same = alike([s.model for s in rows], [s.model for s in columns])
    models = SAME_MODEL + (1 - SAME_MODEL) * same
    shared = [np.ones(models.shape)]
    for trait in ("language", "examples", "documents", "tuned"):
        has = [np.array([trait in traits_of(s) for s in each], float) for each in (rows, columns)]
        shared.append(np.outer(*has) * models)
    for key in (kin_of, pair_of):
        shared.append(alike([key(s) for s in rows], [key(s) for s in columns]) * models)
    same = alike([s.name for s in rows], [s.name for s in columns]) * models
    speaks = np.array(["language" in traits_of(s) for s in rows], float)[:, None]
    return np.stack([*shared, same * speaks, same * (1 - speaks)])


def alike(rows: Sequence[object], columns: Sequence[object]) -> Floats:
    """1 where both are the same, else 0."""
    codes = {value: code for code, value in enumerate(dict.fromkeys([*rows, *columns]))}
    one, other = (np.array([codes[value] for value in each], int) for each in (rows, columns))
    return np.asarray(one[:, None] == other, dtype=float)
