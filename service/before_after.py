"""Before and after a search: the family's best default against it, on the test examples."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.results import StrategyResult
from service import wording
from service.commitment import gap_text
from service.evidence import Gap
from service.report import Report
from service.searched import dearness, searches_of
from service.suitability import is_tuned

LEANS = (
    "The default shown is the best of its family on these very test examples, which leans a"
    " little against the search."
)


@dataclass(frozen=True)
class BeforeAfter:
    """`gap` is the searched strategy's quality minus the default's, row by row. `defaults` says
    of how many the default is the best; `changed`, whether the search took other settings."""

    default: StrategyResult
    searched: StrategyResult
    gap: Gap
    defaults: int
    changed: bool = True


def before_after(report: Report) -> list[BeforeAfter]:
    """Each completed searched strategy of whose family and model a default completed too."""
    unchanged = {each.result.id for each in searches_of(report) if not each.changes}
    found = []
    for row in sorted(report.strategies, key=dearness):
        if row.search_budget is None or row.quality is None:
            continue
        plain = [
            other
            for other in report.strategies  # best first
            if other.search_budget is None
            and other.quality
            and (other.family, other.model) == (row.family, row.model)
            and is_tuned(other) == is_tuned(row)  # a cascade is a combination too
        ]
        gap = gap_between(report, row.id, plain[0].id) if plain else None
        if gap is not None:
            found.append(BeforeAfter(plain[0], row, gap, len(plain), row.id not in unchanged))
    return found


def gap_between(report: Report, one: str, other: str | None) -> Gap | None:
    """The quality of one minus the other's on the same rows; None where no pair was measured."""
    for row in report.comparisons:
        if (row.a, row.b) == (one, other):
            return Gap(row.difference, row.low, row.high, row.n)
        if (row.a, row.b) == (other, one):
            return Gap(-row.difference, -row.high, -row.low, row.n)
    return None


def paid(pair: BeforeAfter, margin: float) -> str:
    """Whether the search paid on the test, as far as the interval tells."""
    gap = pair.gap
    size = wording.many_points(margin)
    told = f"{pair.searched.id} measures {gap_text(gap)} against {pair.default.id}"
    if not pair.changed and gap.difference == 0:
        return f"The search kept the default: {pair.searched.id} scores as {pair.default.id} does."
    if gap.shows_more_than(margin):
        return f"The search paid: {told}."
    if gap.low > 0:
        return f"The search gained, but not the {size} that would matter to you: {told}."
    if gap.high < 0:
        return f"The search did harm: {told}. The default is the better one."
    if gap.high <= margin:
        return f"The search did not pay: {told}, which rules out a gain of more than {size}."
    more = wording.count(gap.further_examples(margin))
    return (
        f"Whether the search paid is open: {told}, and the interval holds 0;"
        f" {more} more test examples would tell."
    )


def pair_notes(report: Report) -> list[str]:
    """A sentence for each pair, and how the default was picked."""
    pairs = before_after(report)
    told = [paid(pair, report.needs.practical_margin) for pair in pairs]
    return told + ([LEANS] if any(pair.defaults > 1 for pair in pairs) else [])


def span(row: StrategyResult) -> str:
    """The 95% interval of its test score."""
    return wording.interval(row.quality.low, row.quality.high) if row.quality else ""
