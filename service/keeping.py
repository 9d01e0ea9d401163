"""Why to keep what runs today, or to change it, in short sentences."""

from __future__ import annotations

from service import wording
from service.changing import change_text, incumbent_in, is_incumbent
from service.choosing import Case, saves
from service.suitability import Candidate


def until_then(first: Candidate) -> str:
    """What the picked strategy is while a rival is probably better."""
    if is_incumbent(first.result):
        return "stays, since nothing is proven to beat it"
    return "is the cheapest that nothing beats"


def changing(case: Case) -> list[str]:
    """What changing from what runs today would bring, and why the answer is to do so or not.

    The change is the one to the picked strategy; away from what is kept, the one to the runner-up;
    and where nothing is picked, the one to the best of the others.
    """
    today = incumbent_in(case.summary.strategies)
    if today is None:
        return []
    others = [c for c in case.candidates if not is_incumbent(c.result)]
    other = max(others, key=lambda c: c.quality.value, default=None)
    if case.pick is not None:
        kept = is_incumbent(case.pick.first.result)
        other = (case.runner_up or other) if kept else case.pick.first
    if other is None:
        return []
    text = change_text(other.result, today, case.evidence.gap(other.id, today.id))
    return [text, *why_change(case)]


def why_change(case: Case) -> list[str]:
    """Where money alone, or a figure that nobody stated, decided about what runs today."""
    mine = next((c for c in case.candidates if is_incumbent(c.result)), None)
    if case.pick is None or mine is None:
        return []
    first = case.pick.first
    margin = wording.many_points(case.needs.practical_margin)
    if first.id == mine.id:
        found = [
            f"{c.id} would cost less over the horizon, but it is not shown to lose no more than"
            f" {margin}."
            for c in case.pick.undefeated
            if saves(c, mine, case.needs)
        ]
        if mine.result.cost is None and case.needs.requests_per_month is not None:
            found.append("Whether changing saves money is unknown: today's cost is not stated.")
        return found[:1]
    if mine in case.pick.undefeated:
        return [f"{first.id} costs less over the horizon and loses no more than {margin}."]
    unknown = [j.text for j in mine.judgements if j.text.endswith(": not stated")]
    if unknown and mine.shortfall > first.shortfall:
        return [f"{mine.id} is out, because it cannot be judged: {'; '.join(unknown)}."]
    return []


def proof_of_saving(case: Case, first: Candidate) -> list[str]:
    """The rows that would show whether a cheaper strategy is as good as what runs today."""
    if case.pick is None or not is_incumbent(first.result):
        return []
    margin = case.needs.practical_margin
    for c in case.pick.undefeated:
        more = case.evidence.gap(c.id, first.id).examples_to_exclude(margin)
        if saves(c, first, case.needs) and more is not None:
            return [
                f"{wording.count(more)} more labelled test examples could show that {c.id}, which"
                f" costs less, loses no more than {wording.many_points(margin)}."
            ]
    return []
