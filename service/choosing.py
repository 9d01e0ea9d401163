"""The rule: needs first, then the cheapest strategy that no other one beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from benchmarks.choice import SIMPLICITY as SIMPLICITY
from benchmarks.choice import price_key as price_key
from benchmarks.records import TaskFacts
from benchmarks.results import StrategyResult, Summary
from corpora.task import Needs
from service.changing import is_incumbent
from service.evidence import Evidence, Gap, evidence_of
from service.suitability import Candidate, Floor, candidates_of, floor_of

WORTH_CHANGING = 0.1
"""The share of today's cost that changing must save: it takes work that no figure here holds."""


@dataclass(frozen=True)
class Pick:
    """What the rule picks. `beaten` says for each strategy that is out which one beats it most."""

    first: Candidate
    undefeated: tuple[Candidate, ...]
    beaten: dict[str, tuple[str, Gap]]


@dataclass(frozen=True)
class Case:
    """Everything a recommendation argues from. `pick` is None where nothing can be picked."""

    summary: Summary
    task: TaskFacts
    needs: Needs
    evidence: Evidence
    floor: Floor
    candidates: tuple[Candidate, ...]
    pick: Pick | None
    runner_up: Candidate | None

    @property
    def best(self) -> Candidate | None:
        """The highest measured quality, whatever it costs."""
        return max(self.candidates, key=lambda c: c.quality.value, default=None)

    @property
    def rivals(self) -> tuple[Candidate, ...]:
        """The strategies that serve the needs at least as well as the picked one."""
        if self.pick is None:
            return ()
        first = self.pick.first
        return tuple(
            c
            for c in self.candidates
            if c.id != first.id
            and (c.reliable or not first.reliable)
            and c.shortfall[0] <= first.shortfall[0]
        )

    @property
    def contenders(self) -> tuple[Candidate, ...]:
        """The rivals, and who may yet be one: what it misses is a quality bar that its interval
        holds."""
        if self.pick is None:
            return ()
        rivals, first = self.rivals, self.pick.first
        return tuple(
            c
            for c in self.candidates
            if c in rivals or (c.id != first.id and c.reliable and not c.ruled_out)
        )

    def above_floor(self, best: Candidate) -> Gap:
        """How far it is above what is free, by the comparison that leaves this most in doubt."""
        if best.id in self.floor.trivial:
            return self.evidence.over(best.id, self.floor.value)
        gaps = [self.evidence.gap(best.id, other) for other in self.floor.trivial]
        gaps.append(self.evidence.over(best.id, self.floor.limit))
        return min(gaps, key=lambda gap: gap.chance_among_all(0.0))


def build_case(summary: Summary, task: TaskFacts, needs: Needs) -> Case:
    """Judge every strategy, pick one, and pick again without it for the runner-up."""
    evidence = evidence_of(summary)
    floor = floor_of(summary.strategies, task)
    candidates = candidates_of(summary.strategies, floor, evidence, needs)
    return case_of(summary, task, needs, evidence, floor, candidates)


def case_of(
    summary: Summary,
    task: TaskFacts,
    needs: Needs,
    evidence: Evidence,
    floor: Floor,
    candidates: tuple[Candidate, ...],
) -> Case:
    """The same of candidates that are judged already, by whatever evidence."""
    pick = pick_one(candidates, evidence, needs)
    others = [c for c in candidates if pick is not None and c.id != pick.first.id]
    second = pick_one(others, evidence, needs)
    return Case(
        summary=summary,
        task=task,
        needs=needs,
        evidence=evidence,
        floor=floor,
        candidates=candidates,
        pick=pick,
        runner_up=second.first if second else None,
    )


def pick_one(candidates: Sequence[Candidate], evidence: Evidence, needs: Needs) -> Pick | None:
    """The rule itself; None where no strategy is clear of the trivial floor.

    Strategies with too many errors are left out while another one serves; those that miss the
    fewest needs, then are uncertain about the fewest, compete. One is beaten by another of them
    that is better by more than the practical margin with an interval above 0. The cheapest of
    the unbeaten is picked; where what runs today is among them it stays, unless another one is
    known to save money without being worse.
    """
    serving = [c for c in candidates if c.clear]
    serving = [c for c in serving if c.reliable] or serving
    if not serving:
        return None
    least = min(c.shortfall for c in serving)
    pool = [c for c in serving if c.shortfall == least]
    beaten: dict[str, tuple[str, Gap]] = {}
    for loser in pool:
        others = [other.id for other in pool if other.id != loser.id]
        gaps = [(other, evidence.gap(other, loser.id)) for other in others]
        winners = [pair for pair in gaps if pair[1].shows_more_than(needs.practical_margin)]
        if winners:
            beaten[loser.id] = max(winners, key=lambda pair: pair[1].difference)
    undefeated = [c for c in pool if c.id not in beaten]
    # errors can make the rows of pairs differ, and then three strategies can beat each other
    undefeated = undefeated or [max(pool, key=lambda c: c.quality.value)]
    undefeated = in_order(undefeated, needs)
    today = next((c for c in undefeated if is_incumbent(c.result)), None)
    if today is None:
        return Pick(undefeated[0], tuple(undefeated), beaten)
    savers = [c for c in undefeated if saves(c, today, needs)]
    savers = [c for c in savers if is_no_worse(c, today, evidence, needs)]
    return Pick(savers[0] if savers else today, tuple(undefeated), beaten)


def in_order(candidates: Sequence[Candidate], needs: Needs) -> list[Candidate]:
    """Cheapest first. Where the first has twins, what their requests cost differs by the noise of
    timing alone, so the twin that is cheapest to set up takes its place."""
    found = sorted(candidates, key=lambda c: price_key(c.result, needs))
    twins = [c for c in found if c is found[0] or are_twins(c.result, found[0].result)]
    best = min(twins, key=lambda c: c.result.cost.setup_usd if c.result.cost else inf)
    return [best, *(c for c in found if c is not best)]


def are_twins(one: StrategyResult, other: StrategyResult) -> bool:
    """Whether both read and write as many tokens with one model and score alike, as a search that
    kept the default and the default itself do."""
    if not one.quality or not other.quality or not one.tokens or one.model is None:
        return False
    alike = (one.family, one.model, one.tokens, one.quality.value, one.quality.n)
    return alike == (other.family, other.model, other.tokens, other.quality.value, other.quality.n)


def saves(one: Candidate, today: Candidate, needs: Needs) -> bool:
    """Whether it costs less over the horizon than what runs today, by a share worth the work.

    False where no volume is stated, or not what a request costs today: unknown is not dear.
    """
    horizon, current = (c.result.cost.horizon_usd if c.result.cost else None for c in (one, today))
    if horizon is None or current is None or needs.requests_per_month is None:
        return False
    return horizon <= (1 - WORTH_CHANGING) * current and horizon < current


def is_no_worse(one: Candidate, today: Candidate, evidence: Evidence, needs: Needs) -> bool:
    """Shown to lose no more than the practical margin, by the whole interval."""
    return evidence.gap(one.id, today.id).low >= -needs.practical_margin
