"""`tuneworth bench decisions`: how often the rule is right where the right decision is known."""

from pathlib import Path

import rich_click as click

from service.bench_shown import show
from service.cli_bench import FILE
from service.cli_options import comma_separated, common
from service.terminal import console


@click.command()
@click.option("--draws", type=click.IntRange(min=1), help="Of each situation. [default: 200]")
@click.option(
    "--runs", type=click.IntRange(min=0), help="Of equal strategies. [default: 50 for each draw]"
)
@click.option(
    "--races", type=click.IntRange(min=0), help="Draws with a race and without. [default: 200]"
)
@click.option("--quick", is_flag=True, help="A few draws, whose shares count for no target.")
@click.option("--only", callback=comma_separated, metavar="NAME,...", help="Only these situations.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--processes", type=click.IntRange(min=1), help="At a time. [default: one for each core]"
)
@click.option(
    "--out",
    type=FILE,
    default=Path("out/bench-decisions.jsonl"),
    show_default=True,
    help="Every piece of the draws, as it is done; the same command continues.",
)
@common
def decisions(
    draws: int | None,
    runs: int | None,
    races: int | None,
    quick: bool,
    only: tuple[str, ...] | None,
    seed: int,
    processes: int | None,
    out: Path,
    as_json: bool,
) -> int:
    """Hold the decision rule against made-up tasks whose right decision is known.

    planted_truths_right: the smallest share of right decisions over the situations.
    equals_called_different: the share of runs in which equal strategies are told apart.
    race_same_answer: the share of draws, situations in turn, in which a race before the test leads
    to the answer that there is without it.
    """
    from benchmarks.environment import usable_cores
    from benchmarks.speed.sheet import Sheet
    from service.planted.figures import decision_checks
    from service.planted.measure import (
        DRAWS,
        EQUAL_RUNS,
        QUICK_DRAWS,
        QUICK_RACES,
        RACES,
        SCHEMA,
        head_of,
        planted_truths,
    )
    from service.planted.situations import BY_NAME
    from strategies.errors import UnknownName

    for name in only or ():
        if name not in BY_NAME:
            raise UnknownName("situation", name, list(BY_NAME))
    draws = draws or (QUICK_DRAWS if quick else DRAWS)
    runs = draws * (EQUAL_RUNS // DRAWS) if runs is None else runs
    if races is None:
        races = 0 if only else QUICK_RACES if quick else RACES
    to = console(stderr=True)
    head = head_of(seed)
    found = planted_truths(
        draws,
        seed,
        runs=runs,
        races=races,
        names=only or tuple(BY_NAME),
        processes=processes or usable_cores(),
        sheet=Sheet(out, head, schema=SCHEMA),
        say=lambda line: to.print(line, soft_wrap=True),
    )
    return show("decisions", head, decision_checks(list(found)), as_json=as_json)
