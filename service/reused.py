"""What a report says of results that were not computed in its run but earlier on the machine."""

from __future__ import annotations

from service import wording
from service.report import Report

WORTH_TELLING = 1.0
"""Seconds of setup; less may be what a strategy embedded twice by itself."""


def reused_facts(report: Report) -> list[tuple[str, str]]:
    """One line, or none where everything of weight was computed in this run."""
    parts = []
    for row in report.strategies:
        if row.reused is None:
            continue
        told = []
        if row.reused.setup_seconds >= WORTH_TELLING:
            told.append(f"{wording.duration(row.reused.setup_seconds)} of setup")
        if row.reused.answers:
            told.append(f"{wording.count(row.reused.answers)} answers")
        if told:
            parts.append(f"{row.id} {' and '.join(told)}")
    if not parts:
        return []
    rule = (
        "Setup is charged what it took when it was measured on this machine; latency and"
        " throughput come from requests that were computed in this run."
    )
    return [("Computed earlier", f"{'; '.join(parts)}. {rule}")]
