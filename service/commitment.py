"""The expensive decision: commit to fine-tuning, or not, or not yet.

Yes: the picked strategy is tuned, serves every stated need for certain, and either is better than
the best strategy without tuning by more than the practical margin with a chance of 95% (so where
the true gain over one rival is no larger than that, 5% of runs err at most), or with that chance
loses no more than the margin and costs less over the stated horizon, or it alone can serve the
needs.

No: a strategy without tuning is picked, and what not tuning forgoes beyond the margin is, on
average over what the measured gap supports, at most a quarter of the margin. A small chance of a
gain is not worth paying for, nor waiting for; but where the test is so small that a large gain may
hide in it, a small chance of it weighs enough to label more.

Not yet: everything else, with the number of test examples that would settle it; and a yes or no
over a whole kind of strategy that broke, because what was not measured was not beaten, or over one
that a race stopped for a reason that holds no more (`service.stopped`). And everything where test
rows leaked into training and the records do not say which.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from benchmarks.results import StrategyResult
from service import wording
from service.changing import is_incumbent
from service.choosing import Case
from service.evidence import Gap
from service.stopped import reopened_of_kind
from service.suitability import Candidate, is_tuned

Commit = Literal["yes", "no", "not yet"]
Ground = Literal[
    "gain",
    "saving",
    "only one able",
    "needless",
    "nothing forgone",
    "unlikely",
    "none able",
    "hopeless",
    "eliminated",
    "by rule",
    "unproven",
    "contested",
    "gain in doubt",
    "errors",
    "need missed",
    "need in doubt",
    "floor in doubt",
    "not measured",
]
"""What a decision rests on. The first nine are a yes or a no, those behind "by rule" a "not yet";
that is what a simple rule says in a forecast, where alone something is unlikely or contested."""
PROVEN = 0.95
"""From this chance on that the gain exceeds the practical margin (or that no more than it is lost,
where money is saved), it is proven."""
FORGONE = 0.25
"""The share of the practical margin that not tuning may forgo beyond it, on average."""
SMALLEST_MARGIN = 0.01
"""A margin below a point is taken as one there: nothing is known to no loss at all."""


@dataclass(frozen=True)
class Commitment:
    """`why` is one sentence; `examples` are further test rows that would settle a "not yet".

    `ground` says the same for programs, and `pair` which two strategies it was decided between,
    the one that gains or may gain first.
    """

    answer: Commit
    why: str
    ground: Ground
    examples: int | None = None
    pair: tuple[str, str] | None = None


def commit(case: Case, proven: float = PROVEN) -> Commitment:
    """The decision, held back where a kind that could overturn it was never measured.

    `proven` is the chance from which on a gain counts as proven.
    """
    found = decide(case, proven)
    leak = case.summary.leak
    if leak is not None and leak.rows is None and found.answer != "not yet":
        why = f"{found.why.rstrip('.')}; but test examples leaked."
        return Commitment("not yet", why, "not measured")
    open_ = why_open(case, tuned=found.answer == "no")
    settled = case.pick is not None and needless(case, case.pick.first)
    if found.answer == "not yet" or open_ is None or (found.answer == "no" and settled):
        return found
    return Commitment("not yet", f"{found.why.rstrip('.')}; but {open_}.", "not measured")


def why_open(case: Case, *, tuned: bool) -> str | None:
    """What of a kind nobody knows well enough to decide without it; None where there is nothing."""
    if unknown := unmeasured(case, tuned=tuned):
        return f"{wording.listed(unknown)} failed and may be better: mend that first"
    if again := reopened_of_kind(case, tuned=tuned):
        return f"{wording.listed(again)} may be better, since what stopped it holds no more"
    return None


def unmeasured(case: Case, *, tuned: bool) -> list[str]:
    """What failed where nothing else of its family was measured with the same model.

    Not a plug-in that cannot be loaded: nobody knows what it would be, as if not installed.
    """
    measured = {(c.result.family, c.result.model) for c in case.candidates}
    return [
        row.id
        for row in case.summary.strategies
        if row.status == "failed"
        and row.family not in ("incumbent", "baseline", "unknown")
        and is_tuned(row) == tuned
        and (row.family, row.model) not in measured
    ]


def needless(case: Case, first: Candidate) -> str | None:
    """Why nothing tuned is needed, whatever it would score; None where it could be."""
    if is_tuned(first.result):
        return None
    if case.needs.quality_at_least is not None and first.shortfall == (0, 0):
        if is_incumbent(first.result):
            return f"{first.id}, what runs today, meets every stated need."
        return f"{first.id} meets every stated need without tuning."
    if 1 - first.quality.value <= case.needs.practical_margin:
        return f"{first.id} leaves less than the practical margin to gain."
    return None


def decide(case: Case, proven: float) -> Commitment:
    """The decision from what was measured."""
    if case.pick is None:
        return with_nothing_picked(case)
    if is_tuned(case.pick.first.result):
        return with_tuned_picked(case, case.pick.first, proven)
    tuned = [c for c in case.candidates if is_tuned(c.result)]
    if not tuned:
        return with_none_tuned(case, case.pick.first)
    return with_untuned_picked(case, case.pick.first, tuned)


def with_nothing_picked(case: Case) -> Commitment:
    """No strategy is clear of the floor: hopeless, or too few rows to tell."""
    best = case.best
    if best is None:
        why = "No strategy completed, so nothing was measured."
        return Commitment("not yet", why, "not measured")
    over = case.evidence.over(best.id, case.floor.value)
    tuned = [c for c in case.candidates if is_tuned(c.result)]
    if over.difference > case.needs.practical_margin:
        needed = case.above_floor(best).further_examples(case.needs.practical_margin)
        return Commitment(
            "not yet",
            f"{best.quality.n} test examples cannot tell {best.id} from {case.floor.meaning};"
            f" {wording.count(needed)} more would.",
            "floor in doubt",
            needed,
        )
    if tuned:
        top = max(tuned, key=lambda c: c.quality.value)
        return Commitment(
            "no",
            f"Tuning this model does not solve the task either: {top.id} scores"
            f" {wording.measured(top.quality)}.",
            "hopeless",
        )
    if told := all_stopped(case):
        why = f"Tuning this model does not solve the task either: {told}."
        return Commitment("no", why, "eliminated")
    why = "No tuned strategy completed, so tuning may still be the way."
    return Commitment("not yet", why, "not measured")


def with_tuned_picked(case: Case, first: Candidate, proven: float) -> Commitment:
    """A tuned strategy is picked: is it sure enough to pay for?"""
    missed, uncertain = first.shortfall
    if missed:
        why = f"{first.id} is the best at hand, but it misses a stated need."
        return Commitment("not yet", why, "need missed")
    if uncertain:
        doubted = {j.need for j in first.judgements if j.standing == "uncertain"}
        bar = case.needs.quality_at_least if "quality_at_least" in doubted else None
        over = case.evidence.over(first.id, bar) if bar is not None else None
        needed = over.examples_to_exclude(0.0) if over else None
        more = f"; {wording.count(needed)} more test examples would tell" if needed else ""
        why = f"It is not certain that {first.id} meets every need{more}."
        return Commitment("not yet", why, "need in doubt", needed)
    untuned = [c for c in case.candidates if not is_tuned(c.result)]
    if not untuned:
        why = "Nothing without tuning completed, so nothing cheaper is known."
        return Commitment("not yet", why, "not measured")
    able = [c for c in untuned if not c.ruled_out and c.id not in case.floor.trivial]
    if not able:
        return Commitment("yes", f"Only {first.id} can serve the stated needs.", "only one able")
    other = max(able, key=lambda c: c.quality.value)
    pair = (first.id, other.id)
    gap = case.evidence.gap(*pair)
    what = "what runs today" if is_incumbent(other.result) else "the best without tuning"
    told = f"{gap_text(gap)} against {other.id}, {what}"
    if is_proven(gap, case.needs.practical_margin, proven):
        return Commitment("yes", f"{first.id} gains {told}.", "gain", pair=pair)
    as_good = gap.chance_above(-case.needs.practical_margin) >= proven
    if as_good and is_cheaper(first, other):
        why = f"{first.id} costs less over the horizon and is no worse: {told}."
        return Commitment("yes", why, "saving", pair=pair)
    needed = gap.examples_to_prove(case.needs.practical_margin)
    return Commitment(
        "not yet",
        f"A gain of more than {wording.many_points(case.needs.practical_margin)} is not proven:"
        f" {told}; {wording.count(needed)} more test examples would tell.",
        "unproven",
        needed,
        pair,
    )


def is_proven(gap: Gap, margin: float, proven: float) -> bool:
    """Whether a gain of more than the margin is certain enough to pay for."""
    return gap.shows_more_than(margin) and gap.chance_above(margin) >= proven


def with_none_tuned(case: Case, first: Candidate) -> Commitment:
    """No tuned strategy completed: is one still needed?"""
    if why := needless(case, first):
        return Commitment("no", why, "needless")
    if stopped := all_stopped(case):
        why = f"Every tuned strategy was stopped on the way: {stopped}."
        return Commitment("no", why, "eliminated")
    left = [row for row in case.summary.strategies if is_tuned(row)]
    if told := [how_ended(row) for row in left]:
        why = f"No tuned strategy completed: {'; '.join(told)}."
        return Commitment("not yet", why, "not measured")
    return Commitment("not yet", "No tuned strategy was part of this comparison.", "not measured")


def all_stopped(case: Case) -> str | None:
    """How a race ended every tuned strategy that fits the task; None where one ended otherwise."""
    tuned = [row for row in case.summary.strategies if is_tuned(row) and row.status != "skipped"]
    if not tuned or any(row.status != "eliminated" for row in tuned):
        return None
    return "; ".join(how_ended(row) for row in tuned)


def how_ended(row: StrategyResult) -> str:
    return f"{row.id} {row.status}" + (f" ({row.reason})" if row.reason else "")


def with_untuned_picked(case: Case, first: Candidate, tuned: list[Candidate]) -> Commitment:
    """Could a tuned strategy still be worth it? Judged on the likeliest one."""
    able = [c for c in tuned if first.ruled_out or not c.ruled_out]
    if not able:
        text = next(j.text for j in tuned[0].judgements if j.hopeless)
        why = f"{wording.listed([c.id for c in tuned])} cannot serve: {text}."
        return Commitment("no", why, "none able")
    margin = case.needs.practical_margin
    gaps = {c.id: case.evidence.gap(c.id, first.id) for c in able}
    likeliest = max(able, key=lambda c: gaps[c.id].expected_gain(margin))
    gap, pair = gaps[likeliest.id], (likeliest.id, first.id)
    chance, forgone = gap.chance_above(margin), gap.expected_gain(margin)
    allowed = FORGONE * max(margin, SMALLEST_MARGIN)
    told = (
        f"{likeliest.id} measures {gap_text(gap)} against {first.id}, and the chance that it is"
        f" better by more than {wording.many_points(margin)} is {wording.percent(chance)};"
        f" not tuning forgoes {wording.many_points(forgone)} on average"
        f" (up to {wording.many_points(allowed)} count as nothing)"
    )
    if forgone <= allowed:
        return Commitment("no", f"{told}: not worth paying for.", "nothing forgone", pair=pair)
    if not likeliest.reliable:
        share = wording.percent(wording.error_share(likeliest.result))
        return Commitment("not yet", f"{told}, but {share} of its answers failed.", "errors")
    needed = gap.examples_to_forgo(margin, allowed) or gap.examples_to_prove(margin)
    why = f"{told}; {wording.count(needed)} more test examples would tell."
    return Commitment("not yet", why, "gain in doubt", needed, pair)


def is_cheaper(one: Candidate, other: Candidate) -> bool:
    """Over the horizon; False where no volume is stated."""
    a, b = one.result.cost, other.result.cost
    if a is None or b is None or a.horizon_usd is None or b.horizon_usd is None:
        return False
    return a.horizon_usd < b.horizon_usd


def gap_text(gap: Gap) -> str:
    """`+27.0 points (95% interval +18.1 to +35.9, 60 test examples)`.

    Where all pairs at once allow 0 and the pair alone does not, both intervals are told.
    """
    between = wording.points_between(gap.low, gap.high)
    if gap.only_alone and gap.low_all is not None and gap.high_all is not None:
        between += f", for all pairs at once {wording.points_between(gap.low_all, gap.high_all)}"
    return (
        f"{wording.points(gap.difference)} points (95% interval {between}, {gap.n} test examples)"
    )
