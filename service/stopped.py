"""What a race stopped: does the reason still hold where the answer is given? Pure.

It was stopped on validation rows, under the needs that were stated then, because of another
strategy. That one may fail in the test or miss a need, costs may turn out in another order, and a
what-if may ask under other terms. Then nobody knows what was stopped would have been, and no answer
may rest on its being out.
"""

from __future__ import annotations

from benchmarks.choice import is_cheaper, serves_as_well
from benchmarks.contest import HAIR, ground_of
from benchmarks.race_records import Elimination
from benchmarks.results import StrategyResult
from service import wording
from service.changing import incumbent_in
from service.choosing import Case
from service.suitability import is_tuned


def reopened(case: Case) -> list[StrategyResult]:
    """Those for whose being out there is no reason any more."""
    return [row for row in stopped(case) if not holds(row, case)]


def stopped(case: Case) -> list[StrategyResult]:
    return [row for row in case.summary.strategies if row.status == "eliminated"]


def holds(row: StrategyResult, case: Case) -> bool:
    """Whether what stopped it would stop it again, by what is known now."""
    why = row.eliminated
    if why is None or why.by is None or why.at_most is None:
        return why is not None and why.needs == case.needs
    by = next((other for other in case.summary.strategies if other.id == why.by), None)
    if by is None or not stands(by, case) or not serves_as_well(by, row, case.needs, share=1.0):
        return False
    ground = ground_of(why.at_most, case.needs.practical_margin)
    if ground == "beaten":
        return True
    cheaper = is_cheaper(by, row, case.needs, share=1.0)
    return cheaper and (ground == "no better" or is_no_matter(why, by, case))


def stands(by: StrategyResult, case: Case) -> bool:
    """Whether the other one could be recommended, or was stopped for a reason that holds."""
    if by.status == "eliminated":
        return holds(by, case)
    return any(c.id == by.id and c.reliable for c in case.candidates)


def is_no_matter(why: Elimination, by: StrategyResult, case: Case) -> bool:
    """Whether a gain of up to `at_most` over the other one changes nothing."""
    unbeaten = {c.id for c in case.pick.undefeated} if case.pick else set()
    return (
        why.at_most is not None
        and why.at_most <= case.needs.practical_margin + HAIR
        and case.needs.quality_at_least is None
        and incumbent_in(case.summary.strategies) is None
        and (by.status == "eliminated" or by.id in unbeaten)
    )


def reopened_of_kind(case: Case, *, tuned: bool) -> list[str]:
    return [row.id for row in reopened(case) if is_tuned(row) == tuned]


def stops_told(case: Case) -> list[str]:
    """Whom the race stopped, in a sentence, and in another one for whom that holds no more."""
    again = [row.id for row in reopened(case)]
    found = []
    if out := [row.id for row in stopped(case) if row.id not in again]:
        found.append(
            f"The race on validation examples stopped {wording.listed(out)} before the test:"
            " they can no longer win."
        )
    if again:
        verb = "was" if len(again) == 1 else "were"
        found.append(
            f"{wording.listed(again)} {verb} stopped in the race for reasons that do not hold"
            " here, and may be better: run the comparison on without a race."
        )
    return found
