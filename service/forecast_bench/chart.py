"""The chart of regret against compute."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from service.forecast_bench.figures import Overall
from service.forecast_bench.replayed import FORECAST
from service.plots import INK, MUTED, chart_of, name_font, painted, svg

WIDTH, HEIGHT = 560, 320
OTHERS = ("#b4552d", "#2f6f8f", "#7a5c99", "#5f7d3a", "#a08a2d")
LARGEST = 1.6
"""The axis of compute ends so many times beyond the largest budget: room for names."""


def regret_chart(found: Sequence[Overall]) -> str:
    """A line for each way of foretelling, from the least to the most compute, as an SVG.

    Across the share of the exhaustive seconds that was spent, up the mean regret in points.
    """
    ways = list(dict.fromkeys(one.way for one in found))
    rivals = [way for way in ways if way != FORECAST]
    paints = dict(zip(rivals, OTHERS * (1 + len(rivals) // len(OTHERS)), strict=False))
    points = [
        {
            "way": one.way,
            "spent": 100 * max(1 - one.saved, 1e-4),
            "regret": 100 * one.mean_regret,
            "colour": paints.get(one.way, INK),
        }
        for one in found
    ]
    ends = [max((p for p in points if p["way"] == way), key=lambda p: p["spent"]) for way in ways]
    spent = [float(point["spent"]) for point in points]
    x = alt.X("spent:Q").scale(
        type="log", domain=[min(spent) / 1.3, max(spent) * LARGEST], nice=False
    )
    x = x.axis(title="percent of the exhaustive seconds (log)", format="~g")
    y = alt.Y("regret:Q").axis(title="mean regret, points", tickCount=6)
    base = chart_of(points)
    aim = chart_of([{"at": 1.0}]).mark_rule(strokeDash=[4, 4], strokeWidth=1.2, color=MUTED)
    layers = [
        aim.encode(y="at:Q"),
        base.mark_line(strokeWidth=2.4).encode(x=x, y=y, color=painted(), detail="way:N"),
        base.mark_point(filled=True, size=70, opacity=1).encode(x=x, y=y, color=painted()),
        chart_of(ends)
        .mark_text(align="left", dx=8, baseline="middle", **name_font())
        .encode(x=x, y=y, text="way:N", color=painted()),
    ]
    return svg(alt.layer(*layers).properties(width=WIDTH, height=HEIGHT))
