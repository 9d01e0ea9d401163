"""What a further action costs and promises, and whether it is worth it. Pure.

The budget is what the user gives for an answer. So while there is none, an action within it is
worth it where it promises anything: that it takes away a share of the stake, or a chance that it
makes the answer sure enough. What takes as long as the comparison, which settles all of it, is
never worth it. Of several the best bargain comes first: the most for its share of the comparison's
time (or money, where that is the larger share).

Where nothing promises anything and there is still no answer, somebody has to decide by what is
believed of the strategies. So the rest of the budget is for a race of those that may be chosen:
what narrows their intervals most for its share.

Promises are told too low, which is why their size decides the order alone: they are those of one
step, or of a few of one kind, and what settles a decision is many steps of several kinds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from benchmarks.belief.belief import Belief
from benchmarks.evidence.finding import Action, Finding
from service.forecasting.mind import Mind
from service.forecasting.verdict import Judged
from service.forecasting.worth import promise

SHORTEST = 1e-6
"""No action has a smaller share of the comparison: what takes no time at all comes first."""
AHEAD_ROWS, AHEAD_SHARE = 4, 2.5
"""How far a chain is looked ahead: so many times as many rows, or as much training data."""
MOST_SHARE = 0.5
"""Of the training rows a pilot is thought to learn from, looking ahead."""
NARROWER = 0.01
"""Intervals that get narrower by a smaller part than this are not worth a look."""


@dataclass(frozen=True)
class Purse:
    """What may be spent, and what the comparison would cost: seconds and dollars. A second of the
    machine costs `usd_per_second`; `usd`, and `paid_usd` for tokens of hosted models alone, limit
    nothing where they are None."""

    seconds: float
    usd: float | None
    whole_seconds: float
    whole_usd: float
    usd_per_second: float
    paid_usd: float | None = None

    def money(self, seconds: float, tokens_usd: float) -> float:
        return seconds * self.usd_per_second + tokens_usd

    def share(self, seconds: float, tokens_usd: float) -> float:
        """Of the comparison's time or of its money, whichever is larger."""
        shares = [seconds / self.whole_seconds] if self.whole_seconds else []
        if self.whole_usd:
            shares.append(self.money(seconds, tokens_usd) / self.whole_usd)
        return max([SHORTEST, *shares])

    def covers(self, seconds: float, tokens_usd: float) -> bool:
        """Whether so much in all is within the budget."""
        if seconds > self.seconds or tokens_usd > (inf if self.paid_usd is None else self.paid_usd):
            return False
        return self.usd is None or self.money(seconds, tokens_usd) <= self.usd


@dataclass(frozen=True)
class Appraisal:
    """`gain` is by how much the action, or the chain of `ahead` that it begins, is expected to
    lower the stake, `call` the chance that it makes the answer sure enough, and `share` what
    it takes of the comparison's cost. `stake` is what there is to lower. `narrows` is the part by
    which the intervals of those that may be chosen are expected to get narrower."""

    action: Action
    gain: float
    call: float
    share: float
    stake: float
    narrows: float = 0.0
    ahead: Action | None = None

    @property
    def part(self) -> float:
        """Of the stake."""
        return self.gain / self.stake if self.stake > 0 else 0.0

    @property
    def rate(self) -> float:
        return (self.part + self.call) / self.share

    @property
    def is_worth_it(self) -> bool:
        return self.rate > 0 and self.share < 1

    @property
    def is_telling(self) -> bool:
        """Whether it is worth it for what it tells of those that may be chosen alone."""
        return self.narrows >= NARROWER and self.share < 1

    @property
    def order(self) -> tuple[bool, bool, float]:
        """The highest comes first."""
        rate = self.rate if self.is_worth_it else self.narrows / self.share
        return self.is_worth_it, self.is_worth_it or self.is_telling, rate


def appraise(
    action: Action,
    mind: Mind,
    findings: Sequence[Finding],
    now: Belief,
    judged: Judged,
    purse: Purse,
    *,
    confidence: float,
    rows: int,
    spent: tuple[float, float],
    seed: int,
) -> Appraisal:
    """The best of the action alone and of the chains that it begins.

    One step of a chain may promise nothing where several would turn the choice (the value of
    information is not concave), so that looking at single steps alone stops too early. `rows` are
    all that can be answered; a chain that the purse does not cover, after the seconds and dollars
    of tokens `spent`, is not looked at.
    """

    # where none is ever picked, because none is above the floor, those that may be best
    chances = judged.chosen if any(judged.chosen.values()) else judged.best

    def appraised(one: Action, ahead: Action | None) -> Appraisal:
        then = mind.foreseen(findings, one)
        found = promise(now, then, judged.terms, confidence=confidence, seed=seed)
        call = 0.0 if judged.is_settled(confidence) else found.call
        share = purse.share(one.seconds, one.usd)
        narrows = narrowing(now, then, chances)
        return Appraisal(action, found.gain, call, share, judged.stake, narrows, ahead)

    seconds, tokens = spent
    chains = [
        appraised(ahead, ahead)
        for ahead in looked_ahead(action, findings, rows)
        if purse.covers(seconds + ahead.seconds, tokens + ahead.usd)
    ]
    return max([appraised(action, None), *chains], key=lambda one: one.order)


def narrowing(now: Belief, then: Belief, chances: Mapping[str, float]) -> float:
    """By which part the intervals get narrower, each weighed by a chance."""
    weights = np.array([chances.get(name, 0.0) for name in now.ids])
    before = float(weights @ now.widths)
    return max(0.0, 1 - float(weights @ then.widths) / before) if before > 0 else 0.0


def looked_ahead(action: Action, findings: Sequence[Finding], rows: int) -> list[Action]:
    """Some steps further along the chain, at the cost of a row or share as in its next step. A
    pilot is looked at up to MOST_SHARE: what little of it says is nearly nothing."""
    before = [one.action for one in findings if one.action.chain == action.chain]
    if action.deed == "rows":
        done = max((one.rows for one in before), default=0)
        more = min(AHEAD_ROWS * action.rows, rows)
        growth = (more - done) / max(1, action.rows - done)
        return [further(action, growth, {"rows": more})] if growth > 1 else []
    if action.deed != "pilot":
        return []
    learned = max((one.share for one in before), default=0.0)
    found, share = [], action.share
    while share < MOST_SHARE:
        share = min(AHEAD_SHARE * share, MOST_SHARE)
        growth = (share - learned) / max(SHORTEST, action.share - learned)
        found.append(further(action, growth, {"share": share}))
    return found


def further(action: Action, growth: float, update: dict[str, float]) -> Action:
    costs = {"seconds": growth * action.seconds, "usd": growth * action.usd}
    return action.model_copy(update={**update, **costs})
