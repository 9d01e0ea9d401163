"""Who can no longer win a race: what the rule prefers, held against bounds of any time. Pure.

The rule picks the cheapest strategy that none beats by more than the practical margin, of those
that serve the needs. So one that is worse than another by more than the margin will not be picked,
nor one that is dearer than another and no better; and neither changes what becomes of the rest.
Nothing else is a reason to stop: a cheap strategy that is a little worse than a dear one may be
the one to pick. Bounds are those of `benchmarks.anytime`, so it may be looked after any row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

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
FOR_ANCHORS = 0.2
"""The part of that chance for claims that make a strategy an anchor (`Contest.anchors`)."""
HAIR = 1e-9
"""Bounds are compared with limits up to this rounding error."""
FREE = "baseline"
"""The family that answers at next to no cost: all rows at once, and never stopped. What takes no
thought is in it, which everybody is held against."""


def level_of(judges: int) -> float:
    """The chance allowed to one claim about one pair.

    Wrongly stopped strategies matter where they are the right pick, or the best one of all, whose
    loss might let another one through. Each of these two meets every judge once, and of the false
    claims about a pair the weakest one is made whenever any is. So 2 × judges chances add up to
    what can go wrong, however many strategies there are. A part is kept for anchors.
    """
    return (1 - FOR_ANCHORS) * ERROR / (2 * max(1, judges))


def anchor_level(level: float, entrants: int) -> float:
    """The chance allowed to one claim that makes an anchor: for every judge one about each other
    strategy and one about what chance gets."""
    return level * 2 * FOR_ANCHORS / (1 - FOR_ANCHORS) / (entrants + 1)


@dataclass(frozen=True)
class Racer:
    """A strategy in the race. `result` holds its costs and speed as far as they are known, `scores`
    those of the rows that it answered, in their order: None for an error.

    `tries`: others may be stopped because of it, which is one of so many settings that were tried
    on these very rows. It looks better on them than it is, so each of its claims is held to the
    chance of all of them. 0: it may not judge, as settings were tried that the rows led to; such
    a one can only lose here. `stoppable`: it may be stopped itself.
    """

    result: StrategyResult
    scores: tuple[float | None, ...] = ()
    tries: int = 1
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

    `entrants` counts all that ever were in it, `limit` is what chance gets. `today`: what runs
    today is compared as well.
    """

    racers: tuple[Racer, ...]
    groups: tuple[str | None, ...]
    needs: Needs
    level: float
    entrants: int
    limit: float
    today: bool = False

    @cached_property
    def clusters(self) -> Counter[int]:
        """Rows of each draw."""
        return Counter(cluster_keys(self.groups))

    @property
    def largest(self) -> int:
        return max(self.clusters.values(), default=1)

    def racer(self, name: str) -> Racer | None:
        return next((racer for racer in self.racers if racer.id == name), None)

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
            level, against = self.level_for(judge), self.between(judge, racer)
            if allowed is None or not shows_above(against, -allowed, level):
                continue
            ahead = against.turned
            at_most = upper_bound(ahead, level)
            ground = ground_of(at_most, self.needs.practical_margin)
            n = int(against.sizes.sum())
            found.append(Stop(racer.id, judge.id, ground, ahead.mean, at_most, n))
        return min(found, key=lambda stop: stop.at_most, default=None)

    def judges_of(self, racer: Racer) -> Iterator[Racer]:
        return (each for each in self.racers if each.tries and each.id != racer.id)

    def level_for(self, judge: Racer) -> float:
        return self.level / judge.tries

    def allowed(self, judge: Racer, racer: Racer) -> float | None:
        """How much better than the judge, at most, a racer has to be shown for it to be stopped;
        None where nothing can be shown that would do."""
        if not serves_as_well(judge.result, racer.result, self.needs):
            return None
        if not is_cheaper(judge.result, racer.result, self.needs):
            return -self.needs.practical_margin
        return self.needs.practical_margin if judge.id in self.anchors else 0.0

    @cached_property
    def anchors(self) -> frozenset[str]:
        """Judges over which a gain of up to the margin is known to matter for nothing else.

        It might: for a stated quality, against what runs today, for being clear of what is free,
        and because without it a still cheaper strategy may be no more than the margin behind the
        best.
        """
        if self.needs.quality_at_least is not None or self.today:
            return frozenset()
        able = [one for one in self.racers if one.tries and one.result.name not in TRIVIAL]
        return frozenset(one.id for one in able if self.is_anchor(one))

    def is_anchor(self, one: Racer) -> bool:
        level = anchor_level(self.level_for(one), self.entrants)
        others = (other for other in self.racers if other.id != one.id)
        return shows_above(self.over_limit(one), 0.0, level) and all(
            self.leaves_behind(one, other, level) for other in others
        )

    def leaves_behind(self, one: Racer, other: Racer, level: float) -> bool:
        """Whether it is cheaper, or clearly better."""
        if other.result.name in TRIVIAL:
            return shows_above(self.between(one, other), 0.0, level)
        if is_cheaper(one.result, other.result, self.needs):
            return True
        return shows_above(self.between(one, other), self.needs.practical_margin, level)

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
        foreseen = self.foreseen(self.between(judge, racer))
        return shows_above(foreseen, -allowed, self.level_for(judge))

    def foreseen(self, so_far: Drawn) -> Drawn:
        """As many draws as there will be, like those so far, with one row of disagreement more."""
        sums, sizes = so_far.sums, so_far.sizes
        off = sums - so_far.mean * sizes
        error = float(np.sqrt((off**2).sum() + 1) / max(1.0, sizes.sum()))
        hoped = np.clip(sums + error * sizes, -sizes, sizes)
        draws = max(len(sums), len(self.clusters))
        return Drawn(np.resize(hoped, draws), np.resize(sizes, draws), so_far.largest)

    def between(self, one: Racer, other: Racer) -> Drawn:
        """`one` minus `other` on the whole groups that both answered. An error of `one` counts as
        wrong and one of the other as right: nobody is stopped for failing on a row."""
        rows = whole_groups(self.groups, min(len(one.scores), len(other.scores)))
        scores = [
            (0.0 if a is None else a) - (1.0 if b is None else b)
            for a, b in zip(one.scores[:rows], other.scores[:rows], strict=True)
        ]
        return drawn(np.array(scores), self.groups[:rows], self.largest)

    def over_limit(self, one: Racer) -> Drawn:
        """Its scores less what chance gets."""
        rows = whole_groups(self.groups, len(one.scores))
        scores = [(0.0 if each is None else each) - self.limit for each in one.scores[:rows]]
        return drawn(np.array(scores), self.groups[:rows], self.largest)


def ground_of(at_most: float, margin: float) -> Ground:
    """The strongest that a bound bears out."""
    if at_most <= HAIR - margin:
        return "beaten"
    return "no better" if at_most <= HAIR else "not worth"


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


def points(difference: float) -> str:
    """In points of a hundred: `+3.0`, `−0.7`, `0.0`."""
    value = round(100 * difference, 1)
    return f"{'+' if value > 0 else '−' if value < 0 else ''}{abs(value):.1f}"
