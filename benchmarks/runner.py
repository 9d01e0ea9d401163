"""Running a comparison: every strategy prepared once, every test example answered once.

The only owner of the clock. Everything is stored in the folder's journal the moment it is done,
so a run that was killed goes on where it was, with the same batches as an unbroken one.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from benchmarks.costs import PriceList
from benchmarks.environment import read_environment
from benchmarks.errors import RunLocked, RunMismatch
from benchmarks.journal import JOURNAL, Journal
from benchmarks.metrics import metric_for
from benchmarks.plan import Entry, difference, fingerprint, needed_models, plan_run, task_facts
from benchmarks.progress import OnProgress, Reporter, ignore_progress
from benchmarks.records import EndRecord, ModelFacts, Record, RunRecord, SentinelRecord
from benchmarks.reuse import Reuse
from benchmarks.sentinels import train_and_test_are_apart
from benchmarks.sitting import Sitting
from benchmarks.standing import latest_run, recorded_seconds
from benchmarks.track import track_of
from corpora.checks import check_dataset
from corpora.task import Dataset
from strategies.base import Strategy
from strategies.cache import Cache
from strategies.models.base import Model

LoadModel = Callable[[], Model]


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
) -> list[Record]:
    """Run or continue the comparison in `folder`; returns every record of its journal.

    `models` maps a name to what loads it; one model is in memory at a time. A strategy that
    does not fit is skipped, one that raises is failed, and the others are unharmed; a rerun
    tries the failed ones again. What `cache` holds of earlier work is reused where that spoils no
    measurement (`benchmarks.reuse`). Raises RunMismatch, RunLocked, StorageFull, DamagedJournal,
    BadPriceFile (a hosted model without a price), UnknownMetric, Cancelled, and what a model's
    loading raises.
    """
    began = time.perf_counter()
    metric_for(dataset.task.metric, dataset.task.kind)
    entries = plan_run(dataset, strategies, models)
    with sole_owner(folder):
        journal = Journal(folder / JOURNAL)
        before = journal.mend()
        slot = ModelSlot(models, lambda name: tell_loading(on_progress, name, len(entries)))
        run = open_run(dataset, entries, slot, seed, prices, folder, before)
        if not before or run != latest_run(before):
            journal.append([run])
        if not any(isinstance(record, SentinelRecord) for record in before):
            journal.append([train_and_test_are_apart(dataset)])
        reuse = Reuse(cache, dataset, seed)
        worked = False
        for position, entry in enumerate(entries, start=1):
            reporter = Reporter(
                on_progress, strategy=entry.id, position=position, total=len(entries)
            )
            sitting = Sitting(entry, dataset, folder, journal, seed, reporter, cancelled, reuse)
            hosted = entry.model in {facts.name for facts in run.models if facts.hosted}
            records: Iterable[Record] = before
            if not sitting.is_done(before, hosted=hosted):
                # not kept in a name here: the next model comes only after this one is let go
                sitting.work(before, slot.load(entry.model) if entry.model else None)
                worked, records = True, journal
            reporter.tell("done", 1.0, ending(records, entry))
        if worked or not any(isinstance(record, EndRecord) for record in before):
            seconds = recorded_seconds(before) + time.perf_counter() - began
            journal.append([EndRecord(seconds=seconds)])
        return journal.read()


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


class ModelSlot:
    """Room for one model: asking for another lets go of the one before."""

    def __init__(self, loaders: Mapping[str, LoadModel], on_load: Callable[[str], None]) -> None:
        self._loaders = loaders
        self._on_load = on_load
        self._name: str | None = None
        self._model: Model | None = None

    def load(self, name: str) -> Model:
        if self._model is None or name != self._name:
            self._on_load(name)
            self._model = None
            gc.collect()
            self._model = self._loaders[name]()
            self._name = name
        return self._model


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

    Loads each model once to know what it is, the first one last so that it is at hand. Raises
    RunMismatch where the folder holds a run of something else.
    """
    infos, hosted = {}, {}
    for name in reversed(needed_models(entries)):
        model = slot.load(name)
        infos[name], hosted[name] = model.info, model.hosted
        del model
    old = latest_run(before)
    environment = old.environment if old else read_environment()
    run = RunRecord(
        fingerprint=fingerprint(dataset, entries, infos, seed),
        seed=seed,
        task=task_facts(dataset),
        needs=dataset.task.needs,
        models=tuple(
            ModelFacts(
                name=name,
                parameters=infos[name].parameters,
                dtype=infos[name].dtype,
                fingerprint=infos[name].fingerprint,
                hosted=hosted[name],
            )
            for name in reversed(infos)
        ),
        strategies=tuple(entry.facts for entry in entries),
        environment=environment,
        checks=check_dataset(dataset),
        prices=prices.for_run(environment, [name for name in hosted if hosted[name]]).model_dump(
            mode="json"
        ),
    )
    if old is not None and old.fingerprint != run.fingerprint:
        raise RunMismatch(folder, difference(old, run))
    return run
