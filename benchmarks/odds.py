"""Which strategy is best, what choosing another would lose, and how far the best flatters. Pure.

The Bayesian bootstrap (Rubin 1981) weighs the clusters of rows by a flat Dirichlet draw. Alone
it knows no disagreement but those it saw: of two strategies with 67 and 66 of 68 right, where one
is right wherever the other is, it calls the first better in 99.9% of draws, on one row. So every
pair is given half a row of each disagreement beforehand, as Agresti and Min (2005) do for the
interval of a paired difference: the first better, and the second better, each as large as
disagreements are here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.resampling import (
    RESAMPLES,
    Finish,
    Floats,
    Groups,
    cluster_sums,
    dirichlet_weights,
    finish_mean,
    mean_sums,
    resampled_figures,
    weighed,
)

ROWS_BEFOREHAND = 0.25
"""Of each line in `unseen`: two lines speak for the one of a pair, so half a row does."""
TIE = 1e-9
CONTENDING = 0.025


@dataclass(frozen=True)
class Odds:
    """`p_best`: the chance that nothing has a higher figure; a tie is shared out. `regret`: how
    much lower than the best it is to be expected, 0 to 1."""

    p_best: float
    regret: float


def flattery(
    strategies: Mapping[str, Sequence[float] | Floats],
    groups: Groups,
    *,
    seed: int = 0,
    finish: Finish | None = None,
) -> float:
    """By how much the highest of several figures on the same rows is too high on average, at most:
    that it is the highest is partly luck. 0 to 1.

    The mean over resamples of the largest deviation of a figure from the data's, among those that
    come out above the highest one in at least CONTENDING of the resamples. That is what equals
    of that many flatter by; the plain bootstrap of the highest figure takes what sets them apart
    for the truth, and finds about six tenths of it. For several seeds their mean is taken.
    """
    make = finish or finish_mean
    tables = [table_of(rows, groups, finish).mean(axis=1) for rows in strategies.values()]
    if len(tables) < 2 or len(tables[0]) < 2:
        return 0.0
    measured = np.array([float(make(table.sum(axis=0, keepdims=True))[0]) for table in tables])
    drawn = resampled_figures(tables, make, seed=seed)
    ahead = (drawn >= drawn[:, [measured.argmax()]] - TIE).mean(axis=0)
    off = (drawn - measured)[:, ahead >= CONTENDING]
    return max(0.0, float(off.max(axis=1).mean()))


def odds(
    strategies: Mapping[str, Sequence[float] | Floats],
    groups: Groups,
    *,
    seed: int = 0,
    finish: Finish | None = None,
) -> dict[str, Odds]:
    """The odds of each strategy on the same rows, in the same order. `p_best` sums to 1.

    A strategy is rows, or rows × seeds where the same thing was done with several random seeds;
    with `finish` a table rows × features, or rows × seeds × features. Strategies whose rows are
    all the same share their odds.
    """
    tables = {name: table_of(rows, groups, finish) for name, rows in strategies.items()}
    alike: dict[tuple[tuple[int, ...], bytes], list[str]] = {}
    for name, table in tables.items():
        alike.setdefault((table.shape, table.tobytes()), []).append(name)
    found: dict[str, Odds] = {}
    different = [tables[names[0]] for names in alike.values()]
    for names, one in zip(
        alike.values(), odds_of(different, finish or finish_mean, seed), strict=True
    ):
        found |= dict.fromkeys(names, Odds(one.p_best / len(names), one.regret))
    return {name: found[name] for name in strategies}


def table_of(rows: Sequence[float] | Floats, groups: Groups, finish: Finish | None) -> Floats:
    """Clusters × seeds × features."""
    table = mean_sums(rows) if finish is None else np.asarray(rows, dtype=float)
    return cluster_sums(table[:, None] if table.ndim == 2 else table, groups)


def odds_of(tables: Sequence[Floats], finish: Finish, seed: int) -> list[Odds]:
    if not tables:
        return []
    rng = np.random.default_rng(seed)
    beforehand = unseen(np.stack([table.mean(axis=1) for table in tables]), finish)
    lines = [
        np.concatenate([table, np.repeat(more[:, None], table.shape[1], axis=1)])
        for table, more in zip(tables, beforehand, strict=True)
    ]
    shares = np.ones(len(lines[0]))
    shares[len(tables[0]) :] = ROWS_BEFOREHAND
    best, lost = np.zeros(len(tables)), np.zeros(len(tables))
    for weights in dirichlet_weights(rng, shares):
        figures = np.stack([over_seeds(finish(weighed(weights, each)), rng) for each in lines])
        top = figures.max(axis=0)
        winners = figures >= top - TIE
        best += (winners / winners.sum(axis=0)).sum(axis=1)
        lost += (top - figures).sum(axis=1)
    return [
        Odds(float(p), float(regret))
        for p, regret in zip(best / RESAMPLES, lost / RESAMPLES, strict=True)
    ]


def unseen(tables: Floats, finish: Finish) -> Floats:
    """Lines for disagreements that were not seen: strategies × lines × features.

    `tables` is strategies × clusters × features. For every strategy one line in which it does
    better than all others and one in which it does worse: it is given the mean line of those
    ahead in the disagreements seen (over clusters and pairs) and they that of those behind, or
    the other way round. No lines where nobody ever disagreed: all are then equal.
    """
    count = len(tables)
    each = finish(tables)
    ahead = (each[:, None] > each[None] + TIE).sum(axis=1).astype(float)
    behind = (each[:, None] < each[None] - TIE).sum(axis=1).astype(float)
    if not ahead.any():
        return np.zeros((count, 0, tables.shape[-1]))
    good, bad = (np.tensordot(w, tables, axes=2) / w.sum() for w in (ahead, behind))
    mine = np.eye(count, dtype=bool)[..., None]
    return np.concatenate([np.where(mine, good, bad), np.where(mine, bad, good)], axis=1)


def over_seeds(figures: Floats, rng: np.random.Generator) -> Floats:
    """The mean over seeds with its doubt: draws × seeds to draws.

    Seeds are weighed by a Dirichlet draw, too. Its concentration of (S - 2) / S gives the mean
    the variance s² / S, with s² the unbiased one of S seeds, which a flat draw makes too small
    by half at three seeds; at two it takes one of them. A single seed tells nothing of others.
    """
    draws, seeds = figures.shape
    if seeds == 1:
        weights = np.ones((draws, 1))
    elif seeds == 2:
        weights = np.eye(2)[rng.integers(0, 2, size=draws)]
    else:
        weights = rng.dirichlet(np.full(seeds, (seeds - 2) / seeds), size=draws)
    result: Floats = (weights * figures).sum(axis=1)
    return result
