"""The sides in turns: peer, ours, peer, ours, ..., each in a process of its own.

Each measurement is on the disk before the next process starts. Processes run one at a time, so
that they do not take the machine from each other.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.speed.errors import SideFailed
from benchmarks.speed.pieces import Piece, Places, Turn
from benchmarks.speed.sheet import Measurement, Sheet

RunSide = Callable[[str, str, Sequence[str]], Mapping[str, Any]]
"""Runs a command for a side of a piece; returns its last line, which holds `seconds`."""
Say = Callable[[str], None]


def measure_speed(
    plan: Sequence[Piece], *, rounds: int, sheet: Sheet, run: RunSide, say: Say
) -> list[Measurement]:
    """Do what the sheet lacks; returns all measurements. Raises SideFailed, all before it kept."""
    for piece, turn, round in order(plan, rounds):
        if sheet.has(piece.name, turn.side, round):
            continue
        when = f"round {round} of {rounds}" if round else "once"
        say(f"{piece.name}, {turn.side}, {when} ...")
        line = dict(run(piece.name, turn.side, turn.command(round)))
        seconds = float(line.pop("seconds"))
        sheet.add(Measurement(piece.name, turn.side, round, seconds, line))
        say(f"{piece.name}, {turn.side}, {when}: {seconds:.2f} s")
    return sheet.measurements


def order(plan: Sequence[Piece], rounds: int) -> Iterator[tuple[Piece, Turn, int]]:
    """Round after round, the sides of a piece behind each other; what is done once comes last."""
    for round in range(1, rounds + 1):
        for piece in plan:
            yield from ((piece, turn, round) for turn in piece.turns if not turn.once)
    for piece in plan:
        yield from ((piece, turn, 0) for turn in piece.turns if turn.once)


def processes(places: Places) -> RunSide:
    """Runs commands as processes that read the model and the data from disk, without a network."""
    variables = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONWARNINGS": "ignore",
        "PEER_MODEL": str(places.model),
        "PEER_TASKS": str(places.datasets),
    }

    def run(piece: str, side: str, command: Sequence[str]) -> Mapping[str, Any]:
        ended = subprocess.run(
            command, env=variables, capture_output=True, text=True, check=False, errors="replace"
        )
        found = result_line(ended.stdout)
        if ended.returncode or found is None:
            raise SideFailed(piece, side, ended.returncode, ended.stderr)
        return found

    return run


def result_line(output: str) -> dict[str, Any] | None:
    """The last line that is a JSON object with `seconds` in it."""
    for line in reversed(output.splitlines()):
        if not line.startswith("{"):
            continue
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict) and "seconds" in found:
            return found
    return None


def can_import(module: str, python: Path | None) -> bool:
    """Whether a Python has a module."""
    if python is None or not python.is_file():
        return False
    return not subprocess.run(
        [str(python), "-c", f"import {module}"], capture_output=True
    ).returncode
