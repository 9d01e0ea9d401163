"""Which state of the code measured a task, and on which machine.

Records of older states are told apart, and nothing that two machines measured is put together.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

from benchmarks.code import STARTED
from benchmarks.environment import read_environment
from benchmarks.errors import BenchmarkError, SourcesChanged
from benchmarks.records import Environment
from benchmarks.seats import Machine, machine_of
from service.published import write_atomically
from strategies.waiting import settle_waiting

ROOT = Path(__file__).parent.parent.parent
SOURCES: dict[str, tuple[str, ...]] = {
    "comparing": (
        *("corpora/*.py", "strategies/**/*.py", "benchmarks/runner.py", "benchmarks/turn.py"),
        *(
            "benchmarks/sitting.py",
            "benchmarks/latency.py",
            "benchmarks/plan.py",
            "benchmarks/judging.py",
        ),
        *("benchmarks/metrics.py", "benchmarks/json_metrics.py", "benchmarks/text_metrics.py"),
        *("benchmarks/style_metrics.py", "benchmarks/aggregates.py", "benchmarks/curve.py"),
        *("benchmarks/placing.py", "service/forecast_bench/sizes.py"),
        *("service/forecast_bench/measure.py", "service/forecast_bench/compact.py"),
        "service/forecast_bench/operations.py",
    ),
    "evidence": (
        *("corpora/*.py", "corpora/checks/*.py", "strategies/**/*.py", "benchmarks/evidence/*.py"),
        *("benchmarks/quote.py", "benchmarks/workload.py", "benchmarks/search_quote.py"),
        *("benchmarks/plan.py", "benchmarks/sitting.py"),
        *("benchmarks/judging.py", "benchmarks/metrics.py", "benchmarks/text_metrics.py"),
        *("benchmarks/json_metrics.py", "benchmarks/style_metrics.py"),
        *("benchmarks/aggregates.py", "benchmarks/curve.py", "benchmarks/costs.py"),
        *("benchmarks/latency.py", "benchmarks/probe_rows.py", "benchmarks/sentinels.py"),
        *("service/forecast_bench/sizes.py", "service/forecast_bench/evidence.py"),
        *("service/forecast_bench/alike.py", "service/forecast_bench/collecting.py"),
        *("service/forecast_bench/memory.py", "service/forecast_bench/findings.py"),
    ),
}
"""What measures, by what it measures. What is computed of records afterwards is no part of
it, but what is stored in them is."""
COMPARING, EVIDENCE = SOURCES

MACHINE = "machine.json"
"""CPU, cores, GPU: what seconds hang on."""


def code_state(part: str) -> str:
    """A digest of the sources of a part, as this process runs them.

    Raises SourcesChanged where one was changed since it began: what is loaded and what lies on the
    disk may then differ.
    """
    for file in files_of(part):
        if file.stat().st_mtime > STARTED:
            changed = file.relative_to(ROOT).as_posix()
            raise SourcesChanged(
                f"sources changed since this process began ({changed}): start the command again."
            )
    return digest_of(part)


def digest_of(part: str) -> str:
    """Of the sources as they lie on the disk."""
    digest = hashlib.sha256()
    for file in files_of(part):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(ROOT).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def files_of(part: str) -> list[Path]:
    return sorted({path for pattern in SOURCES[part] for path in ROOT.glob(pattern)})


def note_state(folder: Path, part: str) -> tuple[str, ...]:
    """Adds the present state to those that have worked on that part in the folder; all of them,
    in order. Raises as `code_state` does."""
    path = folder / f"{part}.states.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    states = list(dict.fromkeys([*known, code_state(part)]))
    if states != known:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(states) + "\n")
    return tuple(states)


def note_machine(folder: Path, compared: Environment | None = None) -> Environment:
    """The present machine, noted in the folder of the work that begins here.

    Loads torch, without which no GPU is seen. Raises BenchmarkError, and notes nothing, where
    another machine began that work, or `compared` the task.
    """
    settle_waiting(alone=True)  # which is too late once torch is loaded
    import_module("torch")
    environment = read_environment()
    now, begun = machine_of(environment), begun_on(folder)
    for before in (begun, machine_of(compared) if compared else None):
        if before is not None and before != now:
            raise BenchmarkError(
                f"{folder.name} was begun on another machine ({told(before)}) than this one"
                f" ({told(now)}): seconds of two machines make no record. Go on there, or remove"
                f" {folder} and the task's record to measure it anew."
            )
    if begun is None:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / MACHINE, json.dumps(now) + "\n")
    return environment


def begun_on(folder: Path) -> Machine | None:
    """The machine that began the work in a folder, None where none did."""
    path = folder / MACHINE
    if not path.is_file():
        return None
    cpu, cores, gpu = json.loads(path.read_text(encoding="utf-8"))
    return cpu, cores, gpu


def told(machine: Machine) -> str:
    cpu, cores, gpu = machine
    return f"{cpu}, {cores} cores, {gpu or 'no GPU'}"


def mixture(states: Iterable[tuple[str, ...]], part: str) -> str | None:
    """A warning where records of a part come from several states, or from another than the
    present one; None where all are of the present one."""
    made, now = list(states), digest_of(part)
    older = sum(each != (now,) for each in made)
    if not older:
        return None
    known = dict.fromkeys(state for each in made for state in each)
    return (
        f"{part}: {older} of {len(made)} records were made by other states of the code than the"
        f" present one ({now}): {', '.join(known)}."
    )
