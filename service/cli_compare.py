"""`tuneworth compare`: facts, findings and the quote first, then the run, then the answer."""

import os
import re
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import rich_click as click

from service.cli_options import Amount, comma_separated, common, spending_limits
from service.cli_show import dataset_facts
from service.exits import DONE, FAILED, Refused
from service.terminal import Watch, console, is_interactive, print_json, watching

if TYPE_CHECKING:
    from rich.console import Console

    from benchmarks.progress import ProgressEvent
    from corpora.task import Check, Dataset
    from service.comparing import Plan
    from service.report import Report

LONG_SECONDS = 600.0
"""A run expected to take longer asks first, on a terminal."""


@click.command()
@click.argument("spec")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the reports; a second run continues what it finds there. "
    "[default: out/NAME-OF-THE-TASK]",
)
@click.option(
    "--strategies",
    callback=comma_separated,
    metavar="A,B",
    help="Only these strategies. [default: all that fit the task]",
)
@click.option("--limit", type=click.IntRange(min=1), help="At most this many test rows.")
@click.option(
    "--train-limit", type=click.IntRange(min=1), help="At most this many rows to train on."
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True)
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME",
    help="The model, in place of the task's own; repeat it to compare several.",
)
@click.option(
    "--search-trials",
    type=click.IntRange(min=1),
    help="Settings that each optimized strategy may try. [default: the task's, else 8]",
)
@click.option(
    "--search-seconds",
    type=Amount(min=0, min_open=True),
    help="Seconds after which it begins no further one. [default: the task's, else 180]",
)
@click.option(
    "--learning-curve",
    is_flag=True,
    help="Train what is tuned on 10, 25 and 50% of the training rows too: would more labels help?",
)
@click.option(
    "--prices",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Your own prices of hardware and tokens.",
)
@click.option("--dry-run", is_flag=True, help="Only quote time and money.")
@click.option("--yes", is_flag=True, help="Do not ask before a long or paid run.")
@click.option("--fresh", is_flag=True, help="Forget what an earlier run left in the folder.")
@click.option(
    "--no-cache", is_flag=True, help="Compute all of it, whatever earlier comparisons computed."
)
@click.option(
    "--no-probes",
    is_flag=True,
    help="Measure no behaviour by further questions (see docs/behaviour.md).",
)
@click.option(
    "--race",
    is_flag=True,
    help="Stop strategies that can no longer win, on validation rows, before the test.",
)
@spending_limits
@common
def compare(
    spec: str,
    out: Path | None,
    strategies: tuple[str, ...] | None,
    limit: int | None,
    train_limit: int | None,
    seed: int,
    models: tuple[str, ...],
    search_trials: int | None,
    search_seconds: float | None,
    learning_curve: bool,
    prices: Path | None,
    dry_run: bool,
    yes: bool,
    fresh: bool,
    no_cache: bool,
    no_probes: bool,
    race: bool,
    spend_at_most: float | None,
    tokens_at_most: int | None,
    as_json: bool,
) -> int:
    """Compare strategies on a task and recommend one.

    SPEC is a task folder, a .yaml or .json file, or the name of a built-in task
    (see tuneworth tasks).
    """
    from benchmarks.costs import read_prices
    from corpora.reading import read_dataset

    to = console(stderr=as_json)
    dataset = read_dataset(spec, seed=seed, limit=limit, train_limit=train_limit)
    from service import comparing  # after reading: a misspelt path is told at once

    dataset = comparing.with_models(dataset, models) if models else dataset
    dataset = comparing.with_search(dataset, search_trials, search_seconds)
    dataset = comparing.with_learning_curve(dataset) if learning_curve else dataset
    price_list = read_prices(prices)
    probes = not no_probes
    plan = comparing.plan(
        dataset, strategies=strategies, prices=price_list, probes=probes, race=race
    )
    checks = show_findings(dataset, to)
    show_quote(plan, to, spend_at_most)
    if dry_run:
        if as_json:
            found = [check.model_dump() for check in checks]
            quoted = {**plan.quote.model_dump(), "paid_usd": plan.paid_usd}
            print_json({"task": dataset_facts(dataset), "checks": found, "quote": quoted})
        return DONE
    from benchmarks.journal import JOURNAL, Journal
    from service.caching import default_cache
    from service.forecasting.hope import hope
    from service.ledger import Limits

    cache = None if no_cache else default_cache()
    ask_first(plan, yes=yes, agreed=spend_at_most is not None)
    folder = out or Path("out") / folder_name(dataset.task.name)
    if fresh:
        comparing.forget(folder)
    journal = Journal(folder / JOURNAL)
    may_win = partial(hope, dataset, journal, strategies=strategies, prices=price_list, seed=seed)
    with stoppable() as cancelled, watching(plan.ids) as watch:
        report = comparing.compare(
            dataset,
            out=folder,
            strategies=strategies,
            seed=seed,
            prices=price_list,
            on_progress=partial(follow, watch),
            cancelled=cancelled,
            cache=cache,
            probes=probes,
            race=race,
            may_win=may_win() if race else None,
            limits=Limits(spend_at_most, tokens_at_most),
        )
    if as_json:
        print((folder / "report.json").read_text(encoding="utf-8"))
    else:
        show_report(report, folder, to)
    return DONE if any(row.status == "completed" for row in report.strategies) else FAILED


def show_findings(dataset: "Dataset", to: "Console") -> "Sequence[Check]":
    """The task's facts and what its data show; an error among them ends the command."""
    from corpora.checks import check_dataset

    checks = check_dataset(dataset)
    show_checks(dataset, checks, to)
    return checks


def show_checks(dataset: "Dataset", checks: "Sequence[Check]", to: "Console") -> None:
    """The task's facts with those findings; an error among them ends the command."""
    from service.cli_tables import checks_text, facts_text

    to.print(facts_text(dataset))
    to.print(checks_text(checks))
    errors = sum(check.severity == "error" for check in checks)
    if errors:
        what = "one error" if errors == 1 else f"{errors} errors"
        raise Refused(f"The data have {what}; see above.", "Mend them, then compare.")


def show_quote(plan: "Plan", to: "Console", limit: float | None) -> None:
    """Time and money expected, and what the test split can tell."""
    from service.cli_tables import quote_table, quote_text
    from service.wording import dollars

    to.print()
    to.print(quote_table(plan.quote))
    to.print(quote_text(plan.quote))
    if limit is not None and plan.paid_usd > limit:
        above = f"{dollars(plan.paid_usd)} for hosted models, above the limit of {dollars(limit)}"
        to.print(f"Expected are {above}: answers beyond it will be errors.", soft_wrap=True)


def ask_first(plan: "Plan", *, yes: bool, agreed: bool) -> None:
    """Nothing long or paid without consent, on a terminal; elsewhere nothing paid. `agreed`: to the
    money, by a limit."""
    paid = plan.paid_usd > 0 and not agreed
    if yes or not (paid or plan.quote.seconds > LONG_SECONDS):
        return
    if is_interactive():
        if not click.confirm("Run it?", default=not paid, err=True):
            raise Refused("Nothing was run.", "Add --yes to run without this question.", FAILED)
    elif paid:
        from service.wording import dollars

        fix = "Add --yes or --spend-at-most to agree, or --dry-run to see the quote only."
        raise Refused(f"This run costs about {dollars(plan.paid_usd)} of hosted models.", fix)


def follow(watch: Watch, event: "ProgressEvent") -> None:
    """Show one event of the runner."""
    if event.strategy is None:
        watch.tell("model", f"{event.phase} {event.message}", event.fraction, event.seconds_left)
    elif event.phase == "done":
        watch.finish(event.strategy, event.message or "done")
    else:
        phase = f"{event.phase}: {event.message}" if event.message else event.phase
        watch.tell(event.strategy, phase, event.fraction, event.seconds_left)


def show_report(report: "Report", folder: Path, to: "Console") -> None:
    from rich.text import Text

    from service.cli_tables import (
        change_table,
        learning_text,
        race_text,
        recommendation_text,
        result_table,
        searches_text,
        skipped_text,
    )
    from service.view import warnings

    to.print()
    to.print(result_table(report.strategies))
    if report.changes:
        to.print()
        to.print(change_table(report))
    if skipped := skipped_text(report.strategies):
        to.print(skipped)
    for text in (race_text(report), searches_text(report), learning_text(report)):
        if text:
            to.print()
            to.print(text)
    to.print()
    to.print(recommendation_text(report.recommendation))
    for warning in warnings(report):
        to.print(Text(f"Warning: {warning}", style="bold yellow"))
    to.print(f"\nReports: {folder}/report.html, report.md and report.json", soft_wrap=True)


def folder_name(task: str) -> str:
    """A task's name as one folder's name."""
    return re.sub(r"[^\w.-]+", "-", task).strip(".-") or "task"


@contextmanager
def stoppable() -> Iterator[Callable[[], bool]]:
    """Hands out a function that says whether the user asked to stop.

    The first SIGINT asks, so that the sample at work is finished and stored; the second one
    raises KeyboardInterrupt where it strikes.
    """
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        # os.write: a signal can strike in the middle of a buffered write to the same stream
        os.write(2, b"\nStopping after this step; press Ctrl-C again to stop at once.\n")

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)
