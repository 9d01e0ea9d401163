"""What is known of all tasks at hand: what they teach, what is true of them, and their evidence."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.belief.measured import Measured
from service.forecast_bench.agenda import AtHand, at_hand, attempt, names_in
from service.forecast_bench.checks import HEADLINE
from service.forecast_bench.lessons import COMPARISONS, in_order, lesson_of, lessons_published
from service.forecast_bench.measure import Bench
from service.forecast_bench.replay import key_of
from service.forecast_bench.truth import Truth, truth_of


@dataclass(frozen=True)
class Known:
    """What every measured task teaches, the published comparisons behind them, and, by name, what
    is true of those that were measured whole and what evidence there is. `shipped` are the lessons
    that are part of the repository."""

    lessons: list[Measured]
    shipped: list[Measured]
    truths: dict[str, Truth]
    evidence: dict[str, AtHand]

    def keys(self, name: str) -> set[str]:
        """Of replays at the headline budget of the task as it is: with all that is at hand, or
        with what ships, by which the predictor that ships was tested."""
        each = self.evidence[name]
        assert each.evidence is not None
        task = each.record.task
        return {
            key_of(self.truths[name], each.evidence, task.data, lessons, HEADLINE)
            for lessons in (self.lessons, self.shipped)
        }


def learned(bench: Bench, shipped: Path) -> Known:
    """Everything at hand, its name telling a task from others; a record in `bench.out` takes the
    place of one that is part of the repository, and both that of a published comparison. One that
    cannot be read is told, and takes no place."""
    found: dict[str, Measured] = {}
    truths: dict[str, Truth] = {}
    evidence: dict[str, AtHand] = {}
    published: list[Measured] = []
    failed: dict[str, str] = {}

    def learn(place: Path, name: str) -> None:
        each = at_hand(place, name)
        if each is not None and (place == shipped or each.record.task.size == bench.size.name):
            truth = truth_of(each.path, bench.out / "tasks")
            found[name] = lesson_of(each.record, truth, each.evidence)
            truths[name] = truth
            evidence.pop(name, None)
            if each.evidence is not None:
                evidence[name] = each

    def compare() -> None:
        published.extend(lessons_published(shipped))

    attempt(compare, COMPARISONS, bench, failed)
    for name in names_in(shipped):
        attempt(partial(learn, shipped, name), name, bench, failed)
    ours = in_order(found.values(), published)
    for name in names_in(bench.out):
        attempt(partial(learn, bench.out, name), name, bench, failed)
    return Known(in_order(found.values(), published), ours, truths, evidence)
