"""The charts of the benchmark: regret against compute, and foretold chances beside true ones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import altair as alt

from service.forecast_bench.chances import Bin
from service.forecast_bench.figures import Overall
from service.forecast_bench.replayed import FORECAST
from service.plots import INK, MUTED, chart_of, name_font, painted, svg

WIDTH, HEIGHT = 560, 320
OTHERS = ("#b4552d", "#2f6f8f", "#7a5c99", "#5f7d3a", "#a08a2d")
TICKS = (0.5, 1, 2, 3, 5, 7, 10, 15)
LEAST = 0.005
"""A way that spends less of the exhaustive seconds than this is told as a level line."""
ROOM = 3.0
"""The axis of compute ends so many times beyond the largest budget: room for names."""
NAMED = 1.12
"""So many times beyond the largest budget the names stand, below each other."""
APART = 17 / HEIGHT
"""Names of lines keep so much of the height between them."""
AIM = 1.0
"""Points of mean regret."""


def regret_chart(found: Sequence[Overall]) -> str:
    """A line for each way of foretelling, from the least to the most compute, as an SVG.

    Across the share of the exhaustive seconds that was spent, up the mean regret in points.
    """
    rivals = list(dict.fromkeys(one.way for one in found if one.way != FORECAST))
    ways = [*rivals, FORECAST]  # on top of all others
    paints = {FORECAST: INK} | {
        way: OTHERS[place % len(OTHERS)] for place, way in enumerate(rivals)
    }
    largest = 100 * max(one.budget for one in found)
    bounds = [min(TICKS), largest]
    points = [point for way in ways for point in line_of(way, found, bounds, paints[way])]
    drawn = list(dict.fromkeys(point["way"] for point in points))
    regrets = [float(point["regret"]) for point in points]
    low, high = min(0.0, *regrets), max(AIM, *regrets) * 1.08
    ends = apart(
        [max((p for p in points if p["way"] == way), key=lambda p: p["spent"]) for way in drawn],
        (high - low) * APART,
    )
    x = alt.X("spent:Q").scale(type="log", domain=[bounds[0], largest * ROOM], nice=False)
    shown = [value for value in TICKS if value <= largest]
    x = x.axis(title="percent of the exhaustive seconds (log)", values=shown, format="~g")
    y = alt.Y("regret:Q").scale(domain=[low, high], nice=False)
    y = y.axis(title="mean regret, points", tickCount=6)
    base, paint = chart_of(points), painted()
    aim = chart_of([{"at": AIM, "first": bounds[0], "last": largest}])
    aim = aim.mark_rule(strokeDash=[4, 4], strokeWidth=1.2, color=MUTED)
    named = chart_of([{**end, "named": largest * NAMED} for end in ends])
    leads = named.mark_rule(strokeWidth=1, opacity=0.45)
    names = named.mark_text(align="left", dx=4, baseline="middle", **name_font())
    at, label = alt.X("named:Q"), alt.Y("label:Q")
    layers: list[Any] = [aim.encode(y="at:Q", x="first:Q", x2="last:Q")]
    for level, dash in ((False, [1, 0]), (True, [2, 3])):
        lines = base.transform_filter(f"datum.level === {str(level).lower()}")
        lines = lines.mark_line(strokeWidth=2.2, strokeDash=dash)
        layers.append(lines.encode(x=x, y=y, color=paint, detail="way:N"))
    spots = base.transform_filter("!datum.level").mark_point(filled=True, size=70, opacity=1)
    layers += [
        leads.encode(x=x, x2=alt.X2("named:Q"), y=y, y2=alt.Y2("label:Q"), color=paint),
        spots.encode(x=x, y=y, color=paint),
        names.encode(x=at, y=label, text=alt.Text("way:N"), color=paint),
    ]
    return svg(alt.layer(*layers).properties(width=WIDTH, height=HEIGHT))


def line_of(
    way: str, found: Sequence[Overall], bounds: Sequence[float], colour: str
) -> list[dict[str, Any]]:
    """The points of a way; two at the ends of the axis for one that spends next to nothing."""
    mine = [one for one in found if one.way == way]
    level = all(1 - one.saved < LEAST for one in mine)
    spots = [(max(bounds[0], 100 * (1 - one.saved)), 100 * one.mean_regret) for one in mine]
    if level:
        spots = [(at, spots[-1][1]) for at in bounds]
    return [
        {"way": way, "spent": spent, "regret": regret, "colour": colour, "level": level}
        for spent, regret in spots
    ]


def apart(ends: Sequence[dict[str, Any]], gap: float) -> list[dict[str, Any]]:
    """The ends of lines with the heights of their names, which do not overlap."""
    ordered = sorted(ends, key=lambda end: float(end["regret"]))
    labels = [float(end["regret"]) for end in ordered]
    for lower, upper in pairwise(range(len(labels))):
        labels[upper] = max(labels[upper], labels[lower] + gap)
    return [{**end, "label": label} for end, label in zip(ordered, labels, strict=True)]


def odds_chart(bins: Sequence[Bin]) -> str:
    """What was foretold of being best, and how often it is so, as an SVG: on the line both are the
    same. The larger a spot the more strategies it stands for."""
    points = [{"told": 100 * b.told, "true": 100 * b.true, "n": b.n} for b in bins]
    axis: dict[str, Any] = {"values": [0, 25, 50, 75, 100]}
    x = alt.X("told:Q").scale(domain=[0, 104], nice=False)
    x = x.axis(title="foretold chance of being best, percent", **axis)
    y = alt.Y("true:Q").scale(domain=[0, 104], nice=False).axis(title="true, percent", **axis)
    size = alt.Size("n:Q").scale(range=[60, 500]).legend(None)
    line = chart_of([{"told": 0, "true": 0}, {"told": 100, "true": 100}])
    line = line.mark_line(strokeDash=[4, 4], strokeWidth=1.2, color=MUTED).encode(x=x, y=y)
    spots = chart_of(points).mark_point(filled=True, opacity=0.9, color=INK)
    counts = chart_of(points).mark_text(dy=-16, fontSize=11, color=MUTED)
    layers = [line, spots.encode(x=x, y=y, size=size), counts.encode(x=x, y=y, text="n:Q")]
    return svg(alt.layer(*layers).properties(width=HEIGHT, height=HEIGHT))
