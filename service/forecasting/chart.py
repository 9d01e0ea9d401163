"""The chart of a forecast: what each strategy is expected to reach, as a line with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from service import wording
from service.charts import COLOURS, OTHER, Chart, drawn, renamed
from service.forecasting.result import Forecast, ForecastRow
from service.plots import MUTED, NAME_WIDTH, PHONE, chart_of, name_font, painted, svg


def forecast_chart(forecast: Forecast) -> Chart | None:
    """None where nothing is expected of any strategy."""
    rows = [row for row in forecast.strategies if row.quality]
    if not rows:
        return None
    points: list[dict[str, Any]] = [
        {
            "id": row.id,
            "value": row.quality.value,
            "low": row.quality.low,
            "high": row.quality.high,
            "label": wording.score(row.quality.value),
            "colour": COLOURS.get(row.family, OTHER),
            "chosen": row.id == forecast.answer.strategy,
        }
        for row in rows
        if row.quality
    ]
    bar, metric = forecast.needs.quality_at_least, forecast.task.metric
    return drawn(
        title(forecast, rows),
        text(rows),
        lambda width: interval_plot(renamed(points, width), bar, metric, width),
    )


def title(forecast: Forecast, rows: Sequence[ForecastRow]) -> str:
    top, name = rows[0], forecast.answer.strategy
    if name is None:
        return "Nothing is expected to be clearly above what is free"
    if top.id == name:
        return f"{name} is expected to score highest"
    first = next(row for row in rows if row.id == name)
    assert first.quality is not None
    assert top.quality is not None
    behind = wording.many_points(top.quality.value - first.quality.value)
    return f"{name} is expected to be {behind} behind {top.id}, the highest"


def text(rows: Sequence[ForecastRow]) -> str:
    told = "; ".join(
        f"{row.id} {wording.score(row.quality.value)}"
        f" ({wording.interval(row.quality.low, row.quality.high)})"
        for row in rows
        if row.quality
    )
    return f"Expected quality with 90% intervals: {told}."


def interval_plot(
    points: Sequence[Mapping[str, Any]], bar: float | None, metric: str, width: int
) -> str:
    """`points` with id, value, low, high, label, colour, chosen, in the order to draw them."""
    wide = width > PHONE
    ends = [p["high"] for p in points] + ([bar] if bar is not None else [])
    base = chart_of(points)
    scale = alt.Scale(domain=[0, min(1.0, max(ends) * 1.05)], nice=False)
    axis = alt.Axis(title=wording.metric_name(metric), tickCount=6)
    x, low = (alt.X(f"{name}:Q", scale=scale, axis=axis) for name in ("value", "low"))
    names = NAME_WIDTH * max(len(p["id"]) for p in points) + 12
    side = alt.Axis(
        title=None,
        labelLimit=220,
        minExtent=min(220, names),
        domain=False,
        ticks=False,
        labelFontSize=12,
    )
    y = alt.Y("id:N", sort=[p["id"] for p in points], axis=side if wide else None)
    paint, lift = painted(), 0 if wide else 9
    spans = base.mark_bar(height=7, cornerRadius=3.5, opacity=0.35, yOffset=lift)
    dots = base.mark_point(filled=True, size=85, opacity=1, yOffset=lift)
    ring = base.transform_filter("datum.chosen").mark_point(
        filled=False, size=260, strokeWidth=1.8, opacity=1, yOffset=lift
    )
    layers: list[Any] = [] if bar is None else [needed(bar)]
    layers += [
        spans.encode(x=low, x2="high:Q", y=y, color=paint),
        ring.encode(x=x, y=y, color=paint),
        dots.encode(x=x, y=y, color=paint),
    ]
    if not wide:
        words = base.mark_text(align="left", yOffset=-9, **name_font())
        layers.append(words.encode(x=alt.value(0), y=y, text="id:N", color=paint))
    size = {"width": width - (60 if wide else 0), "height": (28 if wide else 44) * len(points)}
    return svg(alt.layer(*layers).properties(**size))


def needed(bar: float) -> Any:
    """The stated quality."""
    base = chart_of([{"at": bar, "label": f"needed: {wording.score(bar)}"}])
    rule = base.mark_rule(strokeDash=[4, 4], strokeWidth=1.2, color=MUTED)
    label = base.mark_text(align="right", dx=-6, dy=-7, fontSize=11, color=MUTED)
    return rule.encode(x="at:Q") + label.encode(x="at:Q", y=alt.value(0), text="label:N")
