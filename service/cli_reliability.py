"""`tuneworth bench reliability`: what a person relies on who runs the service, part by part."""

from pathlib import Path
from tempfile import TemporaryDirectory

import rich_click as click

from service.bench_shown import show
from service.cli_options import comma_separated, common
from service.terminal import console

FILES = {
    False: Path("out/bench-reliability.jsonl"),
    True: Path("out/bench-reliability-quick.jsonl"),
}


@click.command()
@click.option("--only", callback=comma_separated, metavar="NAME,...", help="Only these parts.")
@click.option("--quick", is_flag=True, help="The same in small: CI.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help=f"Every measurement, as it is made; the same command continues.  [default: {FILES[False]},"
    f" or {FILES[True]} with --quick]",
)
@common
def reliability(only: tuple[str, ...] | None, quick: bool, out: Path | None, as_json: bool) -> int:
    """Hold the service against what can befall it.

    attacks: each is refused, and gets through once the guard in its way is replaced.
    endpoint: a hosted model that misbehaves loses no sample and is paid no more than the limit.
    fuzzing: faulty requests break nothing, end in time and leave no memory taken.
    hindrances: a full disk and the like are told, and the work goes on once they are gone.
    kills: SIGKILL of the worker, the API and PostgreSQL changes no report and loses no sample.
    polling: clients that poll and watch are answered in time beside a training.
    secrets: what is planted as a secret appears in nothing that is written or said.
    stored: with a million stored samples everything is still read within a second.
    workers: four workers do 3.6 times as much as one, and lose nothing as they come and go.
    """
    from benchmarks.code import code_of
    from benchmarks.environment import read_environment
    from benchmarks.speed.sheet import Sheet
    from service.reliability.bench import (
        PARTS,
        SCHEMA,
        Bench,
        ended_when_told,
        measure_parts,
        part_named,
    )

    names = only or tuple(PARTS)
    for name in names:
        part_named(name)
    to = console(stderr=True)
    environment = read_environment().model_dump()
    code = {"quick": quick, "digest": code_of("corpora", "strategies", "benchmarks", "service")}
    sheet = Sheet(out or FILES[quick], {**environment, "code": code}, schema=SCHEMA)
    with ended_when_told(), TemporaryDirectory(prefix="tuneworth-reliability-") as place:
        bench = Bench(Path(place), quick, sheet, lambda line: to.print(line, soft_wrap=True))
        found = measure_parts(names, bench)
    return show("reliability", environment, found, as_json=as_json)
