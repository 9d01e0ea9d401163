"""A run's records with its clock stopped: what two runs of the same have in common. Pure.

Nobody computes twice in the same milliseconds, and costs follow from them, and with costs what is
recommended. With every time the same, a run that was killed and one that was not have the same
records of each strategy, and the same report.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.records import (
    BatchRecord,
    EndRecord,
    LatencyRecord,
    ProbeRecord,
    Record,
    RunRecord,
    SeatRecord,
    SetupRecord,
)

SECONDS = MS = 1.0
STARTED = "2000-01-01T00:00:00+00:00"
ARTIFACT = "artifact"


def untimed(records: Sequence[Record]) -> list[Record]:
    """The records as if everything took a second, a single request a millisecond, and nothing was
    taken from earlier work, all on the run's machine alone; the time of day and what artefacts are
    called are the same, too.

    What the user states of times is left, and so is how many rows were asked where the time of
    one decides that: those of the batch-size guard, of the probes and of a search.
    """
    kept = (record for record in records if not isinstance(record, SeatRecord))
    return [without_times(record) for record in kept]


def without_times(record: Record) -> Record:
    match record:
        case RunRecord():
            environment = record.environment.model_copy(update={"started_at": STARTED})
            return record.model_copy(update={"environment": environment})
        case SetupRecord():
            return record.model_copy(
                update={
                    "seconds": SECONDS,
                    "reused_seconds": 0.0,
                    "training": untimed_training(record.training),
                    "artifact": None if record.artifact is None else ARTIFACT,
                }
            )
        case BatchRecord():
            return record.model_copy(update={"seconds": SECONDS, "reused": False})
        case LatencyRecord():
            return record.model_copy(update={"ms": MS})
        case ProbeRecord() | EndRecord():
            return record.model_copy(update={"seconds": SECONDS})
        case _:
            return record


def untimed_training(training: dict[str, Any] | None) -> dict[str, Any] | None:
    """With the same seconds for each setting that was tried."""
    if training is None or "search" not in training:
        return training
    rows = [{**row, "seconds": SECONDS} if "seconds" in row else row for row in training["search"]]
    return {**training, "search": type(training["search"])(rows)}
