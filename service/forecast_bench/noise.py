"""How far figures of test rows are off by the luck of the rows, and of the training seed. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import sqrt
from statistics import fmean, variance

from benchmarks.families import influences
from benchmarks.metrics import aggregate
from benchmarks.quality import scored_table
from benchmarks.records import OutcomeRecord, TaskFacts
from benchmarks.resampling import cluster_sums, finish_mean, mean_sums
from benchmarks.track import Track

Cluster = tuple[str, str]
Marks = Mapping[Cluster, float]
"""How far each cluster of rows moves a figure, by the jackknife: the squares add up to the
figure's variance, and those of the differences to that of a difference of two figures."""
NONE: Marks = {}


def cluster_of(row: OutcomeRecord) -> Cluster:
    """Rows of a group stand or fall together; any other is a cluster of its own."""
    return ("row", row.example) if row.group is None else ("group", row.group)


def marks_of(rows: Sequence[OutcomeRecord], task: TaskFacts) -> Marks:
    """Of the task's metric; none for a single cluster, of which nothing is known."""
    clusters = list(dict.fromkeys(cluster_of(row) for row in rows))
    count = len(clusters)
    if count < 2:
        return NONE
    table, finish = scored_table(rows, task, errors_as=0.0)
    lines = mean_sums(table) if finish is None else table
    sums = cluster_sums(lines, [row.group for row in rows])
    moved = sqrt((count - 1) / count) * influences(sums, finish or finish_mean)
    return dict(zip(clusters, moved.tolist(), strict=True))


def squares(marks: Marks, less: Marks = NONE) -> float:
    """The variance of a figure, or of the difference of two."""
    names = dict.fromkeys([*marks, *less])  # in an order: sums depend on it in the last bits
    return sum((marks.get(name, 0.0) - less.get(name, 0.0)) ** 2 for name in names)


def row_variance(track: Track, task: TaskFacts) -> float:
    """What another draw of test rows would move the figure of a strategy by.

    Where all rows are right or all wrong the jackknife sees no noise at all; then that of a share
    of so many clusters stands, by Anscombe's correction (1948). Adapters of several seeds answer
    the same rows, so their mean has about the variance of one. 0 for a single cluster.
    """
    marks = marks_of(track.scored, task)
    scores = {row.scores[task.metric] for row in track.scored}
    if marks and scores in ({0.0}, {1.0}):
        share = 0.375 / (len(marks) + 0.75)
        return share * (1 - share) / len(marks)
    return squares(marks)


@dataclass(frozen=True)
class SeedNoise:
    """The variance of a quality between trainings that differ by their seed alone, estimated with
    so many degrees of `freedom`; it may come out below 0 by chance. None without any."""

    variance: float = 0.0
    freedom: int = 0

    def with_(self, other: SeedNoise) -> SeedNoise:
        """Both pooled."""
        freedom = self.freedom + other.freedom
        total = self.variance * self.freedom + other.variance * other.freedom
        return SeedNoise(total / freedom, freedom) if freedom else SeedNoise()


def seed_noise(tracks: Sequence[Track], task: TaskFacts) -> SeedNoise:
    """From several trainings of a strategy that answered the same rows.

    Two such adapters differ by row as well, which is luck of the rows: half the variance of their
    difference over the rows, which is part of `row_variance`, is taken out here.
    """
    values = [aggregate(task.metric, track.scored, task.labels) for track in tracks]
    if len(values) < 2:
        return SeedNoise()
    by_row = fmean(difference_variance(*pair, task) for pair in combinations(tracks, 2)) / 2
    return SeedNoise(variance(values) - by_row, len(values) - 1)


def difference_variance(one: Track, other: Track, task: TaskFacts) -> float:
    """Of the difference of two strategies on the rows that both answered."""
    both = {row.example for row in one.scored} & {row.example for row in other.scored}
    first, second = (
        marks_of([row for row in track.scored if row.example in both], task)
        for track in (one, other)
    )
    return squares(first, second)


@dataclass
class Losses:
    """The marks of each strategy's regret, the mean over audits; the winners are taken as given."""

    audits: int
    nothing: dict[Cluster, float] = field(default_factory=dict)
    by_strategy: dict[str, dict[Cluster, float]] = field(default_factory=dict)

    def add(
        self, winner: str | None, marks: Mapping[str, Sequence[Marks]], free: str | None
    ) -> None:
        """One audit: the marks of every strategy with each seed that judged, and the strategy that
        stands for taking nothing."""
        means = {name: mean_marks(each) for name, each in marks.items()}
        nothing = means.get(free or "", NONE)
        best = means.get(winner or "", nothing)
        for name in means.keys() - self.by_strategy.keys():
            # not measured in the audits before: it was worth nothing there
            self.by_strategy[name] = dict(self.nothing)
        self.count(self.nothing, best, nothing)
        for name, lost in self.by_strategy.items():
            self.count(lost, best, means.get(name, nothing))

    def count(self, lost: dict[Cluster, float], best: Marks, own: Marks) -> None:
        for cluster in dict.fromkeys([*best, *own]):
            moved = best.get(cluster, 0.0) - own.get(cluster, 0.0)
            lost[cluster] = lost.get(cluster, 0.0) + moved / self.audits

    @property
    def errors(self) -> dict[str, float]:
        """Standard errors of the regret of picking each strategy."""
        return {name: sqrt(squares(lost)) for name, lost in sorted(self.by_strategy.items())}

    @property
    def error_of_nothing(self) -> float:
        return sqrt(squares(self.nothing))


def mean_marks(each: Collection[Marks]) -> dict[Cluster, float]:
    """Of the mean of figures."""
    names = {name for marks in each for name in marks}
    return {name: sum(m.get(name, 0.0) for m in each) / len(each) for name in names}
