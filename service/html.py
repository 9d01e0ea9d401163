"""The report as one self-contained HTML page: no script, no network, all texts escaped."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from benchmarks.results import GivenAnswer, Quality, StrategyResult
from service import (
    before_after,
    beyond,
    bill,
    conditions,
    findings,
    learning,
    raced,
    searched,
    today,
    view,
    wording,
)
from service.charts import Chart, charts, colour
from service.evidence import Gap
from service.learning_chart import learning_chart
from service.report import Report
from service.tries import Try

TEMPLATES = Path(__file__).with_name("templates")
BAR_WIDTH, BAR_HEIGHT = 92, 18
STRIP_WIDTH, STRIP_HEIGHT = 260, 20
WIDEST_GAP = 0.25
"""Differences beyond this are off the bar: the text tells them, the bars tell the close ones."""


def as_html(report: Report) -> str:
    """The whole page."""
    return template().render(
        report=report,
        answer=report.recommendation,
        headline=view.headline(report),
        commitment=wording.COMMITMENTS[report.recommendation.commit_to_fine_tuning],
        confidence=view.confidence(report),
        figures=view.figures(report),
        changes=list(today.change_rows(report)),
        change_title=today.TITLE,
        change_head=today.HEAD,
        today=today.today_told(report),
        rows=list(view.table(report)),
        more=view.further_table(report),
        beyond=beyond.beyond_table(report),
        beyond_title=beyond.TITLE,
        beyond_notes=beyond.beyond_notes(report),
        bill_title=bill.bill_title(report),
        bill=bill.bill_table(report),
        race_title=raced.TITLE,
        race=raced.race_table(report),
        race_notes=raced.race_notes(report),
        searches=searched.searches_of(report),
        search_notes=searched.search_notes(report),
        told=searched,
        pairs=before_after.before_after(report),
        pair_notes=before_after.pair_notes(report),
        span=before_after.span,
        pair_reach=reach_of([pair.gap for pair in before_after.before_after(report)]),
        gap_told=view.gap_told,
        strip=search_strip,
        warnings=view.warnings(report),
        has_month=report.needs.requests_per_month is not None,
        # the only markup that is not the template's own: what the chart library drew
        charts=[marked(chart) for chart in charts(report)],
        learning_title=learning.TITLE,
        learning_notes=learning.learning_notes(report),
        learning_chart=marked(learning_chart(report)),
        facts=conditions.facts(report),
        needs=conditions.needs_told(report),
        checks=findings.parted(report.checks),
        counted=findings.counted,
        guide=view.reading_guide(report),
        css=styles(),
        colour=colour,
        bar=quality_bar,
        gap_of=lambda strategy: view.against(report, strategy),
        gap_bar=gap_bar,
        gap_reach=gap_reach(report),
        named=named,
        below=below,
        mark=mark,
        score=wording.score,
        count=wording.count,
    )


def styles() -> Markup:
    return Markup(TEMPLATES.joinpath("report.css").read_text(encoding="utf-8"))


def marked(chart: Chart | None) -> tuple[str, Markup, Markup, str] | None:
    """Title, the two drawings and the text of a chart."""
    if chart is None:
        return None
    return chart.title, Markup(chart.wide), Markup(chart.narrow), chart.text


@cache
def template(name: str = "report.html.j2") -> Template:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def quality_bar(quality: Quality, result: StrategyResult) -> Markup:
    """The interval as a line from 0 to 1 with a dot at the value."""
    return interval_svg(quality.value, quality.low, quality.high, 0.0, 1.0, colour(result))


def gap_bar(gap: Gap, reach: float, result: StrategyResult) -> Markup:
    """A difference with its interval around a line at 0; the bar spans -reach to +reach."""
    if gap.high < -reach or gap.low > reach:
        return Markup("")
    return interval_svg(gap.difference, gap.low, gap.high, -reach, reach, colour(result), zero=True)


def gap_reach(report: Report) -> float:
    """Half the width of the difference bars: the largest end of any interval."""
    gaps = [view.against(report, row.id) for row in report.strategies]
    return reach_of([gap for gap in gaps if gap])


def reach_of(gaps: Sequence[Gap]) -> float:
    ends = [max(abs(gap.low), abs(gap.high)) for gap in gaps]
    close = [end for end in ends if end <= WIDEST_GAP]
    return max([0.05, *(close or ends)])


def interval_svg(
    value: float, low: float, high: float, start: float, stop: float, paint: str, zero: bool = False
) -> Markup:
    """A whisker as SVG; drawn shapes print, where browsers leave backgrounds out."""

    def x(number: float) -> float:
        share = (number - start) / (stop - start)
        return round(4 + min(1.0, max(0.0, share)) * (BAR_WIDTH - 8), 1)

    middle = BAR_HEIGHT / 2
    axis = (
        f'<line x1="{x(0)}" x2="{x(0)}" y1="1" y2="{BAR_HEIGHT - 1}" class="zero"/>' if zero else ""
    )
    return Markup(  # numbers and our own colours only
        f'<svg class="whisker" viewBox="0 0 {BAR_WIDTH} {BAR_HEIGHT}" width="{BAR_WIDTH}"'
        f' height="{BAR_HEIGHT}" aria-hidden="true">'
        f'<line x1="4" x2="{BAR_WIDTH - 4}" y1="{middle}" y2="{middle}" class="track"/>{axis}'
        f'<line x1="{x(low)}" x2="{x(high)}" y1="{middle}" y2="{middle}" stroke="{paint}"'
        f' stroke-width="5" stroke-linecap="round" opacity=".42"/>'
        f'<circle cx="{x(value)}" cy="{middle}" r="4" fill="{paint}"/></svg>'
    )


def search_strip(each: searched.Searched) -> Markup:
    """Every try as a dot from the lowest to the highest validation score: the default a ring in
    ink, the chosen one filled."""
    rows = [row for row in each.tries if row.get("rows", 1)]
    values = [float(row["validation_score"]) for row in rows]
    low, high = min(values), max(values)
    paint, middle = colour(each.result), STRIP_HEIGHT / 2

    def x(value: float) -> float:
        share = (value - low) / (high - low) if high > low else 0.5
        return round(8 + share * (STRIP_WIDTH - 16), 1)

    def dot(row: Try) -> str:
        at = f'cx="{x(float(row["validation_score"]))}" cy="{middle}"'
        if row is each.chosen:
            ring = ' stroke="currentColor" stroke-width="1.6"' if each.kept_default else ""
            return f'<circle {at} r="6" fill="{paint}"{ring}/>'
        ring = "currentColor" if row is each.default else paint
        faint = ' opacity=".55"' if row.get("dropped") else ""
        return f'<circle {at} r="4.5" class="try" stroke="{ring}" stroke-width="1.6"{faint}/>'

    last = sorted(rows, key=lambda row: (row is each.chosen, row is each.default))
    return Markup(  # numbers and our own colours only
        f'<svg class="strip" viewBox="0 0 {STRIP_WIDTH} {STRIP_HEIGHT}" width="{STRIP_WIDTH}"'
        f' height="{STRIP_HEIGHT}" aria-hidden="true"><line x1="8" x2="{STRIP_WIDTH - 8}"'
        f' y1="{middle}" y2="{middle}" class="track"/>{"".join(map(dot, last))}</svg>'
    )


def named(name: str) -> Markup:
    """A strategy's id whose model's name, which may be long, can stand on a line of its own."""
    head, at, model = name.partition("@")
    return Markup('{}<wbr><span class="at">@{}</span>').format(head, model) if at else escape(head)


def below(text: str, remark: str) -> Markup:
    """A cell whose remark, from that text on, stands below its figure."""
    figure, found, rest = text.partition(remark)
    if not found:
        return escape(text)
    return Markup('{}<small class="below">{}</small>').format(figure, (found + rest).strip())


def mark(given: GivenAnswer) -> str:
    """How an answer is coloured: right, partly right, wrong, or an error."""
    if given.score is None:
        return "error"
    return "right" if given.score >= 0.999 else "wrong" if given.score <= 0.001 else "partly"
