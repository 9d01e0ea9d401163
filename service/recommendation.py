"""The recommendation: which strategy, how sure, and what would change it. Pure.

`confidence` is the chance that no strategy that may serve the needs as well is better by more than
the practical margin, judged against the strongest contender: the smallest P(gap <= margin) over
them, and never below the strategy's own `p_best`; where a race stopped rivals, never above the
chance that it was right. `expected_regret` is the quality expected to be lost by the choice,
0 to 1, again against the strongest contender: the largest E[max(0, gap)]. One that misses a
quality bar by its value alone contends: it may serve after all.
"""

from __future__ import annotations

from typing import Literal

from benchmarks.records import TaskFacts
from benchmarks.results import Summary
from corpora.task import Frozen, Needs
from service.choosing import Case, build_case
from service.commitment import Commit, commit
from service.reasons import reasons_for
from service.suitability import Candidate, is_tuned
from service.switches import SwitchPoint, switch_points
from service.turning import changes_for

Verdict = Literal[
    "keep",
    "prompting",
    "rag",
    "fine-tuning",
    "combined",
    "combined-untuned",
    "no-llm",
    "inconclusive",
]
VERDICT_OF: dict[str, Verdict] = {
    "prompting": "prompting",
    "rag": "rag",
    "fine-tuning": "fine-tuning",
    "combined": "combined",
    "baseline": "no-llm",
    "incumbent": "keep",
}
PROBABLY = 0.8
"""From this chance on that a rival of another kind is better, no verdict is given."""


class Recommendation(Frozen):
    """The answer of a comparison.

    `strategy`, `model`, `family` and `runner_up` are None where no approach solves the task;
    `model` is None, too, for a strategy without one. `examples_needed` counts further labelled
    test examples, beyond those at hand, that would settle what is open.
    """

    strategy: str | None
    model: str | None
    family: str | None
    verdict: Verdict
    confidence: float
    expected_regret: float | None
    runner_up: str | None
    commit_to_fine_tuning: Commit
    reasons: tuple[str, ...]
    would_change_if: tuple[str, ...]
    switch_points: tuple[SwitchPoint, ...]
    unmet_needs: tuple[str, ...]
    examples_needed: int | None


def recommend(summary: Summary, task: TaskFacts, needs: Needs) -> Recommendation:
    """Recommend one strategy, or say that none can be."""
    case = build_case(summary, task, needs)
    commitment = commit(case)
    first = case.pick.first if case.pick else None
    contender = likely_better(case)
    examples = commitment.examples or examples_against_rivals(case)
    points = switch_points(case)
    unmet = [j.text for j in first.judgements if j.standing == "missed"] if first else []
    return Recommendation(
        strategy=first.id if first else None,
        model=first.result.model if first else None,
        family=first.result.family if first else None,
        verdict=verdict_of(first, contender),
        confidence=confidence_in(case),
        expected_regret=regret_of(case),
        runner_up=case.runner_up.id if case.runner_up else None,
        commit_to_fine_tuning=commitment.answer,
        reasons=reasons_for(case, commitment, contender),
        would_change_if=changes_for(case, commitment, points, examples),
        switch_points=points,
        unmet_needs=tuple(unmet),
        examples_needed=examples,
    )


def verdict_of(first: Candidate | None, contender: Candidate | None) -> Verdict:
    if first is None or contender is not None:
        return "inconclusive"
    if first.result.family == "combined" and not is_tuned(first.result):
        return "combined-untuned"  # a cascade of strategies that train nothing
    return VERDICT_OF.get(first.result.family, "inconclusive")


def likely_better(case: Case) -> Candidate | None:
    """A rival of another kind that is probably, but not provably, better by the margin: with all
    pairs looked at at once, since it is the one of them that looks best."""
    if case.pick is None:
        return None
    first, margin = case.pick.first, case.needs.practical_margin
    others = [each for each in case.rivals if each.result.family != first.result.family]
    chances = {
        each.id: case.evidence.gap(each.id, first.id).chance_among_all(margin) for each in others
    }
    likeliest = max(others, key=lambda each: chances[each.id], default=None)
    return likeliest if likeliest and chances[likeliest.id] >= PROBABLY else None


def confidence_in(case: Case) -> float:
    """See the module. Where nothing is picked: the chance that nothing is above the floor."""
    if case.pick is None:
        best = case.best
        if best is None:
            return 0.0
        return 1 - case.above_floor(best).chance_among_all(0.0)
    first, margin = case.pick.first, case.needs.practical_margin
    gaps = [case.evidence.gap(contender.id, first.id) for contender in case.contenders]
    close = min((1 - gap.chance_above(margin) for gap in gaps), default=1.0)
    found = max(close, first.result.p_best or 0.0)
    race = case.summary.race
    return min(found, 1 - race.error) if race is not None and race.stopped else found


def examples_against_rivals(case: Case) -> int | None:
    """Further test rows that would settle it with the likeliest better rival; None if none is."""
    if case.pick is None:
        return None
    first, margin = case.pick.first, case.needs.practical_margin
    gaps = [case.evidence.gap(rival.id, first.id) for rival in case.rivals]
    open_gaps = [gap for gap in gaps if gap.chance_above(margin) > 0.5]
    if not open_gaps:
        return None
    return max(open_gaps, key=lambda gap: gap.chance_above(margin)).further_examples(margin)


def regret_of(case: Case) -> float | None:
    if case.pick is None:
        return None
    first = case.pick.first
    gaps = (case.evidence.gap(contender.id, first.id) for contender in case.contenders)
    return max((gap.expected_gain() for gap in gaps), default=0.0)
