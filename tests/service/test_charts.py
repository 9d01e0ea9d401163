"""The charts: one takeaway each, names that do not overlap, nothing from outside."""

import re
from itertools import pairwise

import pytest
from example_run import example_records
from planted import absent, reported, strategy, summary_of

from benchmarks.results import BreakEven
from corpora.task import Needs
from service.charts import charts
from service.plots import LABEL_WIDTH, NAME_WIDTH, latency_plot, ticks
from service.report import build_report
from service.series import labels_apart, lines_of, volumes_shown


def test_three_charts_with_takeaways_and_texts() -> None:
    found = charts(build_report(example_records()))
    assert [chart.title for chart in found] == [
        "baseline.linear scores highest and costs least per request",
        "At 40,000 requests a month, baseline.linear costs least, $0.011",
        "baseline.linear answers 95% of requests within 19 ms; prompt.nearest takes 33 times"
        " as long",
    ]
    for chart in found:
        assert chart.wide.startswith("<svg")
        assert chart.narrow.startswith("<svg")
        assert "href" not in chart.wide
        assert "lora" in chart.text
        assert "lora" in chart.wide
    assert "lora scores 0.93 (0.88–0.96) at $0.003" in found[0].text


def test_a_break_even_point_is_drawn_and_told() -> None:
    rows = (
        strategy("prompt.few-shot", 0.60, 0.05, per_1k=0.5, metric="token_f1", volume=None),
        strategy("lora", 0.60, 0.05, per_1k=0.1, setup=40.0, metric="token_f1", volume=None),
    )
    crossing = BreakEven(from_="prompt.few-shot", to="lora", requests=8333.3)
    report = reported(summary_of(*rows, break_even=(crossing,)), Needs())
    volume = charts(report)[1]
    assert volume.title == "lora costs less than prompt.few-shot from 8,334 requests a month"
    assert "8,334" in volume.wide
    assert "lora undercuts prompt.few-shot from 8,334" in volume.text


def test_every_chart_keeps_to_the_schema(drawings) -> None:
    rows = (
        strategy("baseline.majority", 0.30, 0.05, per_1k=0.0),
        strategy("prompt.few-shot", 0.60, 0.05, per_1k=0.5),
        strategy("lora", 0.60, 0.05, per_1k=0.1, setup=40.0),
    )
    crossing = BreakEven(from_="prompt.few-shot", to="lora", requests=8333.3)
    needs = Needs(quality_at_least=0.5, requests_per_month=10_000, latency_p95_ms=200.0)
    charts(reported(summary_of(*rows, break_even=(crossing,)), needs))
    assert len(drawings) == 6


def test_only_the_cheapest_is_said_to_cost_least() -> None:
    """Both cost a dollar and five cents when rounded."""
    rows = (
        strategy("baseline.linear", 0.90, 0.03, per_1k=0.1051),
        strategy("baseline.nearest", 0.60, 0.05, per_1k=0.1049),
    )
    report = reported(summary_of(*rows), Needs(requests_per_month=10_000))
    title = "At 10,000 requests a month, baseline.linear costs $1.05, as little as baseline.nearest"
    assert charts(report)[1].title == title


def test_lines_cost_the_same_at_their_break_even() -> None:
    rows = (
        strategy("prompt.few-shot", 0.60, 0.05, per_1k=0.5, metric="token_f1"),
        strategy("lora", 0.60, 0.05, per_1k=0.1, setup=40.0, metric="token_f1"),
    )
    report = reported(summary_of(*rows), Needs(requests_per_month=10_000))
    one, other = lines_of(report)
    assert one.at(40 / 12 / 0.0004) == pytest.approx(other.at(40 / 12 / 0.0004))


def test_what_takes_no_thought_is_one_line_at_the_height_of_the_better() -> None:
    rows = (
        strategy("baseline.majority", 0.20, 0.05, metric="token_f1", per_1k=0.00001),
        strategy("baseline.copy", 0.30, 0.05, metric="token_f1", per_1k=0.00001),
        strategy("lora", 0.60, 0.05, metric="token_f1"),
    )
    drawn = charts(reported(summary_of(*rows), Needs()))[0].wide
    assert "the copied input" in drawn
    assert "always the same answer" not in drawn
    assert "baseline.copy" not in drawn


def test_no_chart_where_nothing_was_measured() -> None:
    assert charts(reported(summary_of(absent("lora", "failed", "x")), Needs())) == []


def test_names_of_equal_points_are_moved_apart() -> None:
    points = [
        {"id": name, "cost": 0.01, "value": 0.9, "low": 0.88, "high": 0.92}
        for name in ("first", "second", "third")
    ]
    placed = labels_apart(points, [0.5], [0.001, 0.1], 1.0, 600, 300)
    heights = sorted((point["label_y"], point["left"]) for point in placed)
    for left in (False, True):
        side = [y for y, at_left in heights if at_left is left]
        assert all((b - a) * 300 >= 13.9 for a, b in pairwise(side))


def test_names_beside_the_latency_bars_have_room_in_a_wider_font() -> None:
    def left_of_bars(name: str) -> float:
        point = {"id": name, "p50": 9, "p95": 19, "label": "9 – 19 ms", "colour": "#000"}
        drawing = latency_plot([point], None, 840)
        view = re.search(r'viewBox="(\S+) \S+ (\S+) ', drawing)
        assert view is not None
        return float(view[2]) - 780

    assert left_of_bars("i" * 18) > 18 * NAME_WIDTH
    assert left_of_bars("i") < 100


def test_the_longest_figures_of_a_latency_fit_a_phone() -> None:
    points = [
        {"id": "a", "p50": 12.0, "p95": 14.0, "label": "12 – 14 ms", "colour": "#000"},
        {"id": "b", "p50": 1016.0, "p95": 2439.0, "label": "1,016 – 2,439 ms", "colour": "#000"},
    ]
    drawing = latency_plot(points, None, 262)
    found = re.search(r'translate\(([\d.]+),[\d.]+\)"[^>]*>1,016 – 2,439 ms<', drawing)
    assert found is not None
    assert float(found[1]) + LABEL_WIDTH * len("1,016 – 2,439 ms") <= 262


def test_ticks_are_round_and_few() -> None:
    assert ticks((0.0015, 0.03), 800) == pytest.approx([0.002, 0.005, 0.01, 0.02])
    assert ticks((1, 1e9), 250) == pytest.approx([1, 1e3, 1e6, 1e9])


def test_volumes_surround_what_matters() -> None:
    values = volumes_shown([{"requests": 1000.0}], 40_000)
    assert values[0] == pytest.approx(50)
    assert values[-1] == pytest.approx(800_000)
