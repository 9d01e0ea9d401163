"""What a what-if needs of a finished comparison: kept beside its report, and small however many
answers there were.

Answers of models on the machine itself are told by their batches; of those of hosted models the
tokens are needed, for every one has its price. No text of the data is in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pydantic import TypeAdapter, ValidationError

from benchmarks.errors import BenchmarkError
from benchmarks.pricing import is_hosted
from benchmarks.raced import tracks_of
from benchmarks.records import OutcomeRecord, Record, RunRecord
from benchmarks.results import Summary
from benchmarks.standing import latest_run
from benchmarks.summary import curves_in, leak_in, summarise
from benchmarks.track import Track
from service.report import Report


@dataclass(frozen=True)
class Basis:
    """A comparison's terms and what was measured, before it is priced."""

    run: RunRecord
    measured: Summary
    tracks: tuple[Track, ...]

    @classmethod
    def from_json(cls, text: bytes) -> Basis:
        """Raises ValidationError for that of another version."""
        return BASIS.validate_json(text)

    def as_json(self) -> bytes:
        return BASIS.dump_json(self)


BASIS: TypeAdapter[Basis] = TypeAdapter(Basis)


def basis_of(records: Sequence[Record], report: Report | None = None) -> Basis:
    """From the records; with its `report` nothing but learning curves is resampled.

    Raises BenchmarkError for records that hold no run.
    """
    run = latest_run(records)
    if run is None:
        raise BenchmarkError("these records hold no run record: there is nothing to reckon with.")
    if report is not None:
        measured = summary_in(report, records, run)
    else:
        measured = summarise(records).model_copy(update={"disagreements": (), "break_even": ()})
    tracks = tuple(slim(track, run) for track in tracks_of(records, run))
    return Basis(run, measured, tracks)


def basis_with(report: bytes, records: Sequence[Record]) -> Basis:
    """The same with a report's JSON; one that this version cannot read is made anew."""
    try:
        return basis_of(records, Report.model_validate_json(report))
    except (ValidationError, KeyError):
        return basis_of(records)


def slim(track: Track, run: RunRecord) -> Track:
    """The track without what its bill does not depend on."""
    kept = track.outcomes
    if not is_hosted(track, run):
        rows = track.outcomes.values()
        telling = next((row for row in rows if row.retrieved), None)
        kept = {} if telling is None else {telling.example: telling}
    return replace(
        track,
        outcomes={name: counted(row) for name, row in kept.items()},
        attempts=(),
        probes={},
    )


def counted(row: OutcomeRecord) -> OutcomeRecord:
    """What was retrieved and asked for an answer."""
    return OutcomeRecord(
        strategy=row.strategy,
        example=row.example,
        state=row.state,
        retrieved=row.retrieved,
        prompt_tokens=row.prompt_tokens,
        cached_tokens=row.cached_tokens,
        completion_tokens=row.completion_tokens,
    )


def summary_in(report: Report, records: Sequence[Record], run: RunRecord) -> Summary:
    """What was measured, as the report tells it, in the order of the run; what it does not tell
    (whole learning curves, a leak) from the records."""
    told = {row.id: row for row in report.strategies}
    rows = tuple(told[facts.id] for facts in run.strategies)
    return Summary(
        strategies=rows,
        comparisons=report.comparisons,
        break_even=(),
        disagreements=(),
        curves=curves_in(records, run, rows),
        leak=leak_in(records)[0],
        detectable_difference=report.detectable_difference,
        flattery=report.flattery,
        race=report.race,
        seconds=report.environment.seconds,
        spent_usd=report.environment.spent_usd,
    )
