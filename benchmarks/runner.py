"""Running a comparison: every strategy prepared once, every test example answered once.

The only owner of the clock. Everything is stored in the folder's journal the moment it is done,
so a run that was killed goes on where it was, with the same batches as an unbroken one.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout

from benchmarks.costs import PriceList
from benchmarks.environment import read_environment
from benchmarks.errors import RunLocked, RunMismatch
from benchmarks.guard import Broken, guarded
from benchmarks.incumbent import FACTS as INCUMBENT_FACTS
from benchmarks.incumbent import INCUMBENT, judge_incumbent
from benchmarks.journal import JOURNAL, Journal
from benchmarks.metrics import metric_for
from benchmarks.plan import Entry, difference, fingerprint, needed_models, plan_run, task_facts
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
from corpora.checks import check_dataset, longer_than_context
from corpora.errors import InvalidInput
from corpora.task import Check, Dataset
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
    does not fit is skipped, one that raises is failed, and so are those whose model cannot be
    loaded; the others are unharmed. A rerun tries the failed ones again, and rows of hosted models
    that ended in an error. What runs today is judged first. What `cache` holds of earlier work is
    reused where that spoils no measurement (`benchmarks.reuse`). Raises RunMismatch, RunLocked,
    StorageFull, DamagedJournal, BadPriceFile (a hosted model without a price), UnknownMetric,
    Cancelled, and where not one of the models can be loaded, what its loading raises.
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
        ids = [*([INCUMBENT] if dataset.incumbent else []), *(entry.id for entry in entries)]
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
        for position, entry in enumerate(entries, start=1 + len(ids) - len(entries)):
            reporter = Reporter(on_progress, strategy=entry.id, position=position, total=len(ids))
            sitting = Sitting(entry, dataset, folder, journal, seed, reporter, cancelled, reuse)
            hosted = entry.model in {facts.name for facts in run.models if facts.hosted}
            records: Iterable[Record] = before
            if not sitting.is_done(before, hosted=hosted):
                take_turn(sitting, slot, before)
                worked, records = True, journal
            reporter.tell("done", 1.0, ending(records, entry))
        if worked or not any(isinstance(record, EndRecord) for record in before):
            seconds = recorded_seconds(before) + time.perf_counter() - began
            journal.append([EndRecord(seconds=seconds)])
        return journal.read()


def take_turn(sitting: Sitting, slot: ModelSlot, before: Sequence[Record]) -> None:
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
    sitting.work(before, model)


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


class ModelSlot:
    """Room for one model: asking for another lets go of the one before."""

    def __init__(
        self, loaders: Mapping[str, LoadModel], on_load: Callable[[str], None], folder: Path
    ) -> None:
        self._loaders = loaders
        self._on_load = on_load
        self._folder = folder
        self._name: str | None = None
        self._model: Model | None = None
        self._broken: dict[str, Broken] = {}

    def load(self, name: str) -> Model:
        """The model. Raises Broken where it cannot be loaded; that is tried once only."""
        if name in self._broken:
            raise self._broken[name]
        if self._model is None or name != self._name:
            self._on_load(name)
            self._model = None
            gc.collect()
            try:
                self._model = guarded(self._loaders[name], self._folder)
            except Broken as broken:
                cause = broken.__cause__
                why = cause.fix if isinstance(cause, InvalidInput) else str(broken)
                self._broken[name] = Broken(f"the model {name} cannot be loaded: {why}")
                raise self._broken[name] from cause
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
        models=tuple(models),
        strategies=(
            *([INCUMBENT_FACTS] if dataset.incumbent else []),
            *(entry.facts for entry in entries),
        ),
        environment=environment,
        checks=check_dataset(dataset, lengths=lengths),
        prices=prices.for_run(
            environment, [model.name for model in models if model.hosted]
        ).model_dump(mode="json"),
    )
    # a model that could not be loaded then has no part in what that run is known by
    known = [model for model in models if model.name in then]
    if old and old.fingerprint != fingerprint(dataset, entries, fingerprints(known), seed):
        raise RunMismatch(folder, difference(old, run))
    return run


def model_facts(
    names: Sequence[str],
    slot: ModelSlot,
    then: Mapping[str, ModelFacts],
    dataset: Dataset,
    folder: Path,
) -> tuple[list[ModelFacts], tuple[Check, ...] | None]:
    """What is known of the models, those aside that cannot be loaded and were not `then`; and
    which rows are too long for them, None where none could be asked.

    Raises what their loading raised where nothing is known of any.
    """
    found, broken = dict(then), None
    lengths: dict[str, tuple[Check, ...]] = {}
    for name in reversed(names):
        try:
            model = slot.load(name)
        except Broken as error:
            broken = error
            continue
        with suppress(Broken):  # one that cannot count fails its own rows
            lengths[name] = guarded(partial(too_long, dataset, name, model), folder)
        info = model.info
        found[name] = ModelFacts(
            name=name,
            parameters=info.parameters,
            dtype=info.dtype,
            fingerprint=info.fingerprint,
            hosted=model.hosted,
        )
        del model
    if broken is not None and not found:
        raise broken.__cause__ or broken
    known = [found[name] for name in names if name in found]
    if not lengths:
        return known, None
    return known, tuple(check for name in names for check in lengths.get(name, ()))


def too_long(dataset: Dataset, name: str, model: Model) -> tuple[Check, ...]:
    return longer_than_context(dataset, name, model.context_length, model.count_tokens)


def fingerprints(models: Iterable[ModelFacts]) -> dict[str, str]:
    return {model.name: model.fingerprint for model in models}
