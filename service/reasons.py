"""The recommendation in short sentences: every claim with its number, interval and n."""

from __future__ import annotations

from service import wording
from service.changing import is_incumbent
from service.choosing import Case
from service.commitment import Commitment, gap_text
from service.concerns import concerns, seats_told
from service.keeping import changing, until_then
from service.stopped import stops_told
from service.suitability import Candidate, is_tuned


def reasons_for(case: Case, commitment: Commitment, contender: Candidate | None) -> tuple[str, ...]:
    """Why this answer, most important first."""
    if case.pick is None:
        told = (*no_solution(case), *leaked(case), *changing(case))
        return (*told, commitment.why, *broken(case))
    first = case.pick.first
    found = [f"{first.id} scores {wording.measured(first.quality)}.", *leaked(case)]
    if contender is not None:
        gap = case.evidence.gap(contender.id, first.id)
        found.append(
            f"No verdict yet: {contender.id} is probably better, {gap_text(gap)}, but the test"
            f" is too small to prove it. Until then {first.id} {until_then(first)}."
        )
    found += changing(case)
    found += standing(first)
    found.append(commitment.why)
    found += below_the_bar(case, first)
    found += against_rivals(case, first)
    found += money(case, first)
    found += latency(case, first)
    found += seats_told(case.summary.strategies)
    found += concerns(first.result)
    found += left_out(case, first)
    found += broken(case)
    return tuple(found)


def no_solution(case: Case) -> list[str]:
    """Nothing is clear of the trivial floor."""
    best = case.best
    if best is None:
        return ["No strategy completed, so there is nothing to recommend."]
    floor = f"{wording.score(case.floor.value)} ({case.floor.meaning})"
    value = wording.measured(best.quality)
    over = case.evidence.over(best.id, case.floor.value)
    if over.difference > case.needs.practical_margin:
        return [f"The test is too small: the best, {best.id}, scores {value}, and {floor} is free."]
    compared = f"that is not clearly above {floor}"
    if best.id in case.floor.trivial and best.quality.value >= case.floor.value:
        compared = f"that is {case.floor.meaning}, and nothing is clearly above it"
    return [
        "No approach tried here solves this task.",
        f"The best, {best.id}, scores {value}; {compared}.",
        "A larger model, or a simpler task, is the next thing to try.",
    ]


def leaked(case: Case) -> list[str]:
    """Test rows that stand in the training rows too."""
    leak = case.summary.leak
    if leak is None:
        return []
    if leak.rows is None:
        return [
            "Some test examples nearly repeat training examples, which flatters whoever learned"
            " from them; which ones is not recorded, so run the comparison anew."
        ]
    return [
        "Test examples that nearly repeat training examples are left out of every score, which"
        f" they would flatter: {leak.rows} of {case.task.n_test}."
    ]


def standing(first: Candidate) -> list[str]:
    """Needs that are missed or not certain, and errors."""
    found = [
        f"No strategy meets every need. {first.id} misses {j.text}."
        for j in first.judgements
        if j.standing == "missed"
    ]
    found += [f"Not certain: {j.text}." for j in first.judgements if j.standing == "uncertain"]
    if errors := first.quality.errors:
        share = wording.percent(wording.error_share(first.result))
        what = f"{errors} of its answers failed ({share})"
        if is_incumbent(first.result):
            what = f"{errors} test examples have no answer of it ({share})"
        found.append(f"{what}; the score leaves them out.")
    return found


def against_rivals(case: Case, first: Candidate) -> list[str]:
    """The beaten in one sentence, the overlapping in one sentence."""
    if case.pick is None:
        return []
    found = []
    others = [c for c in case.pick.undefeated if c.id != first.id]
    if others:
        best = max(others, key=lambda c: c.quality.value)
        gap = case.evidence.gap(best.id, first.id)
        cheaper = "cheapest" if case.needs.requests_per_month is not None else "simplest"
        so = f"the {cheaper} is recommended"
        if is_incumbent(first.result):
            so = "what runs today stays, as changing costs effort"
        found.append(
            f"{wording.listed([c.id for c in others])} cannot be told apart from it by more than"
            f" {wording.many_points(case.needs.practical_margin)}, so {so}"
            f" ({best.id}: {gap_text(gap)})."
        )
    found += beside_the_bar(case, first)
    found += unclear(case)
    margin = case.needs.practical_margin
    gaps = {c.id: case.evidence.gap(first.id, c.id) for c in case.candidates if c.id != first.id}
    beaten = [name for name, gap in gaps.items() if gap.shows_more_than(margin)]
    if beaten:
        closest = max(beaten, key=lambda name: case.evidence.qualities[name].value)
        names = wording.listed(beaten) if len(beaten) <= 3 else f"{len(beaten)} others"
        if len(beaten) == len(gaps) > 1:
            names = "every other strategy"
        nearest = f"; {closest} comes closest" if len(beaten) > 1 else ""
        found.append(f"{first.id} beats {names}{nearest}: {gap_text(gaps[closest])}.")
    return found


def beside_the_bar(case: Case, first: Candidate) -> list[str]:
    """Strategies that would do if their intervals were narrower."""
    bar = case.needs.quality_at_least
    names = [c.id for c in case.candidates if c.shortfall == (0, 1) and c.clear]
    if bar is None or not names or first.shortfall != (0, 0):
        return []
    verb = "reaches" if len(names) == 1 else "reach"
    return [f"{wording.listed(names)} {verb} the bar of {wording.score(bar)}, but not for certain."]


def below_the_bar(case: Case, first: Candidate) -> list[str]:
    """Strategies that miss the bar by their value alone, where the picked one may miss it too."""
    bar, rivals = case.needs.quality_at_least, case.rivals
    names = [c.id for c in case.contenders if c not in rivals]
    if bar is None or not names or first.shortfall != (0, 1):
        return []
    verb = "misses" if len(names) == 1 else "miss"
    return [
        f"{wording.listed(names)} {verb} the bar of {wording.score(bar)} by the value alone, and"
        " may serve as well."
    ]


def unclear(case: Case) -> list[str]:
    """Strategies that measure above what is free and cannot be picked, as it is not shown."""
    least = case.floor.value + case.needs.practical_margin
    names = [
        c.id
        for c in case.candidates
        if not c.clear and c.id not in case.floor.trivial and c.quality.value > least
    ]
    if not names:
        return []
    verb = "is" if len(names) == 1 else "are"
    return [
        f"{wording.listed(names)} {verb} not shown to beat {case.floor.meaning} with all pairs"
        " looked at at once, and so cannot be recommended; more test examples may change that."
    ]


def money(case: Case, first: Candidate) -> list[str]:
    """What it costs, and when the best tuned strategy would cost less."""
    cost = first.result.cost
    if cost is None:
        return []
    text = f"{first.id} costs {wording.dollars(cost.per_1k_requests_usd)} per 1,000 requests"
    text += " as stated" if cost.stated else f" after {wording.dollars(cost.setup_usd)} of setup"
    volume = case.needs.requests_per_month
    if cost.monthly_usd is not None and volume is not None:
        text += f", {wording.dollars(cost.monthly_usd)} a month at {wording.count(volume)} requests"
    found = [text + "."]
    kind = is_tuned(first.result)
    others = [c for c in case.candidates if is_tuned(c.result) != kind and c.clear]
    best = max(others, key=lambda c: c.quality.value, default=None)
    return found + break_even(case, first, best) if best else found


def break_even(case: Case, first: Candidate, other: Candidate) -> list[str]:
    """One sentence on the volume at which the two cost the same."""
    for row in case.summary.break_even:
        if {row.from_, row.to} != {first.id, other.id}:
            continue
        if row.requests is None:
            return [f"{row.to} never becomes cheaper than {row.from_} at any volume."]
        spread = ""
        if row.low is not None and row.high is not None:
            spread = f" (between {wording.count(row.low)} and {wording.count(row.high)})"
        at = wording.count(row.requests)
        return [f"{row.to} costs less than {row.from_} from {at} requests a month{spread}."]
    return []


def latency(case: Case, first: Candidate) -> list[str]:
    found = first.result.latency_ms
    if found is None:
        return []
    told = f"as stated of {found.n}" if found.stated else f"{found.n} single requests"
    said = [
        f"Half of the answers of {first.id} take up to {wording.milliseconds(found.p50)}, 95% up to"
        f" {wording.milliseconds(found.p95)} ({told})."
    ]
    if load := first.result.under_load:
        said.append(
            f"Under load {wording.load_text(first.result)}, 95% take up to"
            f" {wording.milliseconds(load.p95)} with waiting: computed from those times, not"
            " measured."
        )
    return said


def left_out(case: Case, first: Candidate) -> list[str]:
    """Strategies that measured better and are out all the same."""
    found = []
    for c in case.candidates:
        better = c.quality.value > first.quality.value
        missed = [j.text for j in c.judgements if j.standing == "missed"]
        if better and not c.reliable and first.reliable:
            share = wording.percent(wording.error_share(c.result))
            what = f"{share} of its answers failed"
            if is_incumbent(c.result):
                what = f"{share} of the test examples have no answer of it"
            found.append(f"{c.id} is out: {what}.")
        elif better and c.shortfall > first.shortfall and missed:
            found.append(f"{c.id} is out: {'; '.join(missed)}.")
    return found


def broken(case: Case) -> list[str]:
    """Strategies that did not complete although they fit; those of one reason in one sentence, and
    those that a race stopped."""
    alike: dict[str, list[str]] = {}
    for row in case.summary.strategies:
        if row.status == "failed":
            why = f"{row.status}: {(row.reason or 'no reason given').rstrip('.')}."
            alike.setdefault(why, []).append(row.id)
    return [f"{wording.listed(ids)} {why}" for why, ids in alike.items()] + stops_told(case)
