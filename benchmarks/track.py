"""The records of one strategy, put together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks.race_records import EliminationRecord
from benchmarks.records import (
    BatchRecord,
    LatencyRecord,
    OutcomeRecord,
    ProbeRecord,
    Record,
    SeatRecord,
    SetupRecord,
    StatedRecord,
    StrategyFacts,
)
from benchmarks.results import Status
from benchmarks.seats import is_timed
from benchmarks.standing import standing_of


@dataclass(frozen=True)
class Track:
    """One strategy's run. `outcomes` are by example id, in the order they were answered.

    `batches` are those that were computed; `reused_answers` came in the others. `attempts` are
    all answers ever given, those that a later one took the place of included. `stated` is by
    example id, of what runs today alone. `probes` are by name. `elimination` is what stopped it.
    `seats` are where it was measured, in their order, None for the run's machine alone.
    """

    facts: StrategyFacts
    status: Status
    reason: str | None
    setup: SetupRecord | None
    outcomes: dict[str, OutcomeRecord]
    batches: tuple[BatchRecord, ...]
    latencies: tuple[LatencyRecord, ...]
    reused_answers: int = 0
    attempts: tuple[OutcomeRecord, ...] = ()
    stated: dict[str, StatedRecord] = field(default_factory=dict)
    probes: dict[str, ProbeRecord] = field(default_factory=dict)
    elimination: EliminationRecord | None = None
    seats: tuple[SeatRecord | None, ...] = ()

    @property
    def id(self) -> str:
        return self.facts.id

    @property
    def setup_seconds(self) -> float:
        return self.setup.seconds if self.setup else 0.0

    @property
    def machine(self) -> str | None:
        """Whose price all of its time is charged at: the machine that measured it last, by its
        name in the price list; None for the run's own."""
        last = self.seats[-1] if self.seats else None
        return str(last.price["machine"]) if last else None

    @property
    def training(self) -> dict[str, Any] | None:
        return self.setup.training if self.setup else None

    @property
    def scored(self) -> list[OutcomeRecord]:
        return [row for row in self.outcomes.values() if row.state == "ok"]

    @property
    def errors(self) -> int:
        return len(self.outcomes) - len(self.scored)


def without_rows(track: Track, names: frozenset[str]) -> Track:
    """The track with no outcome of those examples; what they took stays."""
    if not names:
        return track
    kept = {name: row for name, row in track.outcomes.items() if name not in names}
    return replace(track, outcomes=kept)


def track_of(records: Iterable[Record], facts: StrategyFacts) -> Track:
    """What became of a strategy. One that answered nothing, or errors only, has failed."""
    mine = [record for record in records if getattr(record, "strategy", None) == facts.id]
    attempts = tuple(row for row in mine if isinstance(row, OutcomeRecord))
    outcomes = {row.example: row for row in attempts}
    standing = standing_of(mine, facts.id)
    status, reason = status_of(standing.setup)
    if standing.elimination is not None:
        status, reason = "eliminated", standing.elimination.reason
    elif standing.failure is not None:
        status, reason = "failed", standing.failure.reason
    elif status == "completed" and not any(row.state == "ok" for row in outcomes.values()):
        first = next(iter(outcomes.values()), None)
        reason = f"every answer was an error: {first.error}" if first else "answered nothing yet"
        status = "failed"
    return Track(
        facts=facts,
        status=status,
        reason=reason,
        setup=standing.setup,
        outcomes=outcomes,
        batches=standing.batches,
        latencies=standing.latencies,
        reused_answers=sum(r.n for r in mine if isinstance(r, BatchRecord) and r.reused),
        attempts=attempts,
        stated={row.example: row for row in mine if isinstance(row, StatedRecord)},
        probes={row.probe: row for row in mine if isinstance(row, ProbeRecord)},
        elimination=standing.elimination,
        seats=seats_in(mine),
    )


def seats_in(mine: Iterable[Record]) -> tuple[SeatRecord | None, ...]:
    """Where one strategy's records were measured."""
    at: SeatRecord | None = None
    found: list[SeatRecord | None] = []
    for record in mine:
        if isinstance(record, SeatRecord):
            at = record
        elif is_timed(record) and at not in found[-1:]:
            found.append(at)
    return tuple(found)


def status_of(setup: SetupRecord | None) -> tuple[Status, str | None]:
    if setup is None:
        return "failed", "not prepared yet"
    return setup.status, setup.reason
