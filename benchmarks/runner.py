"""Running a comparison: every strategy prepared once, every test example answered once.

The only owner of the clock. Everything is stored in the folder's journal the moment it is done,
so a run that was killed goes on where it was, with the same batches as an unbroken one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from benchmarks.costs import PriceList
from benchmarks.curve import PointSitting, curve_name, points_of, turns_of
from benchmarks.environment import read_environment
from benchmarks.errors import RunLocked, RunMismatch
from benchmarks.guard import Broken, guarded
from benchmarks.incumbent import FACTS as INCUMBENT_FACTS
from benchmarks.incumbent import INCUMBENT, judge_incumbent
from benchmarks.journal import JOURNAL, Journal
from benchmarks.metrics import metric_for
from benchmarks.model_slot import LoadModel, ModelSlot, model_facts
from benchmarks.plan import Entry, difference, fingerprint, needed_models, plan_run, task_facts
from benchmarks.probes import probe, unprobed
from benchmarks.progress import OnProgress, Reporter, ignore_progress
from benchmarks.records import (
    EndRecord,
    FailureRecord,
    ModelFacts,
    Record,
    RunRecord,
    SentinelRecord,
)
from benchmarks.reuse import Reuse
from benchmarks.sentinels import train_and_test_are_apart
from benchmarks.sitting import Sitting
from benchmarks.standing import latest_run, recorded_seconds
from benchmarks.track import track_of
from corpora.checks import check_dataset
from corpora.errors import InvalidInput
from corpora.task import Dataset
from strategies.base import Strategy
from strategies.cache import Cache


def never() -> bool:
    """A run that nobody cancels."""
    return False


def run_comparison(
    dataset: Dataset,
    *,
    strategies: Sequence[Strategy],
    models: Mapping[str, LoadModel],
    folder: Path,
    seed: int = 0,
    prices: PriceList,
    on_progress: OnProgress = ignore_progress,
    cancelled: Callable[[], bool] = never,
    cache: Cache | None = None,
    probes: bool = False,
) -> list[Record]:
    """Run or continue the comparison in `folder`; returns every record of its journal.

    `models` maps a name to what loads it; one model is in memory at a time. A strategy that
    does not fit is skipped, one that raises is failed, and so are those whose model cannot be
    loaded; the others are unharmed. A rerun tries the failed ones again, and rows of hosted models
    that ended in an error. What runs today is judged first. What `cache` holds of earlier work is
    reused where that spoils no measurement (`benchmarks.reuse`). With `probes`, strategies without
    a hosted model are asked further questions (`benchmarks.probes`). Where the task asks for
    learning curves, what is tuned is tuned on parts of the training rows too. Raises RunMismatch,
    RunLocked, StorageFull, DamagedJournal, BadPriceFile (a hosted model without a price),
    UnknownMetric, Cancelled, and where no model can be loaded, what the loading of one raises.
    """
    began = time.perf_counter()
    metric_for(dataset.task.metric, dataset.task.kind)
    entries = plan_run(dataset, strategies, models)
    if dataset.incumbent and any(each.name == INCUMBENT for each in strategies):
        fix = "What runs today is called so in this comparison: give the strategy another name."
        raise InvalidInput("strategies", INCUMBENT, fix)
    with sole_owner(folder):
        journal = Journal(folder / JOURNAL)
        before = journal.mend()
        ids = [*([INCUMBENT] if dataset.incumbent else []), *turns_of(dataset, entries)]
        slot = ModelSlot(models, lambda name: tell_loading(on_progress, name, len(ids)), folder)
        run = open_run(dataset, entries, slot, seed, prices, folder, before)
        if not before or run != latest_run(before):
            journal.append([run])
        if not any(isinstance(record, SentinelRecord) for record in before):
            journal.append([train_and_test_are_apart(dataset)])
        given = judge_incumbent(dataset, before)
        if given:
            journal.append(given)
        worked = bool(given)
        if dataset.incumbent:
            Reporter(on_progress, strategy=INCUMBENT, position=1, total=len(ids)).tell("done", 1.0)
        reuse = Reuse(cache, dataset, seed)
        for entry in entries:
            position = 1 + ids.index(entry.id)
            reporter = Reporter(on_progress, strategy=entry.id, position=position, total=len(ids))
            sitting = Sitting(entry, dataset, folder, journal, seed, reporter, cancelled, reuse)
            hosted = entry.model in {facts.name for facts in run.models if facts.hosted}
            records: Iterable[Record] = before
            probing = probes and not hosted
            left = probing and unprobed(sitting, before)
            if left or not sitting.is_done(before, hosted=hosted):
                take_turn(sitting, slot, before, probing=probing)
                worked, records = True, journal
            reporter.tell("done", 1.0, why := ending(records, entry))
            if (name := curve_name(entry.id)) in ids:
                told = Reporter(on_progress, strategy=name, position=position + 1, total=len(ids))
                points = [] if why else points_of(sitting, told, cache)
                worked = take_points(points, slot, before) or worked
                told.tell("done", 1.0, why)
        if worked or not any(isinstance(record, EndRecord) for record in before):
            seconds = recorded_seconds(before) + time.perf_counter() - began
            journal.append([EndRecord(seconds=seconds)])
        return journal.read()


def take_turn(
    sitting: Sitting, slot: ModelSlot, before: Sequence[Record], *, probing: bool
) -> None:
    """Let one strategy do what is left of its work. The model is kept in no name that outlives
    this call: the next one comes only after this one is let go. Where it cannot be loaded the
    strategy has failed, unless only errors of an earlier sitting were to be mended."""
    name = sitting.entry.model
    try:
        model = slot.load(name) if name else None
    except Broken as broken:
        if sitting.has_answered(before):
            return
        unfit = unfit_for_any(sitting)
        sitting.store(
            FailureRecord(strategy=sitting.entry.id, reason=str(broken))
            if unfit is None
            else sitting.setup_record("skipped", reason=unfit)
        )
        return
    prepared = sitting.work(before, model)
    if probing and prepared is not None:
        probe(sitting, prepared)


def take_points(points: Iterable[PointSitting], slot: ModelSlot, before: Sequence[Record]) -> bool:
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
    task, has_documents = sitting.dataset.task, bool(sitting.dataset.documents)
    strategy = sitting.entry.strategy
    try:
        return guarded(
            lambda: strategy.misfit(task, has_documents=has_documents, model=None), sitting.folder
        )
    except Broken:
        return None  # what it says with a model is unknown, so its failure stands


def ending(records: Iterable[Record], entry: Entry) -> str:
    """Why a strategy did not complete ("failed: ...", "skipped: ..."); empty where it did."""
    track = track_of(records, entry.facts)
    return "" if track.status == "completed" else f"{track.status}: {track.reason}"


@contextmanager
def sole_owner(folder: Path) -> Iterator[None]:
    """Hold the folder for this process; the system lets go when the process dies."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise RunLocked(folder) from error
    try:
        yield
    finally:
        lock.release()


def tell_loading(on_progress: OnProgress, name: str, total: int) -> None:
    Reporter(on_progress, strategy=None, position=1, total=total).tell("loading", 0.0, name)


def open_run(
    dataset: Dataset,
    entries: Sequence[Entry],
    slot: ModelSlot,
    seed: int,
    prices: PriceList,
    folder: Path,
    before: Sequence[Record],
) -> RunRecord:
    """The record of this run, continued from the journal's where there is one.

    Loads each model once to know what it is, the first one last so that it is at hand. One that
    cannot be loaded is known by what an earlier sitting found, or left out. Raises RunMismatch
    where the folder holds a run of something else.
    """
    old = latest_run(before)
    then = {model.name: model for model in old.models} if old else {}
    models, lengths = model_facts(needed_models(entries), slot, then, dataset, folder)
    environment = old.environment if old else read_environment()
    run = RunRecord(
        fingerprint=fingerprint(dataset, entries, fingerprints(models), seed),
        seed=seed,
        task=task_facts(dataset),
        needs=dataset.task.needs,
        deployment=dataset.task.deployment,
        models=tuple(models),
        strategies=(
            *([INCUMBENT_FACTS] if dataset.incumbent else []),
            *(entry.facts for entry in entries),
        ),
        environment=environment,
        checks=check_dataset(dataset, lengths=lengths),
        prices=prices.for_run(
            environment,
            [model.name for model in models if model.hosted],
            dataset.task.deployment,
        ).model_dump(mode="json"),
    )
    # a model that could not be loaded then has no part in what that run is known by
    known = [model for model in models if model.name in then]
    if old and old.fingerprint != fingerprint(dataset, entries, fingerprints(known), seed):
        raise RunMismatch(folder, difference(old, run))
    return run


def fingerprints(models: Iterable[ModelFacts]) -> dict[str, str]:
    return {model.name: model.fingerprint for model in models}
