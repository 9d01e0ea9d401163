"""What every view says of what runs today: the table of changes, and how to read its figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.results import StrategyResult
from service import wording
from service.changing import figures_of, incumbent_in
from service.choosing import WORTH_CHANGING
from service.report import Report

TITLE = "What changing would bring"
HEAD = ("change to", "quality, points", "examples", "cost per 1,000", "latency, p95")


@dataclass(frozen=True)
class ChangeRow:
    """A change from what runs today as the tables show it; `best` is the one to look at."""

    to: str
    best: bool
    points: str
    n: str
    cost: str
    latency: str

    @property
    def cells(self) -> tuple[str, ...]:
        """Under `HEAD`, the first left out."""
        return (self.points, self.n, self.cost, self.latency)


def keeps_today(report: Report) -> bool:
    today = incumbent_in(report.strategies)
    return today is not None and report.recommendation.strategy == today.id


def change_figure(report: Report) -> tuple[str, str, str] | None:
    """For the top of a report: label, value and note of the change to the recommended strategy,
    or of the one to the runner-up that is advised against."""
    answer = report.recommendation
    to = answer.runner_up if keeps_today(report) else answer.strategy
    change = next((each for each in report.changes if each.to == to), None)
    if change is None:
        return None
    label = f"Changing to {to} instead" if keeps_today(report) else "Against what runs today"
    between = wording.points_between(change.low, change.high)
    value = f"{wording.points(change.difference)} points"
    return label, value, f"{between} with 95% certainty, n = {change.n}"


def change_rows(report: Report) -> Iterator[ChangeRow]:
    """Best quality first; none where what runs today is not part of the comparison."""
    known = {row.id: row for row in report.strategies}
    today = incumbent_in(report.strategies)
    answer = report.recommendation
    kept = keeps_today(report)
    for change in report.changes if today else ():
        cost, latency = told(known[change.to], today)
        yield ChangeRow(
            to=change.to,
            best=change.to == (answer.runner_up if kept else answer.strategy),
            points=f"{wording.points(change.difference)}"
            f" ({wording.points_between(change.low, change.high)})",
            n=str(change.n),
            cost=cost,
            latency=latency,
        )


def told(row: StrategyResult, today: StrategyResult | None) -> tuple[str, str]:
    """Cost and latency beside today's: `$0.020 instead of $0.40`, `148 ms instead of –`."""
    new, old = figures_of(row), figures_of(today) if today else (None, None, None)
    cost = instead(new[0], old[0], wording.dollars)
    return cost, instead(new[2], old[2], wording.milliseconds)


def instead(new: float | None, old: float | None, tell: Callable[[float], str]) -> str:
    one, other = ("–" if value is None else tell(value) for value in (new, old))
    return f"{one} instead of {other}"


def today_told(report: Report) -> str:
    """What runs today in one line; empty where it is not part of the comparison."""
    today = incumbent_in(report.strategies)
    if today is None or today.quality is None:
        return ""
    cost = latency = "not stated"
    if today.cost:
        cost = f"{wording.dollars(today.cost.per_1k_requests_usd)} per 1,000 requests, stated"
    if today.latency_ms:
        p95 = wording.milliseconds(today.latency_ms.p95)
        latency = f"95% within {p95}, stated for {today.latency_ms.n} answers"
    quality = wording.measured(today.quality)
    return f"What runs today scores {quality}; cost: {cost}; latency: {latency}."


def today_guide(report: Report) -> list[str]:
    """How to read the figures of what runs today."""
    if incumbent_in(report.strategies) is None:
        return []
    saving = wording.percent(WORTH_CHANGING)
    return [
        "What runs today (incumbent) was not run here: its answers were given elsewhere, its cost"
        " and latency are as stated, and – where nothing is stated. A test row without an answer"
        " of it is an error. Changing takes work, so it stays unless another one is proven better"
        f" by more than the practical margin, or saves {saving} of its cost or more over the"
        " horizon and is shown to lose no more than that margin."
    ]
