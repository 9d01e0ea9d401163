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
from benchmarks.curve import turns_of
from benchmarks.environment import read_environment
from benchmarks.errors import RunLocked, RunMismatch
from benchmarks.incumbent import FACTS as INCUMBENT_FACTS
from benchmarks.incumbent import INCUMBENT, judge_incumbent
from benchmarks.journal import JOURNAL, Journal
from benchmarks.metrics import metric_for
from benchmarks.model_slot import LoadModel, ModelSlot, model_facts
from benchmarks.plan import Entry, difference, fingerprint, needed_models, plan_run, task_facts
from benchmarks.progress import OnProgress, Reporter, ignore_progress
from benchmarks.quote import Quote, QuotedModel, quote
from benchmarks.raced import groundless
from benchmarks.racing import MayWin, run_race
from benchmarks.records import EndRecord, ModelFacts, Record, RunRecord, SentinelRecord
from benchmarks.reuse import Reuse
from benchmarks.sentinels import train_and_test_are_apart
from benchmarks.standing import latest_run, recorded_seconds, standing_of
from benchmarks.turn import Turns
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
    race: bool = False,
    may_win: MayWin | None = None,
) -> list[Record]:
    """Run or continue the comparison in `folder`; returns every record of its journal.

    `models` maps a name to what loads it; one model is in memory at a time. A strategy that
    does not fit is skipped, one that raises is failed, and so are those whose model cannot be
    loaded; the others are unharmed. A rerun tries the failed ones again, and rows of hosted models
    that ended in an error. What runs today is judged first. What `cache` holds of earlier work is
    reused where that spoils no measurement (`benchmarks.reuse`). With `probes`, strategies without
    a hosted model are asked further questions (`benchmarks.probes`). Where the task asks for
    learning curves, what is tuned is tuned on parts of the training rows too. With `race`, who can
    no longer win is stopped on validation rows before the test (`benchmarks.racing`), and `may_win`
    is asked before what is dear is prepared; without it, who was stopped earlier runs after all.
    Raises RunMismatch, RunLocked, StorageFull, DamagedJournal, BadPriceFile (a hosted model without
    a price), UnknownMetric, Cancelled, and where no model can be loaded, what the loading of one
    raises.
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
        turns = Turns(
            run, dataset, folder, journal, slot, on_progress, cancelled, reuse, ids, probes
        )
        found, out = before, frozenset[str]()
        if race:
            sittings = [turns.sitting(entry) for entry in entries]
            quoted = quote_of(run, dataset, strategies, models, prices, probes=probes)
            out = run_race(sittings, slot, run, quoted, may_win)
            found = journal.read()
            out |= {each.id for each in entries if standing_of(found, each.id).elimination}
            worked = worked or len(found) > len(before)
        for entry in entries:
            worked = turns.take(entry, found, over=entry.id in out) or worked
        while again := groundless(journal.read(), run) if race else []:
            for entry in entries:
                if entry.id in again:
                    worked = turns.take(entry, journal.read())
        if worked or not any(isinstance(record, EndRecord) for record in before):
            seconds = recorded_seconds(before) + time.perf_counter() - began
            journal.append([EndRecord(seconds=seconds)])
        return journal.read()


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


def quote_of(
    run: RunRecord,
    dataset: Dataset,
    strategies: Sequence[Strategy],
    names: Iterable[str],
    prices: PriceList,
    *,
    probes: bool,
) -> Quote:
    """What the run is quoted at on its machine; of a model that could not be loaded no size."""
    facts = {model.name: model for model in run.models}
    models = [
        QuotedModel(name=name, parameters=facts[name].parameters, hosted=facts[name].hosted)
        if name in facts
        else QuotedModel(name=name)
        for name in names
    ]
    cores, gpu = run.environment.cores, run.environment.gpu is not None
    return quote(dataset, strategies, models, prices, cores=cores, gpu=gpu, probes=probes)


def fingerprints(models: Iterable[ModelFacts]) -> dict[str, str]:
    return {model.name: model.fingerprint for model in models}
