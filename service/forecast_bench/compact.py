"""From a comparison's journal to the lines of its record, and back to records that decide."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from benchmarks.aggregates import Mean
from benchmarks.errors import BenchmarkError
from benchmarks.evidence.offers import told_rows
from benchmarks.evidence.rows import rows_of
from benchmarks.metrics import aggregate_of
from benchmarks.records import (
    APART,
    BatchRecord,
    EndRecord,
    LatencyRecord,
    OutcomeRecord,
    Record,
    RunRecord,
    SentinelRecord,
    SetupRecord,
    TaskFacts,
)
from benchmarks.standing import latest_run, recorded_seconds
from benchmarks.summary import leak_in
from benchmarks.track import Track, track_of
from corpora.task import Dataset
from service.forecast_bench.operations import operations_of
from service.forecast_bench.record import DIGITS, StrategyLine, TaskLine, TaskRecord
from service.forecast_bench.sittings import Sitting
from service.forecast_bench.tasks import BenchTask

TEXTS = 40
"""Longer texts in what a training tells are left out: they may be of the data."""
REASON = 200
"""Letters of why a strategy failed."""
KEPT = ("epochs", "seeds", "tokens", "left_out", "usage", "curve", "search")


def task_line(
    task: BenchTask,
    records: Sequence[Record],
    *,
    size: str,
    code: Sequence[str],
    training_tokens: int,
    sittings: Sequence[Sitting] = (),
) -> TaskLine:
    """The first line, from the journal of the first seed and what its sittings took."""
    run = run_in(records)
    rows = task.dataset.test
    groups = tuple(row.group for row in rows)
    leak, leaked = leak_in(records)
    places = {label: number for number, label in enumerate(run.task.labels)}
    parts = rows_of(task.dataset.train, task.dataset.validation, run.seed)
    return TaskLine(
        name=task.name,
        source=task.source,
        size=size,
        data=task.data,
        code=tuple(code),
        task=without_texts(run.task),
        needs=run.needs,
        deployment=run.deployment,
        models=run.models,
        environment=run.environment,
        prices=run.prices,
        training_tokens=training_tokens,
        rows=tuple(row.id for row in rows),
        groups=groups if any(group is not None for group in groups) else None,
        expected=tuple(places.get(row.output, -1) for row in rows)
        if keeps_labels(run.task)
        else None,
        leaked=None if leak is not None and leak.rows is None else tuple(sorted(leaked)),
        validation=tuple(row.id for row in task.dataset.validation),
        judged={row.id: (row.group, places.get(row.output)) for row in parts.judges},
        retrieval_groups={row.id: row.group for row in told_rows(task.dataset, parts)},
        wall_seconds=round(recorded_seconds(records), 3),
        cpu_seconds=round(sum(each.cpu_seconds for each in sittings), 3),
        others_seconds=round(sum(each.others_seconds for each in sittings), 3),
    )


def without_texts(task: TaskFacts) -> TaskFacts:
    """Labels by number; a schema and rules decide nothing."""
    labels = tuple(str(number) for number in range(len(task.labels)))
    told = {"labels": labels, "output_schema": None, "rules": (), "no_answer": None}
    return task.model_copy(update=told)


def keeps_labels(task: TaskFacts) -> bool:
    """Whether the figure of many rows needs more than their scores, as macro-F1 does."""
    return not isinstance(aggregate_of(task.metric, task.labels), Mean)


def run_in(records: Sequence[Record]) -> RunRecord:
    run = latest_run(records)
    if run is None:
        raise BenchmarkError("these records hold no run record: there is nothing to keep.")
    return run


def strategy_lines(records: Sequence[Record], dataset: Dataset) -> list[StrategyLine]:
    """Every strategy of a journal."""
    run = run_in(records)
    rows = [row.id for row in dataset.test]
    return [strategy_line(track_of(records, facts), run, rows) for facts in run.strategies]


def strategy_line(track: Track, run: RunRecord, rows: Sequence[str]) -> StrategyLine:
    if track.status == "eliminated":
        raise BenchmarkError(f"{track.id} was stopped in a race: that is no whole comparison.")
    done = track.status == "completed"
    outcomes = [track.outcomes[row] for row in rows if row in track.outcomes]
    answered = [row for row in outcomes if row.state == "ok"]
    whole = done and len(outcomes) == len(rows)
    places = {label: number for number, label in enumerate(run.task.labels)}
    keeps = whole and keeps_labels(run.task)
    return StrategyLine(
        seed=run.seed,
        facts=track.facts,
        status=track.status,
        reason=track.reason[:REASON] if track.reason else None,
        setup_seconds=brief(track.setup_seconds),
        batches=tuple((batch.n, brief(batch.seconds)) for batch in track.batches),
        latencies_ms=tuple(brief(each.ms) for each in track.latencies),
        tokens=mean_tokens(answered),
        training=numbers_of(track.training),
        index_bytes=track.setup.index_bytes if track.setup else None,
        reads=any(row.retrieved for row in outcomes),
        scores=tuple(score_of(row, run.task.metric) for row in outcomes) if whole else (),
        predicted=tuple(places.get(row.predicted or "") for row in outcomes) if keeps else None,
        operations=operations_of(track, run) if done else None,
    )


def brief(number: float) -> float:
    """With five significant digits."""
    return float(f"{number:.{DIGITS}g}")


def score_of(row: OutcomeRecord, metric: str) -> float | None:
    return round(row.scores[metric], DIGITS) if row.state == "ok" else None


def mean_tokens(rows: Sequence[OutcomeRecord]) -> tuple[float, float, float]:
    if not rows:
        return 0.0, 0.0, 0.0
    sums = (
        sum(row.prompt_tokens for row in rows),
        sum(row.cached_tokens for row in rows),
        sum(row.completion_tokens for row in rows),
    )
    prompt, cached, completion = (round(each / len(rows), 2) for each in sums)
    return prompt, cached, completion


def numbers_of(training: dict[str, Any] | None) -> dict[str, Any] | None:
    """What training tells in numbers and names of settings."""
    if training is None:
        return None
    return {name: shortened(training[name]) for name in KEPT if name in training}


def shortened(value: Any) -> Any:
    if isinstance(value, dict):
        found = {name: shortened(each) for name, each in value.items()}
        return {name: each for name, each in found.items() if each is not None}
    if isinstance(value, list | tuple):
        return [each for each in map(shortened, value) if each is not None]
    if isinstance(value, str) and len(value) > TEXTS:
        return None
    return round(value, DIGITS) if isinstance(value, float) else value


def records_of(record: TaskRecord, seed: int, rows: Collection[str] | None = None) -> list[Record]:
    """The comparison with that seed as a journal holds it, of all test rows or of some: what
    decides about it decides the same, but for texts."""
    head, lines = record.task, record.run_of(seed)
    kept = [place for place, row in enumerate(head.rows) if rows is None or row in rows]
    found: list[Record] = [
        RunRecord(
            fingerprint=head.data,
            seed=seed,
            task=head.task.model_copy(update={"n_test": len(kept)}),
            needs=head.needs,
            deployment=head.deployment,
            models=head.models,
            strategies=tuple(line.facts for line in lines),
            environment=head.environment,
            prices=head.prices,
        ),
        apart(head, {head.rows[place] for place in kept}),
    ]
    for line in lines:
        found += strategy_records(line, head, kept)
    return [*found, EndRecord(seconds=sum(line.seconds for line in lines))]


def apart(head: TaskLine, kept: Collection[str]) -> SentinelRecord:
    leaked = None if head.leaked is None else [row for row in head.leaked if row in kept]
    return SentinelRecord(
        name=APART,
        passed=leaked == [],
        message="As the comparison found it.",
        examples=tuple(leaked or ()),
    )


def strategy_records(line: StrategyLine, head: TaskLine, kept: Sequence[int]) -> list[Record]:
    name = line.facts.id
    found: list[Record] = [
        SetupRecord(
            strategy=name,
            status=line.status,
            reason=line.reason,
            seconds=line.setup_seconds,
            training=line.training,
            index_bytes=line.index_bytes,
        )
    ]
    if line.status != "completed":
        return found
    found += [outcome(line, head, place) for place in kept if line.scores]
    found += [BatchRecord(strategy=name, n=n, seconds=each) for n, each in line.batches]
    found += [
        LatencyRecord(strategy=name, example=head.rows[place % len(head.rows)], ms=ms)
        for place, ms in enumerate(line.latencies_ms)
    ]
    return found


def outcome(line: StrategyLine, head: TaskLine, place: int) -> OutcomeRecord:
    score = line.scores[place]
    said = line.predicted[place] if line.predicted else None
    prompt, cached, completion = map(round, line.tokens)
    return OutcomeRecord(
        strategy=line.facts.id,
        example=head.rows[place],
        group=head.groups[place] if head.groups else None,
        state="error" if score is None else "ok",
        error="as the comparison found it" if score is None else None,
        scores={} if score is None else {head.task.metric: score},
        predicted=None if said is None else str(said),
        expected=str(head.expected[place]) if head.expected else None,
        retrieved=int(line.reads),
        prompt_tokens=prompt,
        cached_tokens=cached,
        completion_tokens=completion,
    )
