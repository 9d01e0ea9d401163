"""`tuneworth bench forecast`: what a forecast says beside what the whole comparison found."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from service.bench_shown import show
from service.cli_bench import FOLDER
from service.cli_compare import LONG_SECONDS, follow, stoppable
from service.cli_options import comma_separated, common
from service.exits import FAILED, Refused
from service.terminal import console, is_interactive, watching

if TYPE_CHECKING:
    from service.forecast_bench.measure import Bench
    from service.forecast_bench.replaying import Replayed
    from service.forecast_bench.tables import Table
    from service.forecast_bench.tasks import BenchTask


@click.command()
@click.argument("place", metavar="DIR", type=FOLDER)
@click.option(
    "--size",
    "size_name",
    type=click.Choice(["default", "small"]),
    default="default",
    show_default=True,
    help="default: at most 300 training, 100 validation and 200 test rows, every strategy, three "
    "seeds of what is trained on the eight tasks with the fewest training tokens. small: 60, 30 "
    "and 40 rows, few strategies, one seed; its figures count for no target.",
)
@click.option(
    "--out",
    type=FOLDER,
    help="Records of the tasks, as each is done; the same command continues.  [default:"
    " out/bench-forecast, or out/bench-forecast-small]",
)
@click.option("--only", callback=comma_separated, metavar="NAME,...", help="Only these tasks.")
@click.option("--replay-only", is_flag=True, help="Measure nothing: replay what is at hand.")
@click.option("--yes", is_flag=True, help="Do not ask before a long or paid run.")
@common
def forecast(
    place: Path,
    size_name: str,
    out: Path | None,
    only: tuple[str, ...] | None,
    replay_only: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Hold forecasts against whole comparisons of the task folders in DIR.

    Every task is compared whole, one after another, and all cheap evidence is collected; then the
    forecast is replayed at 1, 3, 7 and 15% of the comparison's seconds, each task by what tasks
    of other sources taught, beside simple rivals. Records that are part of Tuneworth are used
    where they are of the same data. Targets are held against 7%.
    """
    from benchmarks.costs import read_prices
    from benchmarks.environment import read_environment
    from service.forecast_bench.agenda import measure_all
    from service.forecast_bench.checks import forecast_checks
    from service.forecast_bench.measure import Bench, Watching
    from service.forecast_bench.replaying import replay_all
    from service.forecast_bench.sizes import DEFAULT, SIZES
    from service.forecast_bench.tasks import read_tasks, task_folders

    to = console(stderr=True)

    def say(line: str) -> None:
        to.print(line, soft_wrap=True)

    size = SIZES[size_name]
    task_folders(place, only)  # a misspelt name ends the command before anything is read
    tasks, unread = read_tasks(task_folders(place), size, say)
    wanted = [task for task in tasks if only is None or task.name in only]
    names = [task.name for task in wanted]
    out_of = [one for one in unread if only is None or one.name in only]
    with stoppable() as cancelled, watching([]) as watch:
        told = Watching(lambda event: follow(watch, event), say, cancelled)
        out = out or Path("out") / ("bench-forecast" + ("" if size is DEFAULT else "-small"))
        bench = Bench(out.absolute(), size, read_prices(None), told)
        if not replay_only:
            ask_first(tasks, names, bench, yes=yes)
            out_of += measure_all(tasks, names, bench)
        replayed = replay_all(wanted, bench)  # what failed may have left enough
    out_of = [*{one.name: one for one in (*replayed.left_out, *out_of)}.values()]
    if not replayed.replays:
        raise Refused("No task was replayed.", "See above for the reasons.", FAILED)
    show_tables(replayed, to)
    environment = {**read_environment().model_dump(), "size": size.name, **replayed.states}
    checks = forecast_checks(replayed.found, left_out=len(out_of), targets=size is DEFAULT)
    return show("forecast", environment, checks, as_json=as_json)


def ask_first(
    tasks: "Sequence[BenchTask]", wanted: Sequence[str], bench: "Bench", *, yes: bool
) -> None:
    """Nothing long or paid without consent, as before a comparison."""
    from service.forecast_bench.outlay import outlay_of
    from service.wording import dollars, duration

    ahead = outlay_of(tasks, wanted, bench)
    if not (ahead.comparisons or ahead.evidence or ahead.seeds):
        return
    paid = ahead.usd
    bench.watching.say(
        f"To be measured: {ahead.comparisons} comparisons, evidence of {ahead.evidence} tasks,"
        f" further seeds of at most {ahead.seeds}. About {duration(ahead.seconds)} at most, and"
        f" {dollars(paid)} of hosted models; evidence is counted as one comparison more."
    )
    if yes or (paid == 0 and ahead.seconds <= LONG_SECONDS):
        return
    if is_interactive():
        if not click.confirm("Run it?", default=paid == 0, err=True):
            raise Refused("Nothing was run.", "Add --yes to run without this question.", FAILED)
    elif paid > 0:
        fix = "Add --yes to agree, or --replay-only to measure nothing."
        raise Refused(f"This costs up to {dollars(paid)} of hosted models.", fix)


def show_tables(replayed: "Replayed", to: Any) -> None:
    from service.forecast_bench.figures import calls_by_confidence
    from service.forecast_bench.tables import (
        confidence_table,
        curve_table,
        regret_table,
        task_table,
    )

    for title, table in (
        ("Task by task at 7%, regret and error in points", task_table(replayed.headline)),
        ("Task by task at each budget, regret in points", regret_table(replayed.forecasts)),
        ("All tasks together", curve_table(replayed.found)),
        (
            "Calls at 7% by the chance that tuning is right, by the confidence wanted",
            confidence_table(calls_by_confidence(replayed.headline)),
        ),
    ):
        to.print(f"\n{title}")
        to.print(terminal_table(table))
    to.print()


def terminal_table(cells: "Table") -> Any:
    from rich.table import Table as RichTable

    head, *rows = cells
    table = RichTable(*head, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    return table
