"""One comparison from a data set to the written reports: what the command line and the worker run.

Everything it needs by name it finds through the registries; models load only when the runner
reaches the first strategy that uses them.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.costs import PriceList
from benchmarks.curve import turns_of
from benchmarks.environment import cuda_devices
from benchmarks.journal import JOURNAL
from benchmarks.metrics import metric_for
from benchmarks.model_slot import LoadModel
from benchmarks.placing import ARTIFACTS
from benchmarks.plan import Entry, needed_models, plan_run
from benchmarks.progress import OnProgress, ignore_progress
from benchmarks.quote import Quote, QuotedModel, quote
from benchmarks.race_quote import with_race
from benchmarks.racing import MayWin
from benchmarks.runner import never, run_comparison, sole_owner
from corpora.errors import InvalidInput
from corpora.task import Dataset, Task
from service.file_book import PAID, FileBook
from service.forms import REPORT_FILES
from service.ledger import Ledger, Limits
from service.published import write_reports
from service.report import Report, build_report
from service.stated import check_stated
from strategies.base import Strategy
from strategies.cache import Cache
from strategies.errors import ModelError, NotFetched, UnknownName
from strategies.models.account import accounting
from strategies.models.base import Model
from strategies.models.catalogue import ENTRIES, model_folder
from strategies.models.hosted import hosted_models
from strategies.registry import create_strategy, every_strategy, load_model, model_names
from strategies.waiting import settle_waiting

WEIGHT_BYTES = 2
"""Bytes of a parameter in a folder of weights, for quotes: most are stored in 16 bits."""


def compare(
    dataset: Dataset,
    *,
    out: Path,
    strategies: Sequence[str] | None = None,
    seed: int = 0,
    prices: PriceList,
    on_progress: OnProgress = ignore_progress,
    cancelled: Callable[[], bool] = never,
    cache: Cache | None = None,
    probes: bool = True,
    race: bool = False,
    may_win: MayWin | None = None,
    limits: Limits | None = None,
) -> Report:
    """Run the strategies on the data set and write report.json, .md and .html into `out`.

    Without `strategies`, those of the task, else all; one that does not fit is reported as
    skipped. Continues what an earlier call left in `out`, and reuses what `cache` holds of others
    where that spoils no measurement. Without `probes` no strategy is asked further questions for
    its behaviour (docs/behaviour.md). With `race` those that can no longer win are stopped before
    the test (docs/racing.md); `may_win` is asked before one that trains or searches is prepared.
    Hosted models are asked no more than `limits` allow, all calls with this `out` together; what
    they would be asked beyond is an error of that answer.
    Raises UnknownName and NotFetched before anything runs, RunMismatch where `out` holds another
    comparison, and Cancelled once `cancelled` says so.
    """
    chosen, models = chosen_of(dataset, strategies, prices)
    out.mkdir(parents=True, exist_ok=True)
    settle_waiting(alone=True)
    ledger = Ledger(FileBook(out / PAID), prices, limits or Limits(), cancelled)
    with accounting(ledger):
        records = run_comparison(
            dataset,
            strategies=chosen,
            models=models,
            folder=out,
            seed=seed,
            prices=prices,
            on_progress=on_progress,
            cancelled=cancelled,
            cache=cache,
            probes=probes,
            race=race,
            may_win=may_win,
        )
    report = build_report(records)
    write_reports(report, out)
    return report


@dataclass(frozen=True)
class Plan:
    """What a comparison will be: the names of all that is done in order, and what it will take.

    `paid_usd` is the part of the quote that goes to hosted models. `entries` are what is compared,
    with whom does not fit among them.
    """

    ids: tuple[str, ...]
    quote: Quote
    paid_usd: float
    entries: tuple[Entry, ...]
    models: tuple[QuotedModel, ...]


def plan(
    dataset: Dataset,
    *,
    strategies: Sequence[str] | None,
    prices: PriceList,
    probes: bool = True,
    race: bool = False,
) -> Plan:
    """Look ahead without loading a model; with all that a `race` may ask, and nothing of what it
    may spare. Raises as `compare` does before anything runs."""
    metric_for(dataset.task.metric, dataset.task.kind)
    chosen, names = chosen_of(dataset, strategies, prices)
    models = [quoted_model(name) for name in names]
    estimate = quote(dataset, chosen, models, prices, gpu=bool(cuda_devices()), probes=probes)
    entries = plan_run(dataset, chosen, [model.name for model in models])
    hosted = {model.name for model in models if model.hosted}
    paid = {entry.id for entry in entries if entry.model in hosted}
    if race:
        estimate = with_race(estimate, dataset, paid)
    return Plan(
        ids=tuple(turns_of(dataset, entries)),
        quote=estimate,
        paid_usd=sum(row.usd for row in estimate.rows if row.id in paid),
        entries=tuple(entries),
        models=tuple(models),
    )


def chosen_of(
    dataset: Dataset,
    strategies: Sequence[str] | None,
    prices: PriceList,
    load: Callable[[str], Model] | None = None,
) -> tuple[list[Strategy], dict[str, LoadModel]]:
    """The strategies, and what loads each model that they will use, by `load` where it is given.

    Loads nothing. Raises as `compare` does before anything runs.
    """
    check_stated(dataset.task.needs, dataset.task.deployment, prices)
    chosen = chosen_strategies(dataset.task, strategies)
    names = checked_models(dataset, chosen)
    return chosen, {name: partial(load or load_named, name) for name in names}


def chosen_strategies(task: Task, names: Sequence[str] | None = None) -> list[Strategy]:
    """The named strategies, else those the task names, else all.

    Raises UnknownName, and StrategyError where one that is named cannot be loaded; unasked, it
    fails alone.
    """
    wanted = names or task.strategies
    if not wanted:
        return every_strategy()
    return [create_strategy(name) for name in dict.fromkeys(wanted)]


def with_models(dataset: Dataset, models: Sequence[str]) -> Dataset:
    """The data set with other models than its task names."""
    task = dataset.task.model_copy(update={"models": tuple(dict.fromkeys(models))})
    return dataset.model_copy(update={"task": task})


def with_search(dataset: Dataset, trials: int | None, seconds: float | None) -> Dataset:
    """The data set with another search budget than its task states; None leaves a part of it."""
    told = {"trials": trials, "seconds": seconds}
    budget = dataset.task.search.model_copy(
        update={name: value for name, value in told.items() if value is not None}
    )
    return dataset.model_copy(update={"task": dataset.task.model_copy(update={"search": budget})})


def with_learning_curve(dataset: Dataset) -> Dataset:
    """The data set with learning curves asked for."""
    task = dataset.task.model_copy(update={"learning_curve": True})
    return dataset.model_copy(update={"task": task})


def checked_models(dataset: Dataset, strategies: Sequence[Strategy]) -> list[str]:
    """The models that the strategies will use, without loading any.

    Raises UnknownName, or NotFetched with the command that brings the model. Whether a folder or
    a hub id holds a model shows when it is loaded.
    """
    names = needed_models(plan_run(dataset, strategies, dataset.task.models))
    known = model_names()
    for name in names:
        if name in ENTRIES:
            model_folder(name)
        elif name not in known and "/" not in name and not _folder(name).is_dir():
            raise UnknownName("model", name, known)
    return names


def quoted_model(name: str) -> QuotedModel:
    """What a quote needs of a model, without loading it; 0 parameters where unknown."""
    weights = _folder(name).glob("*.safetensors")
    parameters = sum(path.stat().st_size for path in weights) // WEIGHT_BYTES
    return QuotedModel(name=name, parameters=parameters, hosted=name in hosted_models())


def load_named(name: str) -> Model:
    """The model; a folder or a hub id that holds none is bad input (InvalidInput)."""
    try:
        return cached_where_known(load_model(name))
    except (UnknownName, NotFetched):
        raise
    except ModelError as error:
        raise InvalidInput("model", name, str(error)) from error


def cached_where_known(model: Model) -> Model:
    """The model, able to reuse replies where its weights are at hand to be told apart by."""
    if not model.trainable:
        return model
    from strategies.models.cached import CachedModel  # torch, which such a model has loaded
    from strategies.models.local import LocalModel

    return CachedModel.around(model) if isinstance(model, LocalModel) else model


def forget(out: Path) -> None:
    """Remove what an earlier comparison left in `out`, and nothing else.

    Raises RunLocked where one is running there.
    """
    if not (out / JOURNAL).exists():
        return
    with sole_owner(out):
        shutil.rmtree(out / ARTIFACTS, ignore_errors=True)
        for name in (*REPORT_FILES, JOURNAL, PAID):
            (out / name).unlink(missing_ok=True)


def _folder(name: str) -> Path:
    return Path(name).expanduser()
