"""What a report says of answers that are missing because a spending limit was reached. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.records import OutcomeRecord, Record
from benchmarks.standing import latest_run
from corpora.task import Check
from strategies.errors import LIMIT

SHOWN = 5


def unpaid(records: Sequence[Record]) -> tuple[Check, ...]:
    """One finding for each strategy with such answers."""
    run = latest_run(records)
    names = {facts.id for facts in run.strategies} if run else set()
    latest = {(row.strategy, row.example): row for row in records if isinstance(row, OutcomeRecord)}
    missing: dict[str, list[str]] = {}
    for (strategy, example), row in latest.items():
        if strategy in names and row.error is not None and LIMIT in row.error:
            missing.setdefault(strategy, []).append(example)
    return tuple(
        Check(
            check="spending",
            severity="error",
            message=f"The spending limit was reached: {strategy} has no answer to"
            f" {len(examples)} examples. They count as errors; raise the limit and run again for"
            " the rest.",
            examples=tuple(examples[:SHOWN]),
        )
        for strategy, examples in missing.items()
    )
