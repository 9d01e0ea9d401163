"""From the records of learning curves to their points, and to what more examples would bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from numpy.random import default_rng

from benchmarks.curve_forecast import Sample, ends, fit_of, forecast
from benchmarks.quality import scored_table, too_many_errors
from benchmarks.records import CurveRecord, Record, RunRecord
from benchmarks.resampling import (
    Finish,
    Floats,
    cluster_sums,
    finish_mean,
    mean_sums,
    resampled_figures,
)
from benchmarks.results import CurvePoint, LearningCurve, Quality
from benchmarks.scaling import Growth
from benchmarks.track import Track, track_of


@dataclass(frozen=True)
class Point:
    """One training of a curve with what became of it."""

    record: CurveRecord
    track: Track

    @property
    def fault(self) -> str | None:
        """Why it counts for nothing; None where it counts."""
        if self.track.status != "completed":
            return self.track.reason or self.track.status
        if too_many_errors(self.track):
            return f"{self.track.errors} of its {len(self.track.outcomes)} answers failed"
        return None


@dataclass(frozen=True)
class Learner:
    """A strategy with its own track, which is trained on everything, and its points by size."""

    whole: Track
    sizes: dict[int, list[Point]]
    failed: tuple[str, ...]

    @property
    def tracks(self) -> list[Track]:
        """Smallest part first."""
        parts = [point.track for points in self.sizes.values() for point in points]
        return [*parts, self.whole]

    def ids(self, n_train: int) -> dict[int, list[str]]:
        """Under what ids its trainings stand, by their number of examples."""
        parts = {n: [point.track.id for point in points] for n, points in self.sizes.items()}
        return {**parts, n_train: [self.whole.id]}


def points_in(records: Sequence[Record], run: RunRecord) -> list[Point]:
    """Every training of every curve, smallest part first."""
    facts = {each.id: each for each in run.strategies}
    found = {row.point: row for row in records if isinstance(row, CurveRecord)}
    ordered = sorted(found.values(), key=lambda row: (row.strategy, row.n, row.seed))
    return [
        Point(row, track_of(records, facts[row.strategy].model_copy(update={"id": row.point})))
        for row in ordered
        if row.strategy in facts
    ]


def curves_of(
    finished: Sequence[Track],
    points: Sequence[Point],
    run: RunRecord,
    qualities: Mapping[str, Quality],
) -> tuple[LearningCurve, ...]:
    """The curves of those of the `finished` strategies that have one.

    Everything is measured on the rows that all trainings of all curves answered.
    """
    learners = [
        learner_of(track, [point for point in points if point.record.strategy == track.id])
        for track in finished
        if not too_many_errors(track)
    ]
    learners = [each for each in learners if each.sizes or each.failed]
    tracks = {track.id: track for each in learners for track in each.tracks}
    shared = shared_rows(list(tracks.values()))
    others = [t for t in finished if t.id not in tracks and answered(t, shared)]
    sample = sample_of([*tracks.values(), *others], shared, run)
    if sample.clusters < 2:
        return ()
    fits = {
        each.whole.id: fit_of(each.ids(run.task.n_train), sample, default_rng([run.seed, place]))
        for place, each in enumerate(learners, start=1)
    }
    names, margin = [track.id for track in others], run.needs.practical_margin
    return tuple(
        LearningCurve(
            strategy=name,
            points=points_of(each, fits[name].growth, run, qualities[name]),
            refused=fits[name].refused,
            failed=each.failed,
            **forecast(name, fits, sample, names, margin),
        )
        for name, each in zip(fits, learners, strict=True)
    )


def learner_of(track: Track, points: Sequence[Point]) -> Learner:
    good = [point for point in points if point.fault is None]
    sizes = {n: list(each) for n, each in groupby(good, key=lambda point: point.record.n)}
    failed = tuple(
        f"{point.record.n} examples, seed {point.record.seed}: {point.fault}"
        for point in points
        if point.fault is not None
    )
    return Learner(track, sizes, failed)


def shared_rows(tracks: Sequence[Track]) -> list[str]:
    """The test rows that all of them answered."""
    names = tracks[0].outcomes if tracks else ()
    return [name for name in names if all(answered(track, [name]) for track in tracks)]


def answered(track: Track, names: Sequence[str]) -> bool:
    """Whether all of these rows, none of them with an error."""
    return all(name in track.outcomes and track.outcomes[name].state == "ok" for name in names)


def sample_of(tracks: Sequence[Track], names: Sequence[str], run: RunRecord) -> Sample:
    """All of them on the same rows, under the same draws of their clusters."""
    if not tracks or not names:
        return Sample({}, {}, 0)
    groups = [tracks[0].outcomes[name].group for name in names]
    tables: list[Floats] = []
    figure: Finish = finish_mean
    for track in tracks:
        rows = [track.outcomes[name] for name in names]
        lines, finish = scored_table(rows, run.task, errors_as=0.0)
        figure = finish or finish_mean
        tables.append(cluster_sums(mean_sums(lines) if finish is None else lines, groups))
    if len(tables[0]) < 2:
        return Sample({}, {}, len(tables[0]))
    drawn = resampled_figures(tables, figure, seed=run.seed)
    ids = [track.id for track in tracks]
    values = [float(figure(table.sum(axis=0, keepdims=True))[0]) for table in tables]
    return Sample(
        dict(zip(ids, drawn.T, strict=True)), dict(zip(ids, values, strict=True)), len(tables[0])
    )


def points_of(
    learner: Learner, growth: Growth, run: RunRecord, quality: Quality
) -> tuple[CurvePoint, ...]:
    """One for each size; the last is the strategy's own row of the comparison."""
    low, high = ends(growth.means, growth.draws, growth.clusters)
    parts = [
        CurvePoint(
            n=n,
            quality=float(growth.means[place]),
            low=max(0.0, float(low[place])),
            high=min(1.0, float(high[place])),
            seeds=tuple(point.record.seed for point in points),
        )
        for place, (n, points) in enumerate(learner.sizes.items())
    ]
    seeds = tuple((learner.whole.training or {}).get("seeds") or (run.seed,))
    whole = CurvePoint(
        n=run.task.n_train, quality=quality.value, low=quality.low, high=quality.high, seeds=seeds
    )
    return (*parts, whole)
