"""What each strategy of a record scored on some test rows, with one seed or several."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from benchmarks.belief.rivals import is_tuned
from benchmarks.belief.traits import pair_of
from benchmarks.metrics import aggregate
from benchmarks.track import Track, track_of
from service.forecast_bench.compact import records_of
from service.forecast_bench.noise import Marks, SeedNoise, marks_of, seed_noise
from service.forecast_bench.record import TaskRecord

Tracks = Mapping[str, Sequence[Track]]
"""By strategy, one for each seed with which it completed."""


def tracks_by_strategy(record: TaskRecord, seeds: Sequence[int], rows: Collection[str]) -> Tracks:
    found: dict[str, list[Track]] = {}
    for seed in seeds:
        for track in tracks_in(record, seed, rows):
            if track.scored:
                found.setdefault(track.id, []).append(track)
    return found


def tracks_in(record: TaskRecord, seed: int, rows: Collection[str] | None = None) -> list[Track]:
    records = records_of(record, seed, rows)
    tracks = [track_of(records, line.facts) for line in record.run_of(seed)]
    return [track for track in tracks if track.status == "completed"]


def mean_qualities(record: TaskRecord, tracks: Tracks) -> dict[str, float]:
    """The task's metric of every strategy, the mean over seeds."""
    facts = record.task.task
    return {
        name: float(np.mean([aggregate(facts.metric, t.scored, facts.labels) for t in each]))
        for name, each in tracks.items()
    }


def marks_in(record: TaskRecord, tracks: Tracks) -> dict[str, list[Marks]]:
    return {
        name: [marks_of(track.scored, record.task.task) for track in each]
        for name, each in tracks.items()
    }


def counted_rows(record: TaskRecord) -> tuple[str, ...]:
    """The test rows that did not leak."""
    return tuple(row for row in record.task.rows if row not in (record.task.leaked or ()))


def trained_with(record: TaskRecord, strategy: str) -> list[int]:
    """The seeds of its adapters, if it trains any. One that searches keeps the best of several,
    which is one here."""
    return [
        line.seed
        for line in record.strategies
        if line.facts.id == strategy and is_tuned(line.facts) and line.status == "completed"
    ]


def seeds_in(record: TaskRecord) -> SeedNoise:
    """Between the trainings of each strategy whose settings are fixed, pooled: seeds of one that
    searches share adapters."""
    found = SeedNoise()
    rows = set(counted_rows(record))
    for line in record.run_of(record.seeds[0]):
        facts = line.facts
        if is_tuned(facts) and pair_of(facts) == facts.name:
            seeds = trained_with(record, facts.id)
            tracks = tracks_by_strategy(record, seeds, rows).get(facts.id, ())
            found = found.with_(seed_noise(tracks, record.task.task))
    return found
