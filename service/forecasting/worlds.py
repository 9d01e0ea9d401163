"""The rule of the recommendation in worlds where every quality is known, many at once. Pure.

A draw of a belief is such a world. What `service.choosing` picks from measurements that have no
doubt left is picked here from an array, since a forecast asks thousands of worlds at every step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.resampling import Floats
from corpora.task import Needs
from service.choosing import price_key
from service.evidence import HAIR
from service.suitability import Candidate, Floor, is_tuned

Indices = NDArray[np.intp]
Flags = NDArray[np.bool_]
NOTHING = -1
"""The place of the picked strategy where none is above the floor."""
UNCERTAIN = 1000
"""Needs missed are counted in steps of this, uncertain ones in ones: the first go before."""
UNRELIABLE = UNCERTAIN**2
"""What answers with too many errors comes behind all that serves any need better or worse."""


@dataclass(frozen=True)
class Terms:
    """All that the rule asks of each strategy beside its quality, in the order of `ids`.

    `rank` is its place in the order of cost, the cheapest 0. `shortfall` counts the needs that it
    misses whatever its quality, those that nobody knows, and too many errors. `trivial` takes no
    thought and is never picked. `limit` is the fixed floor, `bar` the stated quality. `cheaper`
    says for each two whether the first surely costs less over the horizon; never where no volume is
    stated.
    """

    ids: tuple[str, ...]
    rank: Indices
    shortfall: Indices
    tuned: Flags
    trivial: Flags
    limit: float
    margin: float
    bar: float | None
    cheaper: Flags

    def place(self, strategy: str | None) -> int:
        return NOTHING if strategy is None else self.ids.index(strategy)


def terms_of(
    candidates: Sequence[Candidate],
    floor: Floor,
    needs: Needs,
    doubts: Mapping[str, float] | None = None,
) -> Terms:
    """What the candidates' cost and speed mean for the rule; `doubts` are factors within which
    the expected cost of each may be off."""
    order = sorted(range(len(candidates)), key=lambda at: price_key(candidates[at].result, needs))
    rank = np.empty(len(candidates), dtype=np.intp)
    rank[order] = np.arange(len(candidates))
    return Terms(
        ids=tuple(c.id for c in candidates),
        rank=rank,
        shortfall=np.array([shortfall_of(c) for c in candidates], dtype=np.intp),
        tuned=np.array([is_tuned(c.result) for c in candidates], dtype=bool),
        trivial=np.array([c.id in floor.trivial for c in candidates], dtype=bool),
        limit=floor.limit,
        margin=needs.practical_margin,
        bar=needs.quality_at_least,
        cheaper=cheaper(candidates, doubts or {}),
    )


def cheaper(candidates: Sequence[Candidate], doubts: Mapping[str, float]) -> Flags:
    """Whether the first of two costs less, were its cost as much too low as it may be off."""
    bills = [c.result.cost.horizon_usd if c.result.cost else None for c in candidates]
    low = np.array([np.nan if bill is None else bill for bill in bills], dtype=float)
    high = low * np.array([doubts.get(c.id, 1.0) for c in candidates])
    return np.asarray(high[:, None] < low[None, :])  # never true of what is not a number


def shortfall_of(candidate: Candidate) -> int:
    """How far it falls short of the needs that are not quality, and of answering at all."""
    standings = [j.standing for j in candidate.judgements if j.need != "quality_at_least"]
    missed = UNCERTAIN * standings.count("missed") + standings.count("uncertain")
    return missed if candidate.reliable else UNRELIABLE + missed


def shortfalls(worlds: Floats, terms: Terms) -> Indices:
    """Worlds × strategies: how far each falls short of all needs."""
    found = np.broadcast_to(terms.shortfall, worlds.shape)
    if terms.bar is None:
        return found
    return np.asarray(found + UNCERTAIN * (worlds < terms.bar), dtype=np.intp)


def floors(worlds: Floats, terms: Terms) -> Floats:
    """What takes no thought to reach, in each world."""
    floor = np.full(len(worlds), terms.limit)
    if terms.trivial.any():
        floor = np.maximum(floor, worlds[:, terms.trivial].max(axis=1))
    return floor


def picks(worlds: Floats, terms: Terms) -> Indices:
    """The place of the strategy that the rule picks in each world (worlds × strategies, 0 to 1).

    Clear of the floor, with the least shortfall of those, and the cheapest that none of these
    beats by more than the margin.
    """
    clear = (worlds > floors(worlds, terms)[:, None]) & ~terms.trivial
    short = np.where(clear, shortfalls(worlds, terms), np.iinfo(np.intp).max)
    pool = clear & (short == short.min(axis=1, keepdims=True))
    best = np.where(pool, worlds, -np.inf).max(axis=1, keepdims=True)
    undefeated = pool & (best - worlds <= terms.margin + HAIR)
    cost = np.where(undefeated, terms.rank, len(terms.rank))
    return np.where(clear.any(axis=1), cost.argmin(axis=1), NOTHING)


def tuned_right(worlds: Floats, terms: Terms, picked: Indices) -> Flags:
    """In which worlds the rule picks a tuned strategy, as the needs stand (`picked`) or were those
    met that nobody knows of tuned ones."""
    met = np.where(terms.tuned, terms.shortfall // UNCERTAIN * UNCERTAIN, terms.shortfall)
    found = is_tuned_at(picked, terms)
    if (met != terms.shortfall).any():
        found |= is_tuned_at(picks(worlds, replace(terms, shortfall=met)), terms)
    return found


def is_tuned_at(places: Indices, terms: Terms) -> Flags:
    return np.asarray(terms.tuned[np.maximum(places, 0)] & (places != NOTHING))


def losses(worlds: Floats, terms: Terms, picked: Indices | None = None) -> Floats:
    """What each choice loses in each world, 0 to 1: worlds × (strategies and, last, none of them).

    The quality of the strategy that the rule picks there, less its own (or, for none, what is
    free), where that is more. What is done in vain loses the practical margin besides: a tuned
    strategy where the rule picks one without tuning, any strategy where it picks none. So much
    better it would have had to be to be worth it. One that falls further short of the needs than
    the picked one, however good, loses no less than choosing none does: it cannot serve.
    """
    picked = picks(worlds, terms) if picked is None else picked
    there = np.maximum(picked, 0)
    best = np.take_along_axis(worlds, there[:, None], axis=1)
    in_vain = terms.tuned & ~terms.tuned[there][:, None]
    chosen = np.maximum(0.0, best - worlds + terms.margin * in_vain)
    none = np.maximum(0.0, best[:, 0] - floors(worlds, terms))
    short = shortfalls(worlds, terms)
    lacks = short > np.take_along_axis(short, there[:, None], axis=1)
    chosen = np.where(lacks, np.maximum(chosen, none[:, None]), chosen)
    nothing = picked == NOTHING
    chosen = np.where(nothing[:, None], terms.margin, chosen)
    return np.column_stack([chosen, np.where(nothing, 0.0, none)])


def regrets(worlds: Floats, terms: Terms, strategy: str | None) -> Floats:
    """What the strategy is worse by than the one that the rule picks, in each world, 0 to 1.

    Choosing none loses what the picked one has above what is free.
    """
    picked = picks(worlds, terms)
    best = worlds[np.arange(len(worlds)), np.maximum(picked, 0)]
    own = floors(worlds, terms) if strategy is None else worlds[:, terms.place(strategy)]
    return np.where(picked == NOTHING, 0.0, np.maximum(0.0, best - own))


def rights(worlds: Floats, terms: Terms, strategy: str | None, commits: bool) -> Flags:
    """In which worlds the decision is right: the strategy serves the needs as well as the one that
    the rule picks and is at most the margin worse, and tuning is not committed to in vain."""
    picked = picks(worlds, terms)
    if strategy is None:
        return np.asarray(picked == NOTHING)
    there = np.maximum(picked, 0)
    short = shortfalls(worlds, terms)
    serves = short[:, terms.place(strategy)] <= short[np.arange(len(worlds)), there]
    close = regrets(worlds, terms, strategy) <= terms.margin + HAIR
    right = (picked != NOTHING) & serves & close
    return np.asarray(right & terms.tuned[there]) if commits else np.asarray(right)
