"""What would turn the recommendation, in short sentences."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.results import StrategyResult
from service import wording
from service.choosing import Case
from service.commitment import Commitment
from service.keeping import proof_of_saving
from service.stopped import stopped
from service.suitability import is_tuned
from service.switches import SwitchPoint
from service.tries import ended_by_time, settings_tried


def changes_for(
    case: Case, commitment: Commitment, points: Sequence[SwitchPoint], examples: int | None
) -> tuple[str, ...]:
    """What would turn the answer, concretely."""
    found = [switch_text(point) for point in points]
    if examples is not None:
        found.append(f"{wording.count(examples)} more labelled test examples could settle it.")
    found += still_learning(case)
    found += still_searching(case)
    if case.pick is None:
        floor = wording.score(case.floor.value)
        found.append(f"A model whose whole interval lies above {floor} on this task.")
        return tuple(found)
    bar, first = case.needs.quality_at_least, case.pick.first
    found += proof_of_saving(case, first)
    for judgement in first.judgements:
        if judgement.standing == "missed" and judgement.need == "quality_at_least" and bar:
            top = wording.score(first.quality.value)
            found.append(f"A quality bar of {top} or less, or a model that reaches {bar:g}.")
    if commitment.answer == "no" and not is_tuned(first.result):
        gain = wording.many_points(case.needs.practical_margin)
        found.append(f"A tuned strategy that measures more than {gain} above {first.id}.")
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
        if budget is None or not tries:
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
