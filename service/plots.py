"""Drawing the charts: Altair to SVG by vl-convert, with no network.

Altair's own types do not follow its layered charts, so a plot is Any here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import ceil, exp, floor, log, log10
from typing import Any

import altair as alt
import vl_convert

from service import wording
from service.series import Line, is_left_free, labels_apart, volumes_shown

FONT = "Inter, ui-sans-serif, system-ui, Segoe UI, Roboto, Helvetica, Arial, sans-serif"
INK, MUTED, GRID = "#1f2a37", "#5b6775", "#e9e7e1"
PHONE = 400
"""Plots narrower than this, in pixels, are laid out for a phone."""
NAME_WIDTH = 7.2
LABEL_WIDTH = 6.6
"""Pixels of a letter at most: who reads the page has other fonts than who measures the names."""

MONEY = (
    "datum.value >= 1000 ? '$' + format(datum.value, ',.0f') : datum.value >= 1 ?"
    " '$' + format(datum.value, '~g') : '$' + format(datum.value, '.7~f')"
)
X_VALUE: Any = alt.XValue
Y_VALUE: Any = alt.YValue
"""Places in pixels rather than of the data."""
NUMBER = "datum.value >= 1000 ? format(datum.value, '~s') : format(datum.value, '~g')"


def quality_plot(
    points: Sequence[Mapping[str, Any]],
    levels: Sequence[tuple[float, str]],
    metric: str,
    width: int,
) -> str:
    """`points` with id, cost, value, low, high, colour, chosen; `levels` are labelled lines."""
    height = 340 if width > PHONE else 320
    costs = [point["cost"] for point in points]
    domain = [min(costs) / 2, max(costs) * 2]
    highs = [point["high"] for point in points] + [at for at, _ in levels]
    top = min(1.03, max(highs) * 1.08)
    placed = labels_apart(points, [at for at, _ in levels], domain, top, width, height)
    x = alt.X("cost:Q").scale(type="log", domain=domain, nice=False)
    x = x.axis(
        title="US dollars per 1,000 requests (log)", labelExpr=MONEY, values=ticks(domain, width)
    )
    y = alt.Y("value:Q").scale(domain=[0, top], nice=False)
    y = y.axis(title=wording.metric_name(metric), tickCount=6)
    base = chart_of(placed)
    paint = painted()
    leads = base.transform_filter("datum.moved").mark_rule(strokeWidth=0.8, opacity=0.5)
    chosen = base.transform_filter("datum.chosen")
    layers: list[Any] = [
        level_rule(at, text, is_left_free(points, at, domain, top)) for at, text in levels
    ]
    layers += [
        base.mark_rule(strokeWidth=1.8, opacity=0.5).encode(
            x=x, y=alt.Y("low:Q"), y2=alt.Y2("high:Q"), color=paint
        ),
        leads.encode(
            x=x, y=alt.Y("value:Q"), x2=alt.X2("lead_x:Q"), y2=alt.Y2("label_y:Q"), color=paint
        ),
        chosen.mark_point(filled=False, size=300, strokeWidth=1.8, opacity=1).encode(
            x=x, y=y, color=paint
        ),
        base.mark_point(filled=True, size=95, opacity=1).encode(x=x, y=y, color=paint),
    ]
    for align, kept in (("left", "!datum.left"), ("right", "datum.left")):
        names = base.transform_filter(kept).mark_text(align=align, baseline="middle", **name_font())
        layers.append(
            names.encode(**placed_at("label_x:Q", "label_y:Q"), text=alt.Text("id:N"), color=paint)
        )
    return svg(alt.layer(*layers, width=width, height=height))


def volume_plot(
    lines: Sequence[Line],
    marks: Sequence[Mapping[str, Any]],
    volume: float | None,
    paints: Mapping[str, str],
    width: int,
) -> str:
    """A line for each strategy, named at its end, with the break-even points on them."""
    height = 330 if width > PHONE else 300
    values = volumes_shown(marks, volume)
    points = [
        {"id": line.id, "requests": v, "usd": line.at(v), "colour": paints[line.id]}
        for line in lines
        for v in values
    ]
    dollars = [line.at(v) for line in lines for v in (values[0], values[-1])]
    bottom, top = min(dollars) / 1.6, max(dollars) * 1.6
    x = alt.X("requests:Q")
    x = x.scale(type="log", domain=[values[0], room_for_names(lines, values, width)], nice=False)
    shown = ticks((values[0], values[-1]), width)
    x = x.axis(title="requests a month (log)", labelExpr=NUMBER, values=shown)
    y = alt.Y("usd:Q").scale(type="log", domain=[bottom, top], nice=False)
    y = y.axis(
        title="US dollars a month, setup spread (log)",
        labelExpr=MONEY,
        values=ticks((bottom, top), 500),
    )
    paint = painted()
    curves = chart_of(points).mark_line(strokeWidth=2.4)
    names = chart_of(ends_apart(lines, values[-1], (bottom, top), height, paints))
    names = names.mark_text(align="left", dx=7, baseline="middle", **name_font())
    layers: list[Any] = [] if not volume else [volume_rule(volume, height)]
    layers += [
        curves.encode(x=x, y=y, color=paint, detail=alt.Detail("id:N")),
        names.encode(**placed_at("requests:Q", "usd:Q"), text=alt.Text("id:N"), color=paint),
    ]
    if marks:
        spot = chart_of(marks).mark_point(
            filled=True, fill="white", stroke=INK, strokeWidth=1.8, size=90, opacity=1
        )
        label = chart_of(marks).mark_text(dy=-15, fontSize=11.5, fontWeight=600, color=INK)
        place = placed_at("requests:Q", "usd:Q")
        layers += [spot.encode(**place), label.encode(**place, text=alt.Text("label:N"))]
    return svg(alt.layer(*layers, width=width, height=height))


def latency_plot(points: Sequence[Mapping[str, Any]], limit: float | None, width: int) -> str:
    """`points` with id, p50, p95, label, colour, in the order to draw them."""
    wide = width > PHONE
    low, high = min(p["p50"] for p in points), max(p["p95"] for p in points)
    high = max(high, limit or 0.0)
    longest = max(len(p["label"]) for p in points)
    share = min(0.6, max(115 if wide else 100, LABEL_WIDTH * longest + 16) / width)
    domain = [low / 1.4, high * (high / low * 1.4) ** (share / (1 - share)) * 1.1]
    base = chart_of(points)
    x = alt.X("p50:Q").scale(type="log", domain=domain, nice=False)
    x = x.axis(
        title="milliseconds (log)", labelExpr=NUMBER, values=ticks((low / 1.4, high * 1.2), width)
    )
    names_room = NAME_WIDTH * max(len(p["id"]) for p in points) + 12
    side = alt.Axis(
        title=None,
        labelLimit=220,
        minExtent=min(220, names_room),
        domain=False,
        ticks=False,
        labelFontSize=12,
    )
    y = alt.Y("id:N", sort=[p["id"] for p in points], axis=side if wide else None)
    paint, lift = painted(), 0 if wide else 9
    bars = base.mark_bar(height=9, cornerRadius=4.5, opacity=0.35, yOffset=lift)
    medians = base.mark_point(filled=True, size=75, opacity=1, yOffset=lift)
    tails = base.mark_tick(thickness=2.5, size=15, opacity=1, yOffset=lift)
    notes = base.mark_text(align="left", dx=8, fontSize=11.5, color=MUTED, yOffset=lift)
    layers: list[Any] = [] if limit is None else [limit_rule(limit)]
    layers += [
        bars.encode(x=x, x2=alt.X2("p95:Q"), y=y, color=paint),
        medians.encode(x=x, y=y, color=paint),
        tails.encode(x=alt.X("p95:Q"), y=y, color=paint),
        notes.encode(x=alt.X("p95:Q"), y=y, text=alt.Text("label:N")),
    ]
    if not wide:
        names = base.mark_text(align="left", yOffset=-9, **name_font())
        layers.append(names.encode(x=X_VALUE(0), y=y, text=alt.Text("id:N"), color=paint))
    size = {"width": width - (60 if wide else 0), "height": (32 if wide else 46) * len(points)}
    return svg(alt.layer(*layers, **size))


def room_for_names(lines: Sequence[Line], values: Sequence[float], width: int) -> float:
    """The end of the volume axis that leaves the longest name its room after the lines."""
    room = min(0.5, (NAME_WIDTH * max(len(line.id) for line in lines) + 12) / width)
    return float(values[-1] * (values[-1] / values[0]) ** (room / (1 - room)))


def ends_apart(
    lines: Sequence[Line],
    last: float,
    domain: tuple[float, float],
    height: int,
    paints: Mapping[str, str],
) -> list[dict[str, Any]]:
    """Names at the right ends of the lines, pushed apart where they would overlap."""
    gap = 15 / height * (log(domain[1]) - log(domain[0]))
    places: list[float] = []
    ordered = sorted(lines, key=lambda line: line.at(last))
    for line in ordered:
        wanted = log(line.at(last))
        places.append(max(wanted, places[-1] + gap) if places else wanted)
    return [
        {"id": line.id, "requests": last, "usd": exp(place), "colour": paints[line.id]}
        for line, place in zip(ordered, places, strict=True)
    ]


def level_rule(at: float, label: str, left: bool) -> Any:
    """A dashed line at a height, labelled at its left or right end."""
    base = chart_of([{"at": at, "label": label}])
    rule = base.mark_rule(strokeDash=[4, 4], strokeWidth=1.2, color=MUTED)
    align, dx = ("left", 6) if left else ("right", -6)
    text = base.mark_text(align=align, dx=dx, dy=-7, fontSize=11, color=MUTED)
    place = X_VALUE(0 if left else "width")
    y = alt.Y("at:Q")
    return rule.encode(y=y) + text.encode(y=y, x=place, text=alt.Text("label:N"))


def volume_rule(at: float, height: int) -> Any:
    """The stated volume, labelled at the foot, where lines are far."""
    base = chart_of([{"at": at, "label": f"your volume: {wording.count(at)}"}])
    rule = base.mark_rule(strokeDash=[4, 4], strokeWidth=1.2, color=MUTED)
    text = base.mark_text(align="left", dx=6, dy=-8, fontSize=11, color=MUTED)
    x = alt.X("at:Q")
    return rule.encode(x=x) + text.encode(x=x, y=Y_VALUE(height), text=alt.Text("label:N"))


def limit_rule(at: float) -> Any:
    """The stated latency."""
    base = chart_of([{"at": at, "label": f"limit {wording.milliseconds(at)}"}])
    rule = base.mark_rule(strokeDash=[4, 4], strokeWidth=1.2, color=MUTED)
    text = base.mark_text(align="right", dy=-9, fontSize=11, color=MUTED)
    x = alt.X("at:Q")
    return rule.encode(x=x) + text.encode(x=x, y=Y_VALUE(0), text=alt.Text("label:N"))


def placed_at(x: str, y: str) -> dict[str, Any]:
    """Where a mark is. Channels are told by their types: what is only named, as by a string, Altair
    takes many times as long to make one of."""
    return {"x": alt.X(x), "y": alt.Y(y)}


def chart_of(values: Sequence[Mapping[str, Any]]) -> Any:
    return alt.Chart(alt.InlineData(values=[dict(value) for value in values]))


def painted() -> Any:
    """Colours come with the data."""
    return alt.Color("colour:N").scale(None).legend(None)


def ticks(domain: Sequence[float], width: int) -> list[float]:
    """Round values within the domain of a logarithmic axis, few enough for the width."""
    most = 8 if width > PHONE else 4
    first, last = floor(log10(domain[0])), ceil(log10(domain[1]))
    for steps in ((1, 2, 5), (1, 3), (1,)):
        values = [step * 10.0**power for power in range(first, last + 1) for step in steps]
        shown = [value for value in values if domain[0] <= value <= domain[1]]
        if len(shown) <= most:
            return shown
    return shown[:: ceil(len(shown) / most)]


def name_font() -> dict[str, Any]:
    return {"fontSize": 12, "fontWeight": 500}


def svg(chart: Any) -> str:
    """The chart as an SVG element that scales with its box."""
    axis = {
        "labelColor": MUTED,
        "titleColor": MUTED,
        "labelFontSize": 11,
        "titleFontSize": 11.5,
        "titleFontWeight": "normal",
        "gridColor": GRID,
        "domainColor": GRID,
        "tickColor": GRID,
        "titlePadding": 10,
        "labelPadding": 5,
    }
    style = {"view": {"stroke": None}, "axis": axis}  # at once: each call copies all of the chart
    styled = chart.configure(font=FONT, background="transparent", padding=4, **style)
    # tests hold every form to the schema, which takes longer than to make one
    drawing = styled.to_dict(validate=False)
    text: str = vl_convert.vegalite_to_svg(drawing, allowed_base_urls=[])
    text = text[text.index("<svg") :]
    width = re.search(r'\bwidth="([\d.]+)"', text)
    most = f"max-width:{width.group(1)}px;" if width else ""
    text = re.sub(r'^<svg([^>]*?) width="[\d.]+" height="[\d.]+"', r"<svg\1", text, count=1)
    return text.replace("<svg", f'<svg style="{most}width:100%;height:auto"', 1)
