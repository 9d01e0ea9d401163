"""What would turn the recommendation, in short sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor
from typing import Any

from benchmarks.results import StrategyResult
from service import wording
from service.choosing import Case
from service.commitment import Commitment
from service.keeping import proof_of_saving
from service.stopped import stopped
from service.switches import SwitchPoint
from service.tries import ended_by_time, settings_tried


def changes_for(
    case: Case, commitment: Commitment, points: Sequence[SwitchPoint], examples: int | None
) -> tuple[str, ...]:
    """What would turn the answer, concretely."""
    found = [switch_text(point) for point in points]
    if examples is not None:
        what = "whether to fine-tune" if case.pick and commitment.examples else "it"
        found.append(f"{wording.count(examples)} more labelled test examples could settle {what}.")
    found += still_learning(case)
    found += still_searching(case)
    if case.pick is None:
        free = wording.score(case.floor.value)
        found.append(f"A model whose whole interval lies above {free} on this task.")
        return tuple(found)
    bar, first = case.needs.quality_at_least, case.pick.first
    found += proof_of_saving(case, first)
    for judgement in first.judgements:
        if judgement.standing == "missed" and judgement.need == "quality_at_least" and bar:
            low = floor(100 * first.quality.low) / 100
            found.append(
                f"A quality bar of {low:.2f} or less, or a model whose whole interval reaches"
                f" {bar:g}."
            )
    if points and stopped(case):
        found.append("What the race stopped is weighed in none of this.")
    return tuple(found)


def still_learning(case: Case) -> list[str]:
    """Tuned strategies whose last epoch was their best by more than the margin.

    Their figures are those of a training that ended early, which no interval shows.
    """
    found = []
    for c in case.candidates:
        before, last = last_gain(c.result)
        if last - before > case.needs.practical_margin:
            gained = f"{wording.score(before)} to {wording.score(last)}"
            found.append(
                f"More epochs: {c.id} was still gaining when its training ended (validation"
                f" {gained} in the last one), so it may score higher than measured here."
            )
    return found


def last_gain(result: StrategyResult) -> tuple[float, float]:
    """The best validation score before the last epoch, and that of the last one; equal where
    there is nothing to compare."""
    curve = (result.training or {}).get("curve", ())
    scores = [epoch["validation_score"] for epoch in curve if "validation_score" in epoch]
    return (max(scores[:-1]), scores[-1]) if len(scores) > 1 else (0.0, 0.0)


def still_searching(case: Case) -> list[str]:
    """Searches that their budget ended."""
    found = []
    for c in case.candidates:
        budget, rows = c.result.search_budget, (c.result.training or {}).get("search", ())
        tries = settings_tried(rows)
        if budget is None or not tries or nothing_left(tries):
            continue
        if len(tries) >= budget.trials:
            found.append(
                f"More settings to try: {c.id} tried all {budget.trials} that its budget allows,"
                " so a better one may be left."
            )
        elif ended_by_time(rows, budget.seconds):
            found.append(
                f"More time to search: the {wording.duration(budget.seconds)} of {c.id} ended at"
                f" {len(tries)} of {budget.trials} settings, so a better one may be left."
            )
    return found


def nothing_left(tries: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a try has every validation row right, so that none could be told to be better."""
    return any(row.get("validation_score", 0.0) >= 1 for row in tries)


def switch_text(point: SwitchPoint) -> str:
    """A switch point as a sentence."""
    if point.what == "requests_per_month":
        side = "Above" if point.beyond == "above" else "Below"
        return f"{side} {wording.count(point.at)} requests a month, {point.to} costs less."
    if point.what == "quality_at_least":
        return f"If quality must be above {wording.score(point.at)} for certain: {point.to}."
    if point.what == "latency_p95_ms":
        limit = wording.milliseconds(point.at)
        return f"If 95% of answers must come in less than {limit}: {point.to}."
    if point.what == "cost_per_1k_requests":
        return f"If 1,000 requests must cost less than {wording.dollars(point.at)}: {point.to}."
    if point.what == "n_train":
        at = wording.count(point.at)
        return f"From about {at} training examples on, if all others score as now: {point.to}."
    gain = wording.many_points(point.at)
    if point.beyond == "below":
        return f"If a difference of {gain} matters to you: {point.to}."
    return f"If a difference of {gain} does not matter to you: {point.to}."
