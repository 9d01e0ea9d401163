"""What each chart shows, as its title, and in words for those who do not see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.incumbent import INCUMBENT
from benchmarks.results import StrategyResult
from service import wording
from service.report import Report
from service.series import Line


def quality_title(report: Report, rows: Sequence[StrategyResult]) -> str:
    """What the recommended one gives for its money, against the best."""
    first = next((row for row in rows if row.id == report.recommendation.strategy), None)
    top = max(rows, key=lambda row: row.quality.value if row.quality else 0.0)
    if first is None and report.recommendation.family == INCUMBENT:
        return "What the others score for their money; today's cost is not stated"
    if first is None or first.quality is None or first.cost is None:
        return "No strategy is clearly above what is free"
    if top.id == first.id or top.quality is None or top.cost is None:
        costs = [row.cost.per_1k_requests_usd for row in rows if row.cost]
        cheapest = first.cost.per_1k_requests_usd <= min(costs)
        return f"{first.id} scores highest" + (" and costs least per request" if cheapest else "")
    behind = wording.many_points(top.quality.value - first.quality.value)
    ratio = top.cost.per_1k_requests_usd / max(first.cost.per_1k_requests_usd, 1e-12)
    if ratio >= 1.5:
        return f"{first.id} is {behind} behind {top.id}, which costs {times(ratio)} as much"
    return f"{first.id} is {behind} behind {top.id}, the highest"


def quality_text(rows: Sequence[StrategyResult]) -> str:
    told = "; ".join(
        f"{row.id} scores {wording.score(row.quality.value)}"
        f" ({wording.interval(row.quality.low, row.quality.high)})"
        f" at {wording.dollars(row.cost.per_1k_requests_usd)}"
        for row in rows
        if row.quality and row.cost
    )
    return f"Quality against cost per 1,000 requests: {told}."


def volume_title(report: Report, lines: Sequence[Line], marks: Sequence[Mapping[str, Any]]) -> str:
    """Who is cheapest at the stated volume, and from where on another one is."""
    first = next((line for line in lines if line.id == report.recommendation.strategy), None)
    if first is None:
        return "What each strategy costs as the volume grows"
    volume = report.needs.requests_per_month
    later = [
        mark for mark in marks if mark["from"] == first.id and mark["requests"] > (volume or 0)
    ]
    turn = min(later, key=lambda mark: float(mark["requests"]), default=None)
    if volume:
        cheapest = min(lines, key=lambda line: line.at(volume))
        ratio = first.at(volume) / cheapest.at(volume)
        told = f"At {wording.count(volume)} requests a month, {first.id}"
        own = wording.dollars(first.at(volume))
        if ratio >= 1.05:
            return f"{told} costs {own}, {times(ratio)} as much as {cheapest.id}"
        if own != wording.dollars(cheapest.at(volume)):
            return f"{told} costs {own}, hardly more than {cheapest.id}"
        if cheapest.id != first.id:
            return f"{told} costs {own}, as little as {cheapest.id}"
        told += f" costs least, {own}"
        return told + (f"; {turn['to']} does from {turn['label']}" if turn else "")
    if turn:
        return f"{turn['to']} costs less than {first.id} from {turn['label']} requests a month"
    earlier = [mark for mark in marks if mark["to"] == first.id]
    if earlier:
        start = max(earlier, key=lambda mark: float(mark["requests"]))
        return f"{first.id} pays for its setup from {start['label']} requests a month"
    return f"What {first.id} and the others cost as the volume grows"


def volume_text(lines: Sequence[Line], marks: Sequence[Mapping[str, Any]]) -> str:
    told = "; ".join(
        f"{line.id}: {wording.dollars(line.fixed)} a month fixed and"
        f" {wording.dollars(1000 * line.per_request)} per 1,000 requests"
        for line in lines
    )
    crossed = "; ".join(f"{m['to']} undercuts {m['from']} from {m['label']}" for m in marks)
    return f"Cost a month against volume: {told}. Break-even: {crossed or 'none in this range'}."


def latency_title(report: Report, rows: Sequence[StrategyResult]) -> str:
    """`rows` in order of their 95th percentile."""
    first = next((row for row in rows if row.id == report.recommendation.strategy), rows[0])
    slowest = rows[-1]
    if first.counted_latency is None or slowest.counted_latency is None:
        return "Latency of single requests"
    p95 = first.counted_latency.p95
    told = f"{first.id} answers 95% of requests within {wording.milliseconds(p95)}"
    told += " under load" if first.under_load else ""
    ratio = slowest.counted_latency.p95 / max(p95, 1e-9)
    return f"{told}; {slowest.id} takes {times(ratio)} as long" if ratio >= 2 else told


def latency_text(rows: Sequence[StrategyResult]) -> str:
    """Under load where that is what counts."""
    told = "; ".join(f"{row.id} {span(row)}" for row in rows)
    loaded = any(row.under_load for row in rows)
    what = "at the stated rate, waiting included (computed)" if loaded else "of single requests"
    return f"Latency {what}, from the median to the 95th percentile: {told}."


def span(row: StrategyResult) -> str:
    """`138 – 185 ms`."""
    if row.counted_latency is None:
        return ""
    counted = row.counted_latency
    p50, p95 = (wording.milliseconds(ms) for ms in (counted.p50, counted.p95))
    text = p95 if p50 == p95 else f"{p50.removesuffix(' ms')} – {p95}"
    return wording.as_stated(text, row.latency_ms) if row.latency_ms else text


def times(ratio: float) -> str:
    """`1.8 times`, `42 times`."""
    return f"{ratio:,.0f} times" if ratio >= 10 else f"{ratio:.1f} times"
