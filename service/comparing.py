"""One comparison from a data set to the written reports: what the command line and the worker run.

Everything it needs by name it finds through the registries; models load only when the runner
reaches the first strategy that uses them.
"""

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from benchmarks.costs import PriceList
from benchmarks.journal import JOURNAL
from benchmarks.plan import Entry, needed_models, plan_run
from benchmarks.progress import OnProgress, ignore_progress
from benchmarks.runner import never, run_comparison, sole_owner
from benchmarks.sitting import ARTIFACTS
from corpora.errors import InvalidInput
from corpora.task import Dataset, Task
from service.report import Report, build_report, write_reports
from strategies.base import Strategy
from strategies.errors import ModelError, NotFetched, UnknownName
from strategies.models.base import Model
from strategies.models.catalogue import ENTRIES, model_folder
from strategies.registry import create_strategy, load_model, model_names, strategy_names

REPORTS = ("report.html", "report.md", "report.json")


def compare(
    dataset: Dataset,
    *,
    out: Path,
    strategies: Sequence[str] | None = None,
    seed: int = 0,
    prices: PriceList,
    on_progress: OnProgress = ignore_progress,
    cancelled: Callable[[], bool] = never,
) -> Report:
    """Run the strategies on the data set and write report.json, .md and .html into `out`.

    Without `strategies`, those of the task, else all; one that does not fit is reported as
    skipped. Continues what an earlier call left in `out`. Raises UnknownName and NotFetched
    before anything runs, RunMismatch where `out` holds another comparison, and Cancelled once
    `cancelled` says so.
    """
    chosen = chosen_strategies(dataset.task, strategies)
    names = checked_models(dataset.task, chosen)
    out.mkdir(parents=True, exist_ok=True)
    records = run_comparison(
        dataset,
        strategies=chosen,
        models={name: partial(load_named, name) for name in names},
        folder=out,
        seed=seed,
        prices=prices,
        on_progress=on_progress,
        cancelled=cancelled,
    )
    report = build_report(records)
    write_reports(report, out)
    return report


def chosen_strategies(task: Task, names: Sequence[str] | None = None) -> list[Strategy]:
    """The named strategies, else those the task names, else all. Raises UnknownName."""
    wanted = names or task.strategies or strategy_names()
    return [create_strategy(name) for name in dict.fromkeys(wanted)]


def planned(dataset: Dataset, strategies: Sequence[Strategy]) -> list[Entry]:
    """The rows that the comparison will have, in the order in which they run."""
    return plan_run(strategies, dataset.task.models)


def with_models(dataset: Dataset, models: Sequence[str]) -> Dataset:
    """The data set with other models than its task names."""
    task = dataset.task.model_copy(update={"models": tuple(dict.fromkeys(models))})
    return dataset.model_copy(update={"task": task})


def checked_models(task: Task, strategies: Sequence[Strategy]) -> list[str]:
    """The models that the strategies will use, without loading any.

    Raises UnknownName, or NotFetched with the command that brings the model. Whether a folder or
    a hub id holds a model shows when it is loaded.
    """
    names = needed_models(plan_run(strategies, task.models))
    known = model_names()
    for name in names:
        if name in ENTRIES:
            model_folder(name)
        elif name not in known and "/" not in name and not Path(name).expanduser().is_dir():
            raise UnknownName("model", name, known)
    return names


def load_named(name: str) -> Model:
    """The model; a folder or a hub id that holds none is bad input (InvalidInput)."""
    try:
        return load_model(name)
    except (UnknownName, NotFetched):
        raise
    except ModelError as error:
        raise InvalidInput("model", name, str(error)) from error


def forget(out: Path) -> None:
    """Remove what an earlier comparison left in `out`, and nothing else.

    Raises RunLocked where one is running there.
    """
    if not (out / JOURNAL).exists():
        return
    with sole_owner(out):
        shutil.rmtree(out / ARTIFACTS, ignore_errors=True)
        for name in (*REPORTS, JOURNAL):
            (out / name).unlink(missing_ok=True)
