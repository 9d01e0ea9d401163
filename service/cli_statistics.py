"""`tuneworth bench statistics`: do the intervals and tests keep their promises?"""

from pathlib import Path

import rich_click as click

from service.bench_shown import show
from service.cli_options import common
from service.terminal import console

FULL, QUICK = 10_000, 400
FILES = {False: Path("out/bench-statistics.jsonl"), True: Path("out/bench-statistics-quick.jsonl")}


@click.command()
@click.option("--quick", is_flag=True, help="Fewer cells and simulations, and wider targets: CI.")
@click.option(
    "--simulations",
    type=click.IntRange(min=10),
    help=f"Simulations a cell.  [default: {FULL:,}, or {QUICK} with --quick]",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="Processes to work with.  [default: one a core, or 1 with --quick]",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help=f"Every cell, as it is done; the same command continues.  [default: {FILES[False]}, or"
    f" {FILES[True]} with --quick]",
)
@common
def statistics(
    quick: bool, simulations: int | None, jobs: int | None, out: Path | None, as_json: bool
) -> int:
    """Hold intervals, tests and family-wise errors against simulated truths.

    Scores, paired differences, ten strategies at once and several seeds; of 50 to 500 rows, with
    and without groups. Each figure is made by the code that makes it in a report.
    """
    from benchmarks.environment import read_environment, usable_cores
    from benchmarks.simulation.parts import Job, measure_statistics
    from benchmarks.speed.sheet import STATISTICS_SCHEMA, Sheet

    to = console(stderr=True)
    environment = read_environment().model_dump()
    job = Job(
        simulations=simulations or (QUICK if quick else FULL),
        quick=quick,
        jobs=jobs or (1 if quick else usable_cores()),
        sheet=Sheet(
            out or FILES[quick],
            {"environment": environment, "versions": environment["versions"]},
            schema=STATISTICS_SCHEMA,
        ),
        say=lambda line: to.print(line, soft_wrap=True),
    )
    return show("statistics", environment, measure_statistics(job), as_json=as_json)
