"""What the journal says is already done, for a run that continues."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.race_records import EliminationRecord
from benchmarks.records import (
    LAST_GUARD,
    BatchRecord,
    EndRecord,
    FailureRecord,
    LatencyRecord,
    OutcomeRecord,
    ProbeRecord,
    Record,
    RunRecord,
    SentinelRecord,
    SetupRecord,
)


@dataclass(frozen=True)
class Standing:
    """One strategy's records so far. `failure` is one that no later setup has made up for,
    `erred` those of the `answered` rows whose latest answer is an error, `batches` those that
    tell throughput, `elimination` what stopped it in a race, if it was not prepared for more since
    then."""

    setup: SetupRecord | None
    failure: FailureRecord | None
    answered: frozenset[str]
    latencies: tuple[LatencyRecord, ...]
    batches: tuple[BatchRecord, ...]
    checked: bool
    probed: frozenset[str] = frozenset()
    erred: frozenset[str] = frozenset()
    elimination: EliminationRecord | None = None

    def settled(self, *, hosted: bool) -> frozenset[str]:
        """Rows that need no further answer. A hosted model is asked anew what ended in an error:
        another day the network or the endpoint may hold."""
        return self.answered - self.erred if hosted else self.answered


def standing_of(records: Iterable[Record], strategy: str) -> Standing:
    mine = [record for record in records if getattr(record, "strategy", None) == strategy]
    kinds = SetupRecord | FailureRecord | EliminationRecord
    turns = [record for record in mine if isinstance(record, kinds)]
    last = turns[-1] if turns else None
    setups = [record for record in mine if isinstance(record, SetupRecord)]
    latest = {row.example: row for row in mine if isinstance(row, OutcomeRecord)}
    return Standing(
        setup=setups[-1] if setups else None,
        failure=last if isinstance(last, FailureRecord) else None,
        answered=frozenset(latest),
        erred=frozenset(name for name, row in latest.items() if row.state == "error"),
        latencies=tuple(row for row in mine if isinstance(row, LatencyRecord)),
        batches=tuple(row for row in mine if isinstance(row, BatchRecord) and not row.reused),
        checked=any(isinstance(row, SentinelRecord) and row.name == LAST_GUARD for row in mine),
        probed=frozenset(row.probe for row in mine if isinstance(row, ProbeRecord)),
        elimination=last if isinstance(last, EliminationRecord) else None,
    )


def latest_run(records: Sequence[Record]) -> RunRecord | None:
    """The run record that holds: a rerun with other prices or needs appends one."""
    runs = [record for record in records if isinstance(record, RunRecord)]
    return runs[-1] if runs else None


def recorded_seconds(records: Sequence[Record]) -> float:
    """Wall time of earlier sittings: as their last end record says, plus work since then."""
    seconds = 0.0
    for record in records:
        if isinstance(record, EndRecord):
            seconds = record.seconds
        elif isinstance(record, SetupRecord):
            seconds += record.seconds - record.reused_seconds
        elif isinstance(record, BatchRecord | ProbeRecord):
            seconds += record.seconds
        elif isinstance(record, LatencyRecord):
            seconds += record.ms / 1000
    return seconds
