"""A strategy's turn at the model: what is left of its work, and what it leaves where there is none.

The model is kept in no name that outlives a turn: the next one comes only after this one is let
go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from benchmarks.curve import PointSitting, curve_name, points_of
from benchmarks.guard import Broken
from benchmarks.journal import Records
from benchmarks.model_slot import KnownModels
from benchmarks.placing import Shelf
from benchmarks.plan import Entry
from benchmarks.probes import probe, unprobed
from benchmarks.progress import OnProgress, Reporter
from benchmarks.records import FailureRecord, Record, RunRecord, SetupRecord
from benchmarks.reuse import Reuse
from benchmarks.sitting import Sitting
from benchmarks.standing import standing_of
from benchmarks.track import track_of
from corpora.task import Dataset
from strategies.base import Prepared


@dataclass(frozen=True)
class Turns:
    """The turns of one run. `ids` are the names of all that is done in it, in order."""

    run: RunRecord
    dataset: Dataset
    shelf: Shelf
    journal: Records
    slot: KnownModels
    on_progress: OnProgress
    cancelled: Callable[[], bool]
    reuse: Reuse
    ids: Sequence[str]
    probes: bool

    def sitting(self, entry: Entry) -> Sitting:
        return Sitting(
            entry,
            self.dataset,
            self.shelf,
            self.journal,
            self.run.seed,
            self.reporter(entry.id),
            self.cancelled,
            self.reuse,
        )

    def reporter(self, name: str) -> Reporter:
        place, total = 1 + self.ids.index(name), len(self.ids)
        return Reporter(self.on_progress, strategy=name, position=place, total=total)

    def take(self, entry: Entry, before: Sequence[Record], *, over: bool = False) -> bool:
        """Do what `before` leaves of one strategy and of its learning curve; whether anything was.

        Nothing is left of one that is `over`: stopped, or broken a moment ago.
        """
        sitting = self.sitting(entry)
        hosted = entry.model in {facts.name for facts in self.run.models if facts.hosted}
        probing = self.probes and not hosted
        left = probing and unprobed(sitting, before)
        worked = not over and (left or not sitting.is_done(before, hosted=hosted))
        if worked:
            take_turn(sitting, self.slot, before, probing=probing)
        sitting.reporter.tell("done", 1.0, why := ending(self.journal if worked else before, entry))
        if (name := curve_name(entry.id)) in self.ids:
            told = self.reporter(name)
            points = [] if why else points_of(sitting, told, self.reuse.cache)
            worked = take_points(points, self.slot, before) or worked
            told.tell("done", 1.0, why)
        return worked


def ending(records: Iterable[Record], entry: Entry) -> str:
    """Why a strategy did not complete ("failed: ...", "skipped: ..."); empty where it did."""
    track = track_of(records, entry.facts)
    return "" if track.status == "completed" else f"{track.status}: {track.reason}"


def take_turn(
    sitting: Sitting, slot: KnownModels, before: Sequence[Record], *, probing: bool
) -> None:
    """Let one strategy do what is left of its work. Where its model cannot be loaded it has failed,
    unless only errors of an earlier sitting were to be mended."""
    name = sitting.entry.model
    try:
        model = slot.load(name) if name else None
    except Broken as broken:
        if not sitting.has_answered(before):
            without_model(sitting, broken)
        return
    prepared = sitting.work(before, model)
    if probing and prepared is not None:
        probe(sitting, prepared)


def make_ready(sitting: Sitting, slot: KnownModels) -> Prepared | None:
    """The strategy prepared, or loaded, as the journal stands; None where that is not to be, the
    reason for which is stored."""
    name = sitting.entry.model
    try:
        model = slot.load(name) if name else None
    except Broken as broken:
        without_model(sitting, broken)
        return None
    return sitting.preparing.ready(standing_of(sitting.journal, sitting.entry.id), model)


def fits(sitting: Sitting, slot: KnownModels) -> bool:
    """Whether it fits the task with its model; where not, the reason is stored."""
    name = sitting.entry.model
    try:
        unfit = sitting.preparing.misfit(slot.load(name) if name else None)
    except Broken as broken:
        without_model(sitting, broken)
        return False
    if unfit is not None:
        sitting.store(skipped(sitting, unfit))
    return unfit is None


def without_model(sitting: Sitting, broken: Broken) -> None:
    """Store what becomes of a strategy whose model cannot be loaded: failed, or skipped where it
    would run with none."""
    unfit = unfit_for_any(sitting)
    sitting.store(
        FailureRecord(strategy=sitting.entry.id, reason=str(broken))
        if unfit is None
        else skipped(sitting, unfit)
    )


def skipped(sitting: Sitting, reason: str) -> SetupRecord:
    return SetupRecord(strategy=sitting.entry.id, status="skipped", reason=reason)


def take_points(
    points: Iterable[PointSitting], slot: KnownModels, before: Sequence[Record]
) -> bool:
    """Do what is left of a learning curve; whether anything was."""
    worked = False
    for point in points:
        if not point.is_done(before, hosted=False):
            take_turn(point, slot, before, probing=False)
            worked = True
        point.clear()
    return worked


def unfit_for_any(sitting: Sitting) -> str | None:
    """Why a strategy would not run with any model, as far as it says so without one."""
    try:
        return sitting.preparing.misfit(None)
    except Broken:
        return None  # what it says with a model is unknown, so its failure stands
