"""How a run begins: the record of what it is of, and what it is quoted at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.costs import PriceList
from benchmarks.environment import read_environment
from benchmarks.errors import RunMismatch
from benchmarks.incumbent import FACTS as INCUMBENT_FACTS
from benchmarks.model_slot import ModelSlot, fingerprints, model_facts
from benchmarks.plan import Entry, difference, fingerprint, needed_models, task_facts
from benchmarks.quote import Quote, QuotedModel, quote
from benchmarks.records import Record, RunRecord
from benchmarks.standing import latest_run
from corpora.checks import check_dataset
from corpora.task import Dataset
from strategies.base import Strategy


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
