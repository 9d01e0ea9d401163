"""The forecast on a terminal: the answer in a sentence, the table, what it took, the trace."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from service.cli_tables import name_column, unfit_lines
from service.forecasting import view
from service.forecasting.result import Forecast
from service.wording import capital, duration


def forecast_text(forecast: Forecast) -> Iterator[RenderableType]:
    """All of it, part by part."""
    answer = forecast.answer
    yield Text(view.sentence(forecast), "bold green" if answer.strategy else "bold yellow")
    yield Text(f"  - {answer.why}")
    for need in answer.unmet_needs:
        yield Text(f"  - not met: {need}", style="yellow")
    for text in answer.settles:
        yield Text(f"  - {text}")
    yield Text("")
    yield strategy_table(forecast)
    skipped = [(r.id, r.reason or "") for r in forecast.strategies if r.status == "skipped"]
    yield Text("\n".join(unfit_lines(skipped)), style="dim")
    yield Text("")
    yield Text(view.bill(forecast))
    yield Text(forecast.stopped)
    yield Text("")
    yield trace_table(forecast)
    yield from left_text(forecast)


def strategy_table(forecast: Forecast) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    rows = [row for row in view.table(forecast) if row.row.status != "skipped"]
    name_column(table, view.HEAD[0], [row.row.id for row in rows])
    for name in view.HEAD[1:]:
        table.add_column(name, justify="right")
    for row in rows:
        cells = row.cells if row.row.quality is not None else (row.note,)
        style = "bold" if row.chosen else "red" if row.row.status == "failed" else None
        table.add_row(row.row.id, *cells, style=style)
    return table


def trace_table(forecast: Forecast) -> Table:
    """What was done, in turn, and where the decision stood after each step."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", justify="right")
    table.add_column("what", overflow="fold")
    table.add_column("took", justify="right", no_wrap=True)
    table.add_column("found", overflow="fold")
    table.add_column("the decision then", overflow="fold")
    for cells in view.trace_rows(forecast):
        table.add_row(cells[0], cells[1], cells[2], cells[3], cells[5])
    return table


def left_text(forecast: Forecast) -> Iterator[Text]:
    """What was passed over; those of one reason in one line."""
    alike: dict[str, list[str]] = {}
    for step in view.left(forecast):
        what = f"{view.what(step)}, about {duration(step.expected_seconds)}"
        alike.setdefault(step.reason, []).append(what)
    for reason, whats in alike.items():
        yield Text(f"Passed over: {'; '.join(whats)}. {capital(reason)}", style="dim")
