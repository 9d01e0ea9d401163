"""`tuneworth bench statistics`: do intervals, tests and the decision rule keep their promises?"""

from pathlib import Path

import rich_click as click

from service.bench_shown import show
from service.cli_options import common
from service.exits import Refused
from service.terminal import console

FULL, QUICK = 10_000, 400
WHAT_IF_MS = 50.0
FILES = {False: Path("out/bench-statistics.jsonl"), True: Path("out/bench-statistics-quick.jsonl")}


@click.command()
@click.option("--quick", is_flag=True, help="Fewer cells and simulations, and wider targets: CI.")
@click.option(
    "--simulations",
    type=click.IntRange(min=10),
    help=f"Simulations a cell.  [default: {FULL:,}, or {QUICK} with --quick]",
)
@click.option(
    "--only",
    metavar="TEXT",
    help="Only the simulated cells whose name holds it (`uneven groups`), and nothing else.",
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
    quick: bool,
    simulations: int | None,
    only: str | None,
    jobs: int | None,
    out: Path | None,
    as_json: bool,
) -> int:
    """Hold intervals, tests and the decision rule against known truths.

    Scores, paired differences, ten strategies at once and several seeds; of 50 to 500 rows, with
    and without groups. Then the bounds of a race, looked at after every draw (in a file beside
    --out). Then made-up tasks whose right decision is known (`tuneworth bench
    decisions`, in a file beside --out), and how long a what-if takes. Each figure is made by the
    code that makes it in a report.
    """
    from benchmarks.environment import read_environment, usable_cores
    from benchmarks.simulation.cells import cells
    from benchmarks.simulation.figures import statistics_checks
    from benchmarks.simulation.looks import looks_checks, measure_looks
    from benchmarks.simulation.measure import measure_cells
    from benchmarks.speed.checks import at_most
    from benchmarks.speed.sheet import STATISTICS_SCHEMA, Sheet
    from service.planted.figures import decision_checks
    from service.planted.measure import measure_decisions
    from service.what_if_speed import RESULT, what_if_ms

    asked = [cell for cell in cells(quick=quick) if only is None or only in cell.name]
    if not asked:
        fix = "Names are such as `score: right 0.5, in groups, 50 rows`."
        raise Refused(f"--only {only}: no cell has a name that holds it.", fix)
    to = console(stderr=True)
    environment = read_environment().model_dump()
    path = out or FILES[quick]
    head = {"environment": environment, "versions": environment["versions"]}
    sheet = Sheet(path, head, schema=STATISTICS_SCHEMA)
    jobs = jobs or (1 if quick else usable_cores())

    def say(line: str) -> None:
        to.print(line, soft_wrap=True)

    simulated = measure_cells(
        asked,
        simulations or (QUICK if quick else FULL),
        sheet=sheet,
        jobs=jobs,
        say=say,
    )
    if only is not None:
        return show("statistics", environment, statistics_checks(simulated), as_json=as_json)
    looked = measure_looks(
        simulations or (QUICK if quick else FULL),
        sheet=Sheet(path.with_name(f"{path.stem}-looks.jsonl"), head, schema=STATISTICS_SCHEMA),
        say=say,
    )
    beside = path.with_name(f"{path.stem}-decisions.jsonl")
    decided = measure_decisions(beside, quick=quick, processes=jobs, say=say)
    checks = [
        *statistics_checks(simulated),
        *looks_checks(looked),
        *decision_checks(decided),
    ]
    if RESULT.is_file():  # published results are no part of an installed package
        checks.append(at_most("what_if_ms", what_if_ms(), "ms", WHAT_IF_MS))
    return show("statistics", environment, checks, as_json=as_json)
