"""The numbers behind the charts: cost lines, break-even marks, places of labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, log10
from typing import Any

from benchmarks.results import StrategyResult
from service import wording
from service.changing import is_incumbent
from service.report import Report
from service.suitability import TRIVIAL, is_tuned

MOST_LINES = 4
STEPS = 40


@dataclass(frozen=True)
class Line:
    """Cost a month as a function of volume: fixed cost spread over the horizon, and per request.

    US dollars.
    """

    id: str
    family: str
    fixed: float
    per_request: float

    def at(self, requests: float) -> float:
        return max(self.fixed + self.per_request * requests, 1e-9)


def shown_in_charts(report: Report) -> list[StrategyResult]:
    """All with a score but what takes no thought, which would only stretch the axes."""
    return [row for row in report.strategies if row.quality and row.name not in TRIVIAL]


def lines_of(report: Report) -> list[Line]:
    """The recommended one, the runner-up, what runs today, the best tuned one and the best of
    the others."""
    rows = [row for row in shown_in_charts(report) if row.cost]
    wanted = [report.recommendation.strategy, report.recommendation.runner_up]
    wanted += [row.id for row in rows if is_incumbent(row)]
    wanted += [row.id for row in rows if is_tuned(row)][:1]
    wanted += [row.id for row in rows]
    known = {row.id: row for row in rows}
    names = [name for name in dict.fromkeys(wanted) if name in known][:MOST_LINES]
    return [line_of(known[name], report) for name in names]


def line_of(row: StrategyResult, report: Report) -> Line:
    """What no request causes is part of the fixed cost where a horizon cost was computed."""
    if row.cost is None:
        return Line(row.id, row.family, 0.0, 0.0)
    months, per_request = report.needs.horizon_months, row.cost.per_1k_requests_usd / 1000
    fixed = row.cost.setup_usd
    parts, volume = row.cost.parts, report.needs.requests_per_month
    if parts is not None and (parts.hosting is not None or parts.engineering is not None):
        per_request = parts.requests / months / volume if volume else 0.0
        fixed = parts.total() - parts.requests
    elif row.cost.horizon_usd is not None and row.cost.monthly_usd is not None:
        fixed = row.cost.horizon_usd - row.cost.monthly_usd * months
    return Line(row.id, row.family, max(0.0, fixed) / months, per_request)


def crossings(report: Report, lines: Sequence[Line]) -> list[dict[str, Any]]:
    """Break-even points between drawn lines, within a factor of 1,000 of the stated volume."""
    volume = report.needs.requests_per_month
    least, most = (volume / 1000, volume * 1000) if volume else (10.0, 1e8)
    drawn = {line.id: line for line in lines}
    return [
        {
            "from": row.from_,
            "to": row.to,
            "requests": row.requests,
            "usd": drawn[row.to].at(row.requests),
            "label": wording.count(row.requests),
        }
        for row in report.break_even
        if row.requests is not None
        and row.from_ in drawn
        and row.to in drawn
        and least <= row.requests <= most
    ]


def volumes_shown(marks: Sequence[Mapping[str, Any]], volume: float | None) -> list[float]:
    """Volumes evenly spaced on a log scale, around everything that matters."""
    values = [float(mark["requests"]) for mark in marks] + ([volume] if volume else [])
    low = min((value / 20 for value in values), default=100.0)
    high = max((value * 20 for value in values), default=1e6)
    start, stop = log10(max(low, 1.0)), log10(high)
    return [10 ** (start + (stop - start) * step / (STEPS - 1)) for step in range(STEPS)]


Box = tuple[float, float, float, float]
"""Left, right, top and bottom in pixels."""


def labels_apart(
    points: Sequence[Mapping[str, Any]],
    levels: Sequence[float],
    domain: Sequence[float],
    top: float,
    width: int,
    height: int,
) -> list[dict[str, Any]]:
    """Points with a place for their name: at their side, off other names, points and lines.

    `domain` is the range of the logarithmic x axis, `top` the end of the y axis that begins at
    0; `width` and `height` are the pixels of both. `levels` are lines labelled at the left.
    """
    start, stop = log(domain[0]), log(domain[1])
    scale = (stop - start) / width

    def pixels(point: Mapping[str, Any], key: str) -> tuple[float, float]:
        return (log(point["cost"]) - start) / scale, (1 - point[key] / top) * height

    taken: list[Box] = []
    for point in points:
        (x, high), (_, low) = pixels(point, "high"), pixels(point, "low")
        _, y = pixels(point, "value")
        taken += [(x - 3, x + 3, high, low), (x - 8, x + 8, y - 8, y + 8)]
    for level in levels:
        y = (1 - level / top) * height
        side = (0, 150) if is_left_free(points, level, domain, top) else (width - 150, width)
        taken += [(*side, y - 15, y), (0, width, y - 2, y + 2)]
    found = []
    for point in sorted(points, key=lambda p: -p["value"]):
        x, y = pixels(point, "value")
        length = 7.0 * len(point["id"])
        left, place = free_side(x, y, length, taken, width, height)
        begin = x - 12 - length if left else x + 12
        taken.append((begin, begin + length, place - 7, place + 7))
        anchor = x - 12 if left else x + 12
        found.append(
            {
                **point,
                "left": left,
                "moved": abs(place - y) > 4,
                "label_x": exp(start + anchor * scale),
                "lead_x": exp(start + (anchor + (2 if left else -2)) * scale),
                "label_y": (1 - place / height) * top,
            }
        )
    return found


def is_left_free(
    points: Sequence[Mapping[str, Any]], level: float, domain: Sequence[float], top: float
) -> bool:
    """Whether the left half of the plot holds no point just above a level, where its label is."""
    middle = (log(domain[0]) + log(domain[1])) / 2
    return not any(
        log(point["cost"]) < middle and point["high"] >= level and point["low"] < level + 0.06 * top
        for point in points
    )


def free_side(
    x: float, y: float, length: float, taken: Sequence[Box], width: int, height: int
) -> tuple[bool, float]:
    """Whether the name goes to the left of its point, and at which height: the least move."""
    sides = [(False, x + 12)] if x + 12 + length <= width else []
    sides += [(True, x - 12 - length)] if x - 12 - length >= 0 else []
    options = []
    for left, begin in sides or [(False, x + 12)]:
        place = free_height(y, begin, begin + length, taken, height)
        options.append((abs(place - y) + 3 * left, left, place))
    _, left, place = min(options)
    return left, place


def free_height(y: float, begin: float, end: float, taken: Sequence[Box], height: int) -> float:
    """The nearest height, in pixels, at which a name overlaps nothing; `y` where none is free."""
    for step in [0.0] + [sign * step for step in range(2, height, 2) for sign in (1.0, -1.0)]:
        place = y + step
        if not 4 <= place <= height - 6:
            continue
        if not any(
            a < end and begin < b and c < place + 7 and place - 7 < d for a, b, c, d in taken
        ):
            return place
    return y
