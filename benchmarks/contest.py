"""Who can no longer win: the rule's own preferences held against bounds that hold at any time. Pure.

The rule picks the cheapest strategy that none beats by more than the practical margin, of those
that serve the needs. So one that is worse than another by more than the margin will not be picked,
nor one that is dearer than another and no better; and neither changes what becomes of the rest.
Nothing else is a reason to stop: a cheap strategy that is a little worse than a dear one may be
the one to pick. Bounds are those of `benchmarks.anytime`, so it may be looked after any row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.anytime import Drawn, drawn, shows_above, upper_bound
from benchmarks.choice import TRIVIAL, is_cheaper, serves_as_well
from benchmarks.race_records import Ground
from benchmarks.resampling import cluster_keys
from benchmarks.results import StrategyResult
from corpora.task import Needs

ERROR = 0.05
"""The chance, at most, that a race stops the strategy which the rule would pick if it knew all."""
FIRST_ROWS = 16
"""Rows of the first look; each further look comes after twice as many."""
FREE = "baseline"
"""The family that answers at next to no cost: all rows at once, and never stopped. What takes no
thought is in it, which everybody is held against."""


def level_of(judges: int) -> float:
    """The chance allowed to one claim about one pair.

    Wrongly stopped strategies matter where they are the right pick, or the best one of all, whose
    loss might let another one through. Each of these two meets every judge once, and of the claims
    about a pair that are false the weakest one is made whenever any is. So 2 × judges chances add
    up to all that can go wrong, however many strategies there are.
    """
    return ERROR / (2 * max(1, judges))


@dataclass(frozen=True)
class Racer:
    """A strategy in the race. `result` holds its costs and speed as far as they are known, `scores`
    those of the rows that it answered, in their order: None for an error.

    `judges`: others may be stopped because of it. Not so one that chose settings on these very
    rows, on which it looks better than it is: it can only lose here. `stoppable`: it may be.
    """

    result: StrategyResult
    scores: tuple[float | None, ...] = ()
    judges: bool = True
    stoppable: bool = True

    @property
    def id(self) -> str:
        return self.result.id


@dataclass(frozen=True)
class Stop:
    """Why a strategy is out; see `EliminationRecord`."""

    strategy: str
    by: str
    ground: Ground
    difference: float
    at_most: float
    n: int

    @property
    def reason(self) -> str:
        told = f"{points(self.difference)} points against {self.by} on {self.n} validation examples"
        return f"{told}, at most {points(self.at_most)}: {WORDS[self.ground]}"


WORDS: dict[Ground, str] = {
    "beaten": "worse by more than the practical margin",
    "no better": "no better, and dearer",
    "not worth": "not better by more than the practical margin, and dearer",
}


@dataclass(frozen=True)
class Contest:
    """A look at the race: those still in it, from cheap to dear, and the `groups` of all rows.

    `limit` is what chance gets. `today`: what runs today is compared as well.
    """

    racers: tuple[Racer, ...]
    groups: tuple[str | None, ...]
    needs: Needs
    level: float
    limit: float
    today: bool = False

    def stops(self) -> list[Stop]:
        """All that can no longer win, the dearest first; nobody is stopped because of one that
        is stopped itself."""
        left, found = self, []
        for racer in reversed(self.racers):
            stop = left.stop_of(racer) if racer.stoppable else None
            if stop is not None:
                found.append(stop)
                others = tuple(other for other in left.racers if other.id != racer.id)
                left = replace(left, racers=others)
        return found

    def stop_of(self, racer: Racer) -> Stop | None:
        """The strongest evidence against one."""
        found = []
        for judge in self.judges_of(racer):
            allowed = self.allowed(judge, racer)
            against = self.between(judge, racer)
            if allowed is None or not shows_above(against, -allowed, self.level):
                continue
            ahead = against.turned
            at_most = upper_bound(ahead, self.level)
            ground = ground_of(at_most, self.needs.practical_margin)
            n = int(against.sizes.sum())
            found.append(Stop(racer.id, judge.id, ground, ahead.mean, at_most, n))
        return min(found, key=lambda stop: stop.at_most, default=None)

    def judges_of(self, racer: Racer) -> Iterator[Racer]:
        return (each for each in self.racers if each.judges and each.id != racer.id)

    def allowed(self, judge: Racer, racer: Racer) -> float | None:
        """How much better than the judge, at most, a racer has to be shown for it to be stopped;
        None where nothing can be shown that would do."""
        if not serves_as_well(judge.result, racer.result, self.needs):
            return None
        if not is_cheaper(judge.result, racer.result, self.needs):
            return -self.needs.practical_margin
        return self.needs.practical_margin if self.is_anchor(judge) else 0.0

    def is_anchor(self, judge: Racer) -> bool:
        """Whether a gain of up to the margin over it is known to matter for nothing else.

        It might: for a stated quality, against what runs today, for being clear of what is free,
        and because without that gain a still cheaper one may be no more than the margin behind
        the best.
        """
        if self.needs.quality_at_least is not None or self.today:
            return False
        above = Drawn(*self.own(judge, self.limit))
        if not shows_above(above, 0.0, self.level):
            return False
        return all(self.leaves_behind(judge, other) for other in self.racers if other != judge)

    def leaves_behind(self, judge: Racer, other: Racer) -> bool:
        """Whether it beats another one clearly enough for an anchor, or is cheaper."""
        if other.result.name in TRIVIAL:
            return shows_above(self.between(judge, other), 0.0, self.level)
        if is_cheaper(judge.result, other.result, self.needs):
            return True
        margin = self.needs.practical_margin
        return shows_above(self.between(judge, other), margin, self.level)

    def wants(self) -> dict[str, int]:
        """How many rows whom is to have answered for the next look; empty where no further look
        could show anything."""
        found: dict[str, int] = {}
        for racer in self.racers:
            for judge in self.judges_of(racer) if racer.stoppable else ():
                seen = min(len(racer.scores), len(judge.scores))
                if not self.may_show(judge, racer, seen):
                    continue
                goal = next_look(seen, len(self.groups))
                for one in (racer, judge):
                    rows = len(self.groups) if one.result.family == FREE else goal
                    if len(one.scores) < goal:
                        found[one.id] = max(found.get(one.id, 0), rows)
        return found

    def may_show(self, judge: Racer, racer: Racer, seen: int) -> bool:
        """Whether the rows that are left could stop the racer, if they went as those so far went,
        or better for that by one standard error."""
        if seen == 0:
            return bool(self.groups)
        allowed = self.allowed(judge, racer)
        if allowed is None or seen >= len(self.groups):
            return False
        return shows_above(self.foreseen(self.between(judge, racer)), -allowed, self.level)

    def foreseen(self, so_far: Drawn) -> Drawn:
        """As many draws as there will be, like those so far, with one row of disagreement more."""
        sums, sizes = so_far.sums, so_far.sizes
        off = sums - so_far.mean * sizes
        error = float(np.sqrt((off**2).sum() + 1) / max(1.0, sizes.sum()))
        hoped = np.clip(sums + error * sizes, -sizes, sizes)
        draws = max(len(sums), len(set(cluster_keys(self.groups))))
        return Drawn(np.resize(hoped, draws), np.resize(sizes, draws), so_far.largest)

    def between(self, one: Racer, other: Racer) -> Drawn:
        """`one` minus `other` on the whole groups that both answered. An error of `one` counts as
        wrong and one of the other as right: nobody is stopped for failing on a row."""
        rows = whole_groups(self.groups, min(len(one.scores), len(other.scores)))
        scores = [
            (0.0 if a is None else a) - (1.0 if b is None else b)
            for a, b in zip(one.scores[:rows], other.scores[:rows], strict=True)
        ]
        return drawn(np.array(scores), self.groups[:rows], largest_of(self.groups))

    def own(self, one: Racer, limit: float) -> tuple[np.ndarray, np.ndarray, float]:
        """Its scores less a limit, by draw."""
        rows = whole_groups(self.groups, len(one.scores))
        scores = np.array([(0.0 if each is None else each) - limit for each in one.scores[:rows]])
        found = drawn(scores, self.groups[:rows], largest_of(self.groups))
        return found.sums, found.sizes, found.largest


def ground_of(at_most: float, margin: float) -> Ground:
    """The strongest that a bound bears out."""
    if at_most < -margin:
        return "beaten"
    return "no better" if at_most <= 0 else "not worth"


def next_look(seen: int, rows: int) -> int:
    """16, 32, 64, ... rows, and all of them in the end."""
    goal = FIRST_ROWS
    while goal <= seen:
        goal *= 2
    return min(goal, rows)


def whole_groups(groups: Sequence[str | None], rows: int) -> int:
    """How many of the first rows belong to groups of which all are among them; rows of a group
    stand together."""
    while 0 < rows < len(groups) and groups[rows] is not None and groups[rows] == groups[rows - 1]:
        rows -= 1
    return rows


def largest_of(groups: Sequence[str | None]) -> int:
    """The rows of the largest group."""
    keys = cluster_keys(groups)
    return max((keys.count(key) for key in set(keys)), default=1)


def points(difference: float) -> str:
    """In points of a hundred: `+3.0`, `−0.7`, `0.0`."""
    value = round(100 * difference, 1)
    return f"{'+' if value > 0 else '−' if value < 0 else ''}{abs(value):.1f}"
