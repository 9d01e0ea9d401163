"""The learning curves as a chart: measured points, and what is expected of more examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from benchmarks.results import StrategyResult
from service import plots, wording
from service.charts import Chart, colour, drawn, room
from service.learning import asked, gap_of, points_of
from service.report import LearningForecast, Report
from service.short_names import short_names

Points = list[dict[str, Any]]


def learning_chart(report: Report) -> Chart | None:
    """None where no curve has two sizes."""
    curves = [
        each for each in report.learning_forecasts if len(points_of(report, each.strategy)) > 1
    ]
    if not curves:
        return None
    rows = {row.id: row for row in report.strategies}
    points = [point for each in curves for point in drawn_points(report, each, rows)]
    levels = level_of(report, rows, {each.strategy for each in curves})
    return drawn(
        learning_title(report, curves),
        learning_text(report, curves),
        lambda width: learning_plot(points, levels, report.task.metric, width),
    )


def drawn_points(
    report: Report, forecast: LearningForecast, rows: dict[str, StrategyResult]
) -> Points:
    """Measured ones, then expected ones."""
    measured = points_of(report, forecast.strategy)
    paint = {"id": forecast.strategy, "colour": colour(rows[forecast.strategy])}
    return [
        {
            **paint,
            "n": point.n,
            "quality": point.quality,
            "low": point.low,
            "high": point.high,
            "expected": expected,
        }
        for expected, each in ((False, measured), (True, forecast.predictions))
        for point in each
    ]


def level_of(
    report: Report, rows: dict[str, StrategyResult], curves: set[str]
) -> list[tuple[float, str]]:
    """The recommended strategy as a line, where it has no curve itself."""
    name = report.recommendation.strategy
    if name is None or name in curves or (quality := rows[name].quality) is None:
        return []
    return [(quality.value, f"{name} now")]


def learning_title(report: Report, curves: Sequence[LearningForecast]) -> str:
    """What more examples would bring the best of them."""
    order = [row.id for row in report.strategies]
    best = min(curves, key=lambda each: order.index(each.strategy))
    points = points_of(report, best.strategy)
    if best.refused is not None:
        scores = [f"{wording.score(p.quality)} with {p.n}" for p in (points[0], points[-1])]
        return f"{best.strategy} scored {' training examples, '.join(scores)}"
    n, _ = asked(best, points[-1].n)
    gain = gap_of(best, best.strategy, n)
    more = f"{wording.count(n - points[-1].n)} more training examples"
    if gain is None or gain.high <= report.needs.practical_margin:
        return f"{more} would hardly help {best.strategy}"
    points_more = wording.points(gain.difference)
    return f"{more} would bring {best.strategy} {points_more} points"


def learning_text(report: Report, curves: Sequence[LearningForecast]) -> str:
    told = "; ".join(
        f"{each.strategy}: "
        + ", ".join(
            f"{wording.score(point.quality)} with {point.n}"
            f" ({wording.interval(point.low, point.high)})"
            for point in points_of(report, each.strategy)
        )
        + "".join(
            f", {wording.score(point.quality)} expected with {point.n}"
            f" ({wording.interval(point.low, point.high)})"
            for point in each.predictions
        )
        for each in curves
    )
    return f"Quality over the number of training examples: {told}."


def learning_plot(
    points: Points, levels: Sequence[tuple[float, str]], metric: str, width: int
) -> str:
    """Solid through what was measured, dashed to hollow points that are expected."""
    height = 330 if width > plots.PHONE else 300
    names = short_names(list(dict.fromkeys(point["id"] for point in points)), room(width))
    points = [{**point, "id": names[point["id"]]} for point in points]
    heights = [point[key] for point in points for key in ("low", "high")]
    heights += [at for at, _ in levels]
    bottom, top = max(0.0, min(heights) - 0.04), min(1.03, max(heights) + 0.05)
    first, last = min(p["n"] for p in points), max(p["n"] for p in points)
    share = min(0.5, (plots.NAME_WIDTH * max(map(len, names.values())) + 12) / width)
    domain = [first / 1.15, last * (last / first) ** (share / (1 - share))]
    x = alt.X("n:Q").scale(type="log", domain=domain, nice=False)
    x = x.axis(
        title="training examples (log)",
        labelExpr=plots.NUMBER,
        values=plots.ticks((domain[0], last), width),
    )
    y = alt.Y("quality:Q").scale(domain=[bottom, top], nice=False, zero=False)
    y = y.axis(title=wording.metric_name(metric), tickCount=6)
    at = {"x": x, "y": y, "color": plots.painted()}
    layers: list[Any] = [plots.level_rule(value, text, True) for value, text in levels]
    whiskers = plots.chart_of(points).mark_rule(strokeWidth=1.8, opacity=0.45)
    layers.append(whiskers.encode(**{**at, "y": "low:Q"}, y2="high:Q"))
    layers += curve_layers(points, at)
    labels = plots.chart_of(names_apart(points, bottom, top, height))
    labels = labels.mark_text(align="left", dx=9, baseline="middle", **plots.name_font())
    layers.append(labels.encode(**at, text="id:N"))
    return plots.svg(alt.layer(*layers).properties(width=width, height=height))


def curve_layers(points: Points, at: dict[str, Any]) -> list[Any]:
    """Lines and dots; those of what is expected only where something is."""
    measured = [point for point in points if not point["expected"]]
    expected = [point for point in points if point["expected"]]
    layers = [
        plots.chart_of(measured).mark_line(strokeWidth=2.4).encode(**at, detail="id:N"),
        plots.chart_of(measured).mark_point(filled=True, size=95, opacity=1).encode(**at),
    ]
    if expected:
        beyond = plots.chart_of(joined(points)).mark_line(strokeWidth=1.8, strokeDash=[5, 4])
        hollow = plots.chart_of(expected).mark_point(fill="white", size=95, opacity=1)
        layers += [beyond.encode(**at, detail="id:N"), hollow.encode(**at)]
    return layers


def joined(points: Points) -> Points:
    """Each curve from its last measured point over those expected."""
    found: Points = []
    for name in dict.fromkeys(point["id"] for point in points):
        mine = [point for point in points if point["id"] == name]
        expected = [point for point in mine if point["expected"]]
        if expected:
            found += [[point for point in mine if not point["expected"]][-1], *expected]
    return found


def names_apart(points: Points, bottom: float, top: float, height: int) -> Points:
    """Each curve's name at its right end, pushed up where it would lie on another."""
    gap = 15 / height * (top - bottom)
    ends = {point["id"]: point for point in points}  # the last of each
    found: Points = []
    for point in sorted(ends.values(), key=lambda point: point["quality"]):
        least = found[-1]["quality"] + gap if found else bottom
        found.append({**point, "quality": max(point["quality"], least)})
    return found
