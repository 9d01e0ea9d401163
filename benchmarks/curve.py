"""The points of a learning curve: what is tuned, tuned on parts of the training rows.

Each point is a training of its own, on nested, stratified parts drawn by its seed. It answers
every test row, as any strategy does, but is neither timed nor checked, nor ever recommended: it
stands in the journal under an id that is no strategy's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from benchmarks.plan import Entry
from benchmarks.progress import Phase, Reporter
from benchmarks.records import CurveRecord, Record
from benchmarks.reuse import Reuse
from benchmarks.sitting import Sitting
from benchmarks.standing import Standing, standing_of
from corpora.splits import nested_sample, stratum_of
from corpora.task import Dataset, Example
from strategies.base import Prepared, parts_of
from strategies.cache import Cache
from strategies.models.base import Model

SHARES = ((0.10, 3), (0.25, 3), (0.50, 2))
"""Parts of the training rows, and how many seeds train on each; all of them are the strategy's
own row of the comparison."""
FEWEST_ROWS = 5
"""A part with fewer rows is left out."""
SEEDS = 2**32
TRAINING_SHARE = 0.7
"""Of a point's time, for how far it is: the rest is answering."""


def tunes(entry: Entry) -> bool:
    """Whether it trains the model, as far as it says so beforehand."""
    strategy = entry.strategy
    return strategy.family in ("fine-tuning", "combined") and not parts_of(strategy)


def curve_name(strategy: str) -> str:
    """How a strategy's learning curve is called while it is measured."""
    return f"{strategy}: learning curve"


def turns_of(dataset: Dataset, entries: Sequence[Entry]) -> Iterator[str]:
    """The names of all that is done in a run, in order: strategies, and curves of the tuned ones
    where the task asks for them."""
    for entry in entries:
        yield entry.id
        if dataset.task.learning_curve and tunes(entry):
            yield curve_name(entry.id)


def planned(strategy: str, n_train: int, seed: int) -> list[CurveRecord]:
    """The points to train, smallest part first."""
    sizes = {int(share * n_train + 0.5): trainings for share, trainings in SHARES}
    return [
        CurveRecord(
            point=f"{strategy}[n={n},seed={(seed + more) % SEEDS}]",
            strategy=strategy,
            n=n,
            seed=(seed + more) % SEEDS,
        )
        for n, trainings in sizes.items()
        if FEWEST_ROWS <= n < n_train
        for more in range(trainings)
    ]


def part_of(dataset: Dataset, n: int, seed: int) -> tuple[Example, ...]:
    """The training rows of a point: labels in their mix, and within those of any larger part."""
    task = dataset.task
    strata = [stratum_of(row, task.kind, task.no_answer) for row in dataset.train]
    return nested_sample(dataset.train, strata, n, seed)


class PointSitting(Sitting):
    """The turn of one point. What it prepared is not kept."""

    def __init__(
        self, point: CurveRecord, whole: Sitting, told: Reporter, cache: Cache | None
    ) -> None:
        self.point = point
        rows = part_of(whole.dataset, point.n, point.seed)
        dataset = whole.dataset.model_copy(update={"train": rows})
        super().__init__(
            replace(whole.entry, id=point.point),
            dataset,
            whole.shelf,
            whole.journal,
            point.seed,
            told,
            whole.cancelled,
            Reuse(cache, dataset, point.seed),
        )

    def is_done(self, before: Sequence[Record], *, hosted: bool) -> bool:
        standing = standing_of(before, self.point.point)
        prepared = standing.setup is not None and standing.setup.status == "completed"
        every = {example.id for example in self.dataset.test}
        return prepared and not standing.failure and standing.answered >= every

    def work(self, before: Sequence[Record], model: Model | None) -> None:
        if self.point not in before:
            self.store(self.point)
        super().work(before, model)

    def measure(self, prepared: Prepared, standing: Standing, model: Model | None) -> None:
        self.answer_test(prepared, standing.answered, len(standing.batches))

    def clear(self) -> None:
        """Remove the artefact; a turn that was stopped keeps it, to go on with."""
        self.shelf.drop(self.entry.folder_name)


def points_of(sitting: Sitting, told: Reporter, cache: Cache | None) -> Iterator[PointSitting]:
    """The turns of all points of a strategy's curve, one after the other."""
    points = planned(sitting.entry.id, len(sitting.dataset.train), sitting.seed)
    for done, point in enumerate(points):
        yield PointSitting(point, sitting, PointReporter(told, point, done, len(points)), cache)


class PointReporter(Reporter):
    """Tells how far the whole curve is."""

    def __init__(self, told: Reporter, point: CurveRecord, done: int, of: int) -> None:
        self._told = told
        self._point = point
        self._done = done
        self._of = of

    def tell(self, phase: Phase, fraction: float, message: str = "") -> None:
        answering = TRAINING_SHARE + (1 - TRAINING_SHARE) * fraction
        part = answering if phase == "answering" else TRAINING_SHARE * fraction
        step = f"training {self._done + 1} of {self._of}, on {self._point.n} examples"
        said = f"{step}: {message}" if message else step
        self._told.tell("preparing", (self._done + part) / self._of, said)
