"""`tuneworth forecast`: what a comparison would find, told for a fraction of what it takes."""

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from service.cli_compare import show_checks, stoppable
from service.cli_options import Amount, comma_separated, common, spending_limits
from service.exits import DONE, FAILED, STOPPED, Refused
from service.forecasting.defaults import CONFIDENCE
from service.terminal import console, is_interactive, one_bar

if TYPE_CHECKING:
    from rich.console import Console

    from service.forecasting.planning import ForecastPlan

KEPT_NOTHING = "Stopped. Nothing that was found is kept, nor what hosted models were paid for."


@click.command()
@click.argument("spec")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the forecast here too, by the ending .json, .md or .html.",
)
@click.option(
    "--budget-seconds",
    type=Amount(min=0, min_open=True),
    help="Begin nothing that is expected to end later; used while the answer is not sure "
    "enough. [default: 7% of the comparison's quote]",
)
@click.option(
    "--budget-usd",
    type=Amount(min=0, min_open=True),
    help="Begin nothing that is expected to pass it: the machine's time, and tokens of hosted "
    "models, for which --spend-at-most is a limit that holds. "
    "[default: none; 7% of the quote where a hosted model is paid]",
)
@click.option(
    "--confidence",
    type=Amount(0.5, 0.99),
    default=CONFIDENCE,
    show_default=True,
    help="The chance from which on it says yes or no, and stops early.",
)
@click.option(
    "--strategies",
    callback=comma_separated,
    metavar="A,B",
    help="Only these strategies. [default: all that fit the task]",
)
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME",
    help="The model, in place of the task's own; repeat it to look at several.",
)
@click.option("--limit", type=click.IntRange(min=1), help="The comparison's test rows, at most.")
@click.option(
    "--train-limit", type=click.IntRange(min=1), help="At most this many rows to train on."
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True)
@click.option(
    "--prices",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Your own prices of hardware and tokens.",
)
@click.option("--yes", is_flag=True, help="Do not ask before hosted models are paid.")
@spending_limits
@common
def forecast(
    spec: str,
    out: Path | None,
    budget_seconds: float | None,
    budget_usd: float | None,
    confidence: float,
    strategies: tuple[str, ...] | None,
    models: tuple[str, ...],
    limit: int | None,
    train_limit: int | None,
    seed: int,
    prices: Path | None,
    yes: bool,
    spend_at_most: float | None,
    tokens_at_most: int | None,
    as_json: bool,
) -> int:
    """Foretell what comparing strategies on a task would find, and whether to fine-tune.

    Reads training and validation rows alone, looks at what is cheapest first, and stops when the
    decision is clear or the budget is used up. SPEC is as for tuneworth compare.
    """
    from benchmarks.costs import read_prices
    from corpora.reading import read_dataset
    from service.forecasting.pages import format_of, write_forecast

    if out is not None:
        format_of(out)
    to = console(stderr=as_json)
    dataset = read_dataset(spec, seed=seed, limit=limit, train_limit=train_limit)
    from service import comparing  # after reading: a misspelt path is told at once
    from service.file_book import FileBook
    from service.forecasting.planning import plan_forecast
    from service.forecasting.running import forecast as foretell
    from service.forecasting.shown import forecast_text
    from service.ledger import Ledger, Limits
    from strategies.models.account import accounting

    price_list = read_prices(prices)
    planned = plan_forecast(
        comparing.with_models(dataset, models) if models else dataset,
        strategies=strategies,
        prices=price_list,
        seed=seed,
        budget_seconds=budget_seconds,
        budget_usd=budget_usd,
        spend_at_most=spend_at_most,
    )
    show_checks(dataset, planned.checks, to)
    show_budget(planned, to)
    ask_first(planned, yes=yes or spend_at_most is not None)
    limits = Limits(spend_at_most, tokens_at_most)
    with (
        stoppable() as cancelled,
        one_bar("forecast") as bar,
        accounting(Ledger(FileBook(None), price_list, limits, cancelled)),
    ):
        try:
            found = foretell(
                planned,
                confidence=confidence,
                cancelled=cancelled,
                on_step=lambda doing, share: bar(share, doing),
            )
        except KeyboardInterrupt:
            fix = "Run it again, or press Ctrl-C only once: then it ends with what it has found."
            raise Refused(KEPT_NOTHING, fix, STOPPED) from None
    if as_json:
        print(found.as_json(), end="")
    else:
        to.print()
        for part in forecast_text(found):
            to.print(part)
    if out is not None:  # after all is told: what a full disk refuses was paid for
        write_forecast(found, out)
        to.print(f"\nForecast: {out}", soft_wrap=True)
    if found.stop == "told to":
        return STOPPED
    return DONE if any(row.quality for row in found.strategies) else FAILED


def show_budget(planned: "ForecastPlan", to: "Console") -> None:
    """What the comparison would take, and what this may."""
    from service.wording import dollars, duration

    purse = planned.purse
    money = "" if purse.usd is None else f" and {dollars(purse.usd)}"
    to.print(
        f"\nThe comparison is quoted at {duration(purse.whole_seconds)} and"
        f" {dollars(purse.whole_usd)}; this forecast may take {duration(purse.seconds)}{money}."
    )


def ask_first(planned: "ForecastPlan", *, yes: bool) -> None:
    """Nothing paid without consent."""
    if yes or not planned.paid_usd:
        return
    from service.wording import dollars

    cost = dollars(planned.paid_usd)
    if not is_interactive():
        fix = "Add --yes to agree, or --budget-usd to allow less."
        raise Refused(f"This forecast may spend {cost} on hosted models.", fix)
    if not click.confirm(f"Spend up to {cost} on hosted models?", default=False, err=True):
        raise Refused("Nothing was run.", "Add --yes to run without this question.", FAILED)
