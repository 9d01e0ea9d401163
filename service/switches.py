"""At which stated need the recommendation would turn, found by running the rule again."""

from __future__ import annotations

from typing import Any

from benchmarks.choice import CLEARLY
from corpora.task import Frozen
from service.choosing import Case, Pick, pick_one
from service.evidence import HAIR
from service.suitability import Candidate, candidates_of

FARTHEST = 100
"""A volume that many times smaller or larger than the stated one is another project."""
WIDEST = 0.1
"""Nobody calls a larger difference in quality no matter."""


class SwitchPoint(Frozen):
    """Where `what`, a field of the needs, passes `at`, the recommendation becomes `to`; so too
    for `n_train`, the number of training examples, as far as learning curves tell.

    `beyond` is "above" or "below": the side of `at` on which it does.
    """

    what: str
    at: float
    beyond: str
    to: str


def switch_points(case: Case) -> tuple[SwitchPoint, ...]:
    """The nearest turning point of each need, where there is one."""
    if case.pick is None:
        return ()
    return (
        *volume_points(case),
        *limit_points(case),
        *margin_points(case),
        *training_points(case),
    )


def volume_points(case: Case) -> list[SwitchPoint]:
    """The nearest break-even volumes against strategies that are as good as the picked one."""
    if case.pick is None:
        return []
    first, volume = case.pick.first.id, case.needs.requests_per_month
    peers = {c.id for c in case.pick.undefeated}
    above, below = [], []
    for row in case.summary.break_even:
        if row.requests is None or row.requests <= 0:
            continue
        if volume and not volume / FARTHEST <= row.requests <= volume * FARTHEST:
            continue
        if row.from_ == first and row.to in peers and (volume is None or row.requests > volume):
            above.append((row.requests, row.to))
        if row.to == first and row.from_ in peers and (volume is None or row.requests < volume):
            below.append((row.requests, row.from_))
    found = []
    if above:
        at, to = min(above)
        found.append(SwitchPoint(what="requests_per_month", at=at, beyond="above", to=to))
    if below:
        at, to = max(below)
        found.append(SwitchPoint(what="requests_per_month", at=at, beyond="below", to=to))
    return found


def limit_points(case: Case) -> list[SwitchPoint]:
    """What happens when a limit is set just beyond what the picked strategy reaches."""
    if case.pick is None:
        return []
    first = case.pick.first
    tries = [("quality_at_least", first.quality.low, "above")]
    if first.result.counted_p95 is not None:
        tries.append(("latency_p95_ms", first.result.counted_p95, "below"))
    if first.result.cost:
        tries.append(("cost_per_1k_requests", first.result.cost.per_1k_requests_usd, "below"))
    found = []
    for what, at, beyond in tries:
        limit = at + HAIR if beyond == "above" else at * (1 - HAIR)
        if limit <= 0 or is_asked_already(case, what, limit):
            continue
        pick = pick_with(case, **{what: limit})
        if pick is None or pick.first.id == first.id or within_noise(pick.first, what, at):
            continue
        if serves(pick, what):
            found.append(SwitchPoint(what=what, at=at, beyond=beyond, to=pick.first.id))
    return found


def within_noise(found: Candidate, what: str, at: float) -> bool:
    """Whether it is quicker by no more than timings differ from one run to the next."""
    p95 = found.result.counted_p95
    return what == "latency_p95_ms" and p95 is not None and p95 > CLEARLY * at


def is_asked_already(case: Case, what: str, limit: float) -> bool:
    """Whether the stated needs are as strict as that limit, or nothing can be that good."""
    if what == "quality_at_least":
        return limit > 1 or limit <= (case.needs.quality_at_least or 0.0)
    stated = getattr(case.needs, what)
    return stated is not None and stated <= limit


def margin_points(case: Case) -> list[SwitchPoint]:
    """The practical margin nearest to the stated one that turns the choice; smaller ones first."""
    if case.pick is None:
        return []
    first, margin = case.pick.first.id, case.needs.practical_margin
    pool = [c.id for c in case.pick.undefeated] + list(case.pick.beaten)
    gaps = [case.evidence.gap(a, b) for a in pool for b in pool if a != b]
    shown = [gap.difference for gap in gaps if gap.is_shown]
    sizes = sorted({size for size in shown if 0 < size <= WIDEST})
    for beyond, ordered in (
        ("below", [size for size in reversed(sizes) if size <= margin + HAIR]),
        ("above", [size for size in sizes if size > margin + HAIR]),
    ):
        for size in ordered:
            new = max(0.0, size - 2 * HAIR) if beyond == "below" else min(1.0, size)
            needs = case.needs.model_copy(update={"practical_margin": new})
            # no need is judged by the margin, so the candidates stand
            pick = pick_one(case.candidates, case.evidence, needs)
            if pick and pick.first.id != first:
                return [
                    SwitchPoint(what="practical_margin", at=size, beyond=beyond, to=pick.first.id)
                ]
    return []


def training_points(case: Case) -> list[SwitchPoint]:
    """The fewest training examples with which a tuned strategy is expected to beat the picked
    one, of those that miss no other need than quality."""
    if case.pick is None:
        return []
    first = case.pick.first.id
    able = {c.id for c in case.candidates if c.reliable and not misses_more_than_quality(c)}
    turns = [
        (curve.overtakes[first], curve.strategy)
        for curve in case.summary.curves
        if curve.strategy in able and first in curve.overtakes
    ]
    if not turns:
        return []
    at, to = min(turns)
    return [SwitchPoint(what="n_train", at=at, beyond="above", to=to)]


def misses_more_than_quality(candidate: Candidate) -> bool:
    judged = candidate.judgements
    return any(j.standing == "missed" and j.need != "quality_at_least" for j in judged)


def pick_with(case: Case, **changed: Any) -> Pick | None:
    """The rule under other needs."""
    needs = case.needs.model_copy(update=changed)
    candidates = candidates_of(case.summary.strategies, case.floor, case.evidence, needs)
    return pick_one(candidates, case.evidence, needs)


def serves(pick: Pick, need: str) -> bool:
    """Whether the pick meets that need for certain and misses none."""
    standings = {j.need: j.standing for j in pick.first.judgements}
    return standings.get(need) == "met" and "missed" not in standings.values()
