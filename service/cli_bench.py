"""`tuneworth bench`: how fast this machine does the work, how fast others do it, and how alike."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from service.bench_shown import show
from service.cli_options import comma_separated, common
from service.cli_statistics import statistics
from service.terminal import console

if TYPE_CHECKING:
    from benchmarks.speed.pieces import Places

FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)


@click.group()
def bench() -> None:
    """Measure speed and parity, alone or beside the standard tools, and test the statistics."""


bench.add_command(statistics)


@bench.command()
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="Turns of each side; targets count from three on.",
)
@click.option("--peers", type=FOLDER, help="Folder of the scripts with the standard tools.")
@click.option("--peers-python", type=FILE, help="The Python that runs them.")
@click.option("--datasets", type=FOLDER, help="Folder of the data sets that both sides work on.")
@click.option("--gguf", type=FILE, help="The model's weights for llama.cpp, where it is compared.")
@click.option("--only", callback=comma_separated, metavar="NAME,...", help="Only these pieces.")
@click.option("--model", default="smollm2-135m-q4", show_default=True, help="A name or a folder.")
@click.option(
    "--out",
    type=FILE,
    default=Path("out/bench-speed.jsonl"),
    show_default=True,
    help="Every measurement, as it is made; the same command continues.",
)
@common
def speed(
    rounds: int,
    peers: Path | None,
    peers_python: Path | None,
    datasets: Path | None,
    gguf: Path | None,
    only: tuple[str, ...] | None,
    model: str,
    out: Path,
    as_json: bool,
) -> int:
    """Compare speed with the standard tools on the same work, in turns.

    Pieces: label_scoring, rag, rag_batch, lora, latency, latency_llama_cpp, ceiling, lora_depth,
    growth.
    Each side runs in a process of its own, one at a time; a ratio is the median over the rounds.
    """
    from benchmarks.environment import read_environment
    from benchmarks.speed.figures import speed_checks
    from benchmarks.speed.pieces import Places, check_places, pieces
    from benchmarks.speed.sheet import Sheet
    from benchmarks.speed.turns import measure_speed, processes

    to = console(stderr=True)

    def say(line: str) -> None:
        to.print(line, soft_wrap=True)

    places = Places(
        None, absolute(datasets), absolute(peers), absolute(peers_python), absolute(gguf)
    )
    names = chosen(only, places, say)
    check_places(names, places)
    places = with_model(places, names, model)
    environment = read_environment().model_dump()
    sheet = Sheet(out, {"model": Path(model).name, **environment})
    plan = pieces(names, places)
    for piece in plan:
        say(f"{piece.name}: {piece.covers}")
    found = measure_speed(plan, rounds=rounds, sheet=sheet, run=processes(places), say=say)
    facts = {name: value for name, value in sheet.head.items() if name != "schema"}
    return show("speed", facts, speed_checks(found), as_json=as_json)


@bench.command()
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--datasets", type=FOLDER, help="Folder of the data sets that both sides work on.")
@click.option("--model", default="smollm2-135m-q4", show_default=True, help="A name or a folder.")
@click.option("--device", default="cuda", show_default=True, help="cuda, cuda:N, or cpu to try.")
@click.option(
    "--out",
    type=FILE,
    default=Path("out/bench-gpu.jsonl"),
    show_default=True,
    help="Every measurement, as it is made; the same command continues.",
)
@common
def gpu(
    rounds: int, datasets: Path | None, model: str, device: str, out: Path, as_json: bool
) -> int:
    """Compare speed on a GPU with plain transformers and PEFT, in turns."""
    from benchmarks.environment import read_environment
    from benchmarks.speed.gpu import Sides, check_device, gpu_checks, measure_gpu
    from benchmarks.speed.pieces import Places, check_places
    from benchmarks.speed.sheet import Sheet

    work = ("latency",)  # asks for the data sets and the model, as every piece here
    check_places(work, Places(datasets=absolute(datasets)))
    name = check_device(device)
    places = with_model(Places(datasets=absolute(datasets)), work, model)
    assert places.model is not None
    assert places.datasets is not None
    to = console(stderr=True)
    environment = {**read_environment().model_dump(), "device": name}
    sheet = Sheet(out, {"model": Path(model).name, **environment})
    found = measure_gpu(
        Sides(places.model, places.datasets, device),
        rounds=rounds,
        sheet=sheet,
        say=lambda line: to.print(line, soft_wrap=True),
    )
    facts = {name: value for name, value in sheet.head.items() if name != "schema"}
    return show("gpu", facts, gpu_checks(found), as_json=as_json)


@bench.command()
@click.option("--chunks", type=click.IntRange(min=1), default=1_000_000, show_default=True)
@click.option(
    "--real",
    type=click.IntRange(min=1),
    default=10_000,
    show_default=True,
    help="Chunks that are truly embedded; the vectors of the others are made up.",
)
@click.option("--out", type=FILE, help="File for the figures, as JSON.")
@common
def retrieval(chunks: int, real: int, out: Path | None, as_json: bool) -> int:
    """Build, load and ask an index of so many chunks."""
    from benchmarks.environment import read_environment
    from benchmarks.speed.checks import last_line
    from benchmarks.speed.retrieval import measure_retrieval
    from strategies.embedding import default_embedder

    to = console(stderr=True)
    checks = measure_retrieval(
        chunks=chunks,
        embedder=default_embedder(),
        real=real,
        say=lambda line: to.print(line, soft_wrap=True),
    )
    environment = {**read_environment().model_dump(), "chunks": chunks}
    if out is not None:
        line = last_line("retrieval", environment, checks)
        out.write_text(json.dumps(json.loads(line), indent=1) + "\n", encoding="utf-8")
    return show("retrieval", environment, checks, as_json=as_json)


@bench.command()
@click.option("--peers", type=FOLDER, help="Folder of the standard tools.")
@click.option(
    "--peers-python",
    type=FILE,
    help="The Python that has lm-eval. [default: of an environment that --peers is or holds]",
)
@click.option(
    "--datasets", type=FOLDER, help="Folder of the data sets. [default: `datasets` beside --peers]"
)
@click.option("--only", callback=comma_separated, metavar="NAME,...", help="harness or hosted.")
@click.option("--model", default="smollm2-135m-q4", show_default=True, help="A name or a folder.")
@click.option("--quick", is_flag=True, help="A few rows, whose points count for no target.")
@click.option(
    "--out",
    type=FILE,
    default=Path("out/bench-parity.jsonl"),
    show_default=True,
    help="Every measurement, as it is made; the same command continues.",
)
@common
def parity(
    peers: Path | None,
    peers_python: Path | None,
    datasets: Path | None,
    only: tuple[str, ...] | None,
    model: str,
    quick: bool,
    out: Path,
    as_json: bool,
) -> int:
    """Hold scores and bookings against others on the same prompts.

    harness: scores of prompting beside lm-evaluation-harness's, in points.
    hosted: a hosted model beside a local one with the same weights, in one comparison.
    """
    from benchmarks.environment import read_environment
    from benchmarks.parity.figures import parity_checks
    from benchmarks.parity.measure import PARTS, Places, check_parts, measure_parity, python_in
    from benchmarks.speed.sheet import PARITY_SCHEMA, Sheet
    from strategies.errors import UnknownName

    for name in only or ():
        if name not in PARTS:
            raise UnknownName("part of the benchmark", name, list(PARTS))
    to = console(stderr=True)
    python = absolute(peers_python) or python_in(peers)
    beside = absolute(peers.resolve().parent / "datasets") if peers else None
    folder = check_parts(only or PARTS, absolute(datasets) or beside, python)
    sheet_head = {"model": Path(model).name, **read_environment().model_dump()}
    places = Places(folder_of(model), folder, python)
    sheet = Sheet(out, sheet_head, schema=PARITY_SCHEMA)
    found = measure_parity(
        places,
        only or PARTS,
        quick=quick,
        sheet=sheet,
        say=lambda line: to.print(line, soft_wrap=True),
    )
    facts = {name: value for name, value in sheet.head.items() if name != "schema"}
    return show("parity", facts, parity_checks(found), as_json=as_json)


def chosen(only: "tuple[str, ...] | None", places: "Places", say: Any) -> tuple[str, ...]:
    """The pieces to do. Unasked, llama.cpp is left out where it cannot run.

    Raises UnknownName.
    """
    from benchmarks.speed.pieces import LLAMA, NAMES
    from benchmarks.speed.turns import can_import
    from strategies.errors import UnknownName

    if only is not None:
        for name in only:
            if name not in NAMES:
                raise UnknownName("piece of the benchmark", name, list(NAMES))
        return only
    if places.gguf is None:
        say(f"{LLAMA} is left out: no --gguf is given.")
    elif not can_import("llama_cpp", places.peers_python):
        say(f"{LLAMA} is left out: the Python of --peers-python has no llama_cpp.")
    else:
        return NAMES
    return tuple(name for name in NAMES if name != LLAMA)


def with_model(places: "Places", names: Sequence[str], model: str) -> "Places":
    """The places with the folder of the model, where it is needed. Raises NotFetched."""
    from dataclasses import replace

    from benchmarks.speed.pieces import needs_model

    return replace(places, model=folder_of(model)) if needs_model(names) else places


def folder_of(model: str) -> Path:
    """The folder of a model that is one, or is named. Raises NotFetched."""
    from strategies.models.catalogue import model_folder

    folder = Path(model)
    return folder.resolve() if folder.is_dir() else model_folder(model)


def absolute(path: Path | None) -> Path | None:
    """The path from the root on, links kept: a Python of an environment is one."""
    return None if path is None else path.absolute()
