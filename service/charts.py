"""The three charts of a report: quality against cost, cost against volume, latency.

Each is drawn in a wide and a narrow form (the page shows the one that fits), with its takeaway
as the title and a text that says the same in words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.results import StrategyResult
from service import plots, takeaways, wording
from service.changing import incumbent_in
from service.report import Report
from service.series import crossings, lines_of, shown_in_charts
from service.short_names import short_names
from service.suitability import TRIVIAL

COLOURS = {
    "incumbent": "#b0305c",
    "baseline": "#64748b",
    "prompting": "#2f6db5",
    "rag": "#14857a",
    "fine-tuning": "#c2691c",
    "combined": "#8a4a9c",
}
OTHER = "#334155"
WIDE, NARROW = 840, 262
"""Widths of the plot areas in pixels: the page's column and a phone's screen, less the axis."""


@dataclass(frozen=True)
class Chart:
    """`wide` and `narrow` are SVG elements; `text` is for those who do not see them."""

    title: str
    wide: str
    narrow: str
    text: str


def charts(report: Report) -> list[Chart]:
    """Those for which there is something measured."""
    made = (quality_chart(report), volume_chart(report), latency_chart(report))
    return [chart for chart in made if chart is not None]


def colour(row: StrategyResult) -> str:
    return COLOURS.get(row.family, OTHER)


def drawn(title: str, text: str, plot: Callable[[int], str]) -> Chart:
    return Chart(title, plot(WIDE), plot(NARROW), text)


def room(width: int) -> int:
    """The most letters of a name in a plot of that width."""
    return 30 if width == WIDE else 24


def renamed(points: Sequence[dict[str, Any]], width: int) -> list[dict[str, Any]]:
    """The points, with ids short enough to be written beside them."""
    names = short_names([point["id"] for point in points], room(width))
    return [{**point, "id": names[point["id"]]} for point in points]


def quality_chart(report: Report) -> Chart | None:
    """Points with whiskers over a logarithmic cost axis; every point carries its name.

    The constant answer is a line and not a point: it costs nothing, and would stretch the axis.
    """
    rows = [row for row in shown_in_charts(report) if row.quality and row.cost]
    costs = [row.cost.per_1k_requests_usd for row in rows if row.cost]
    if not rows or max(costs) <= 0:
        return None
    least = min(cost for cost in costs if cost > 0)
    points: list[dict[str, Any]] = [
        {
            "id": row.id,
            "cost": max(row.cost.per_1k_requests_usd, least / 3),
            "value": row.quality.value,
            "low": row.quality.low,
            "high": row.quality.high,
            "colour": colour(row),
            "chosen": row.id == report.recommendation.strategy,
        }
        for row in rows
        if row.cost and row.quality
    ]
    levels = without_thought(report)
    today = incumbent_in(report.strategies)
    if today is not None and today.quality is not None and today.cost is None:
        levels.append((today.quality.value, "what runs today, cost not stated"))
    if report.needs.quality_at_least is not None:
        bar = report.needs.quality_at_least
        levels.append((bar, f"needed: {wording.score(bar)}"))
    return drawn(
        takeaways.quality_title(report, rows),
        takeaways.quality_text(rows),
        lambda width: plots.quality_plot(renamed(points, width), levels, report.task.metric, width),
    )


def without_thought(report: Report) -> list[tuple[float, str]]:
    """The height and name of the best that takes no thought: lines of two could lie together."""
    names = {"baseline.majority": "always the same answer", "baseline.copy": "the copied input"}
    found = [
        (row.quality.value, names[row.name])
        for row in report.strategies
        if row.name in TRIVIAL and row.quality
    ]
    return sorted(found)[-1:]


def volume_chart(report: Report) -> Chart | None:
    """Cost a month over the volume, on logarithmic axes, with the break-even points."""
    lines = lines_of(report)
    if not lines:
        return None
    marks = crossings(report, lines)

    def plot(width: int) -> str:
        names = short_names([line.id for line in lines], room(width))
        named = [replace(line, id=names[line.id]) for line in lines]
        paints = {line.id: COLOURS.get(line.family, OTHER) for line in named}
        return plots.volume_plot(named, marks, report.needs.requests_per_month, paints, width)

    return drawn(
        takeaways.volume_title(report, lines, marks), takeaways.volume_text(lines, marks), plot
    )


def latency_chart(report: Report) -> Chart | None:
    """A bar from the median to the 95th percentile for each strategy, quickest first; under load
    where a rate is stated, as that is what counts."""
    rows = [row for row in shown_in_charts(report) if row.counted_latency]
    if not rows:
        return None
    rows.sort(key=lambda row: row.counted_latency.p95 if row.counted_latency else 0.0)
    points: list[dict[str, Any]] = [
        {
            "id": row.id,
            "p50": max(row.counted_latency.p50, 0.1),
            "p95": max(row.counted_latency.p95, 0.1),
            "label": takeaways.span(row),
            "colour": colour(row),
        }
        for row in rows
        if row.counted_latency
    ]
    return drawn(
        takeaways.latency_title(report, rows),
        takeaways.latency_text(rows),
        lambda width: plots.latency_plot(
            renamed(points, width), report.needs.latency_p95_ms, width
        ),
    )
