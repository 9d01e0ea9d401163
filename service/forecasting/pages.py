"""The forecast as Markdown and as one self-contained HTML page, and writing either whole."""

from __future__ import annotations

from pathlib import Path

from corpora.errors import InvalidInput
from service import conditions, findings, wording
from service.charts import COLOURS, OTHER
from service.forecasting import view
from service.forecasting.chart import forecast_chart
from service.forecasting.result import Forecast, ForecastRow
from service.forms import FORMATS
from service.html import interval_svg, marked, named, styles, template
from service.markdown import bullets, checks_part, code, line, plain, table
from service.published import write_atomically


def format_of(path: Path) -> str:
    """The ending that says what is written; raises InvalidInput for another one."""
    ending = path.suffix.lower()
    if ending not in FORMATS:
        raise InvalidInput("--out", str(path), f"End the name in {', '.join(FORMATS)}.")
    return ending


def as_text(forecast: Forecast, ending: str) -> str:
    if ending == ".json":
        return forecast.as_json()
    return as_markdown(forecast) if ending == ".md" else as_html(forecast)


def write_forecast(forecast: Forecast, path: Path) -> None:
    """Whole or not at all; the folder is made where missing."""
    text = as_text(forecast, format_of(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text)


def as_markdown(forecast: Forecast) -> str:
    parts = [
        f"# Forecast for {plain(forecast.task.name)}: {view.headline(forecast)}",
        "",
        f"**{plain(view.sentence(forecast), 1000)}**",
        "",
        plain(forecast.answer.why, 1000),
        "",
        *bullets([f"Not met: {need}" for need in forecast.answer.unmet_needs]),
        *settled_part(forecast),
        "## What each strategy is expected to reach",
        "",
        *table_part(forecast),
        "",
        "## What it took",
        "",
        plain(view.bill(forecast), 1000),
        "",
        plain(forecast.stopped, 1000),
        "",
        "## Step by step",
        "",
        *table(list(view.TRACE_HEAD), [list(cells) for cells in view.trace_rows(forecast)]),
        "",
        *reasons_part(forecast),
        *checks_part(forecast.checks),
        "",
        "## How to read this",
        "",
        *bullets(view.guide(forecast)),
    ]
    return "\n".join(parts).rstrip() + "\n"


def settled_part(forecast: Forecast) -> list[str]:
    if not forecast.answer.settles:
        return []
    return ["## What would settle it", "", *bullets(forecast.answer.settles), ""]


def table_part(forecast: Forecast) -> list[str]:
    lines = [line(view.HEAD), line(["---"] * len(view.HEAD))]
    rows = list(view.table(forecast))
    for row in rows:
        if row.row.quality is not None:
            name = code(row.row.id)
            lines.append(line([f"**{name}** ◀" if row.chosen else name, *row.cells]))
    absent = [row for row in rows if row.row.quality is None]
    if absent:
        lines += ["", *(f"- {code(row.row.id)} {plain(row.note)}" for row in absent)]
    return lines


def reasons_part(forecast: Forecast) -> list[str]:
    """Why each step was taken, and why the others were not."""
    lines = [
        f"{number}. {plain(f'{wording.capital(view.what(step))}. {step.reason}', 600)}"
        for number, step in enumerate(view.done(forecast), start=1)
    ]
    left = view.left(forecast)
    if left:
        lines += ["", "Passed over:", ""]
        lines += bullets(f"{wording.capital(view.what(step))}. {step.reason}" for step in left)
    return [*lines, ""]


def as_html(forecast: Forecast) -> str:
    """No script, no network, all texts escaped."""
    return template("forecast.html.j2").render(
        forecast=forecast,
        answer=forecast.answer,
        headline=view.headline(forecast),
        sentence=view.sentence(forecast),
        commitment=wording.COMMITMENTS[forecast.answer.commit_to_fine_tuning],
        sureness=view.sureness(forecast),
        figures=view.figures(forecast),
        head=view.HEAD,
        rows=list(view.table(forecast)),
        bill=view.bill(forecast),
        trace_head=view.TRACE_HEAD,
        trace=view.trace_rows(forecast),
        done=view.done(forecast),
        left=view.left(forecast),
        what=view.what,
        seen=view.seen,
        capital=wording.capital,
        chart=marked(forecast_chart(forecast)),
        needs=conditions.needs_told(forecast),
        checks=findings.parted(forecast.checks),
        counted=findings.counted,
        guide=view.guide(forecast),
        css=styles(),
        paint=paint,
        bar=bar,
        named=named,
    )


def paint(row: ForecastRow) -> str:
    return COLOURS.get(row.family, OTHER)


def bar(row: ForecastRow) -> object:
    """The interval as a line from 0 to 1."""
    assert row.quality is not None
    quality = row.quality
    return interval_svg(quality.value, quality.low, quality.high, 0.0, 1.0, paint(row))
