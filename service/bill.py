"""The bill over the horizon as every view tells it: its parts, and what no figure holds."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.results import Parts, StrategyResult
from service import wording
from service.report import Report

NAMES = {
    "setup": "setup",
    "retraining": "retraining",
    "labels": "labels",
    "refresh": "new documents",
    "requests": "requests",
    "hosting": "machines",
    "engineering": "people",
}


def bill_title(report: Report) -> str:
    return f"What it costs over {report.needs.horizon_months:g} months"


def bill_table(report: Report) -> tuple[list[str], list[list[str]]]:
    """Head and rows, cheapest first, of the parts that are not 0 everywhere; no rows where no
    volume is stated."""
    rows = sorted(billed(report), key=lambda pair: pair[1].total())
    parts = [name for name in NAMES if any(getattr(bill, name) for _, bill in rows)]
    head = ["strategy", *(NAMES[name] for name in parts), "in all"]
    return head, [
        [row.id, *(amount(getattr(bill, name)) for name in parts), wording.dollars(bill.total())]
        for row, bill in rows
    ]


def billed(report: Report) -> Iterator[tuple[StrategyResult, Parts]]:
    for row in report.strategies:
        if row.quality is not None and row.cost is not None and row.cost.parts is not None:
            yield row, row.cost.parts


def amount(value: float | None) -> str:
    return "–" if value is None else wording.dollars(value)


def cost_guide(report: Report) -> list[str]:
    """How costs were reckoned, and what is in no figure because nobody stated it."""
    needs, placed = report.needs, report.deployment
    if placed is None:
        found = [
            "A local model is charged by its time in batches, as on a machine that is kept busy. A"
            " machine that waits for requests costs its hourly price all the same,"
        ]
    else:
        found = [
            "A local strategy is charged whole machines, busy or not, enough for the stated peak"
            " (or the average rate) with none busier than 80%. Latency under load is computed from"
            " the measured times of single requests, not measured; so it says nothing of batching,"
            " which would carry more. Times are those of the machine of this comparison,"
        ]
    unstated = [] if needs.label_usd else ["labelling"]
    unstated += [] if needs.engineer_usd_per_hour is not None else ["upkeep"]
    if unstated:
        found[0] += f" and work by people ({', '.join(unstated)}) is not in any figure."
    else:
        found[0] = found[0].rstrip(",") + "."
    if placed is not None and placed.peak_requests_per_second is None:
        found.append(
            "No peak is stated, so the machines are those of the stated volume: another volume may"
            " take others, which `tuneworth what-if` reckons."
        )
    if needs.label_usd:
        found.append(
            "Each strategy is charged the labels of the training and validation rows that it needs;"
            " test rows judge all alike and are charged to nobody."
        )
    return found


def bytes_text(size: int | None) -> str:
    """`0.4 MB`, `1.5 GB`; empty where unknown."""
    if size is None:
        return ""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
