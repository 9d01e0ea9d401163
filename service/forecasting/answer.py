"""The answer of a forecast: the decision with its reason, and what would settle one left open."""

from __future__ import annotations

from corpora.power import detectable_difference, examples_needed
from service import wording
from service.choosing import Case
from service.commitment import Commitment, unmeasured
from service.evidence import Gap
from service.forecasting.drawn import DrawnGap
from service.forecasting.result import Exhaustive, ForecastAnswer
from service.forecasting.verdict import Judged
from service.recommendation import verdict_of
from service.suitability import Candidate, is_tuned
from service.wording import percent

TOLD = 0.9
"""The share that every interval of a forecast holds."""
SMALLEST = 0.01
"""No rows are counted for telling less than a point."""


def answer_of(judged: Judged, exhaustive: Exhaustive, n_test: int) -> ForecastAnswer:
    case, commitment = judged.case, judged.commitment
    first = case.pick.first if case.pick else None
    unmet = [j.text for j in first.judgements if j.standing == "missed"] if first else []
    return ForecastAnswer(
        strategy=first.id if first else None,
        model=first.result.model if first else None,
        family=first.result.family if first else None,
        runner_up=case.runner_up.id if case.runner_up else None,
        verdict=verdict_of(first, None),
        commit_to_fine_tuning=commitment.answer,
        chance=judged.chance,
        p_tuned=judged.p_tuned,
        expected_regret=judged.regret,
        why=why(judged),
        settles=settles(judged, exhaustive, n_test),
        unmet_needs=tuple(unmet),
    )


def why(judged: Judged) -> str:
    """One sentence, with the figures of the pair that decided it."""
    case, commitment = judged.case, judged.commitment
    first = case.pick.first if case.pick else None
    if commitment.pair is not None:
        return between(judged)
    if commitment.ground == "contested":
        return f"{commitment.why.rstrip('.')}; but {tuning(judged)}: not sure enough to pay for."
    if commitment.ground == "need in doubt" and first is not None:
        doubts = [j.text for j in first.judgements if j.standing == "uncertain"]
        return f"{first.id} is expected to be best, but it may miss a need: {'; '.join(doubts)}."
    if commitment.ground in ("hopeless", "floor in doubt"):
        return above_floor(case, commitment)
    return commitment.why


def between(judged: Judged) -> str:
    """What the one that may gain is expected to be better by, and the chance that it matters."""
    case, commitment = judged.case, judged.commitment
    assert commitment.pair is not None
    one, other = commitment.pair
    gap, margin = case.evidence.gap(one, other), case.needs.practical_margin
    size = wording.many_points(margin)
    told = f"{one} is expected to score {gap_text(gap)} against {other}"
    chance = percent(gap.chance_above(margin))
    better = f"the chance that it is better by more than {size} is {chance}"
    if commitment.ground == "gain":
        return f"{told}, and {better}."
    if commitment.ground == "saving":
        no_worse = percent(gap.chance_above(-margin))
        return (
            f"{one} costs less over the horizon; {told}, and the chance that it loses no more than"
            f" {size} is {no_worse}."
        )
    if commitment.ground == "nothing forgone":
        return f"{told}, and {better}: not worth paying for."
    if commitment.ground == "unlikely":
        return f"{told}, and {better}; {tuning(judged)}: not worth paying for."
    if commitment.ground == "contested":
        return f"{told}; but {tuning(judged)}: not sure enough to pay for."
    if commitment.ground == "unproven":
        return f"{told}, but {better}: not sure enough to pay for."
    return f"{told}, and {better}: too much to leave, too little to pay for."


def tuning(judged: Judged) -> str:
    """The chance of it, where it is known."""
    if judged.p_tuned is None:
        return "nobody knows whether a tuned strategy is the right choice"
    return f"the chance that a tuned strategy is the right choice is {percent(judged.p_tuned)}"


def gap_text(gap: Gap) -> str:
    """`+4.1 points (90% interval −1.0 to +9.2)`."""
    ends = gap.between(TOLD) if isinstance(gap, DrawnGap) else (gap.low, gap.high)
    between_ = f"{TOLD:.0%} interval {wording.points_between(*ends)}"
    return f"{wording.points(gap.difference)} points ({between_})"


def above_floor(case: Case, commitment: Commitment) -> str:
    """Where nothing is expected to be clear of what is free."""
    best: Candidate | None = case.best
    if best is None:
        return commitment.why
    told = (
        f"The best, {best.id}, is expected to score {wording.score(best.quality.value)}, where"
        f" {wording.score(case.floor.value)} is free ({case.floor.meaning})"
    )
    if commitment.ground == "hopeless":
        return f"{told}: tuning this model is not expected to solve the task either."
    return f"{told}: nothing is certain to be above it."


def settles(judged: Judged, exhaustive: Exhaustive, n_test: int) -> tuple[str, ...]:
    """What would settle a "not yet"; nothing where it is settled."""
    commitment = judged.commitment
    if commitment.answer != "not yet":
        return ()
    if commitment.ground == "not measured" and not judged.unseen:
        return (not_measured(judged),)
    if commitment.ground == "need missed":
        return (
            "Another need, or a strategy that meets all of them: nothing that is measured can.",
        )
    took = wording.duration(exhaustive.seconds)
    price = wording.dollars(exhaustive.usd)
    look = ["A look at the task itself."] if judged.unseen else []
    found = [
        *look,
        f"The comparison (tuneworth compare) measures it on {wording.count(n_test)} test examples:"
        f" about {took} and {price}.",
    ]
    return (*found, *([] if judged.unseen else more_labels(judged, n_test)))


def not_measured(judged: Judged) -> str:
    """A kind of strategy that could overturn the answer is not among those foretold."""
    tuned = [row for row in judged.case.summary.strategies if is_tuned(row)]
    if not tuned:
        return "A tuned strategy among those that are foretold, such as lora."
    if all(row.status == "skipped" for row in tuned):
        return f"A tuned strategy that fits; {tuned[0].id} does not: {tuned[0].reason}"
    if any(unmeasured(judged.case, tuned=kind) for kind in (True, False)):
        return "What failed has to be mended first; its reason stands in the table."
    return "A strategy without tuning among those that are foretold, such as prompt.few-shot."


def more_labels(judged: Judged, n_test: int) -> list[str]:
    """How many test examples tell a difference as large as the one expected; nothing where those
    at hand do."""
    margin = judged.case.needs.practical_margin
    size = margin
    if judged.commitment.pair is not None:
        gap = judged.case.evidence.gap(*judged.commitment.pair)
        size = max(abs(gap.difference), margin)
    size = min(1.0, max(size, SMALLEST))
    needed = examples_needed(size)
    if needed <= n_test:
        return []
    told = wording.many_points(detectable_difference(max(1, n_test)))
    return [
        f"Those tell two strategies apart that differ by {told}. The difference expected here is"
        f" {wording.many_points(size)}, which takes {wording.count(needed - n_test)} more labelled"
        " test examples."
    ]
