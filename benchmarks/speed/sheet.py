"""The file of a benchmark in turns: a head line, then one measurement a line, written as made.

A benchmark that was stopped goes on where it was; a line cut short by the stop is dropped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from corpora.errors import InvalidInput

SCHEMA = "tuneworth.speed/1"
PARITY_SCHEMA = "tuneworth.parity/1"
STATISTICS_SCHEMA = "tuneworth.statistics/1"
ANOTHER_FILE = "Give another --out, or remove the file."
SAME = ("model", "cpu", "cores", "gpu", "device", "torch", "versions", "seed", "code")
"""Facts of the head that may not change between measurements that are compared."""


@dataclass(frozen=True)
class Measurement:
    """One side's turn at one piece of work. `round` counts from 1; work done once has round 0."""

    piece: str
    side: str
    round: int
    seconds: float
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, int]:
        return self.piece, self.side, self.round


class Sheet:
    """Measurements on disk. `head` says what they were made with, and stands in the first line."""

    def __init__(self, path: Path, head: Mapping[str, Any], *, schema: str = SCHEMA) -> None:
        """Opens or begins the file. Raises InvalidInput where it holds something else."""
        self.path = path
        kind = schema.partition(".")[2].partition("/")[0]
        lines = _whole_lines(path, kind)
        if not lines:
            self.head = {"schema": schema, **head}
            path.parent.mkdir(parents=True, exist_ok=True)
            self.measurements: list[Measurement] = []
            self._append(self.head)
            return
        self.head, *rest = lines
        if self.head.get("schema") != schema:
            raise InvalidInput("--out", str(path), f"It holds no {kind} benchmark. {ANOTHER_FILE}")
        for name in SAME:
            if self.head.get(name) != head.get(name):
                was = f"It was begun with another {name}: {self.head.get(name)!r}."
                raise InvalidInput("--out", str(path), f"{was} {ANOTHER_FILE}")
        self.measurements = [Measurement(**line) for line in rest]

    def has(self, piece: str, side: str, round: int) -> bool:
        return any(one.key == (piece, side, round) for one in self.measurements)

    def add(self, measurement: Measurement) -> None:
        """Onto the disk before anything else begins."""
        self._append(asdict(measurement))
        self.measurements.append(measurement)

    def _append(self, line: Mapping[str, Any]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())


def _whole_lines(path: Path, kind: str) -> list[dict[str, Any]]:
    """The lines of the file, after cutting off one that was not written to its end."""
    if not path.is_file():
        return []
    data = path.read_bytes()
    end = data.rfind(b"\n") + 1
    if end < len(data):
        os.truncate(path, end)
    try:
        lines = [json.loads(line) for line in data[:end].splitlines()]
    except ValueError as error:
        raise InvalidInput("--out", str(path), f"A line is no JSON. {ANOTHER_FILE}") from error
    if not all(isinstance(line, dict) for line in lines):
        raise InvalidInput("--out", str(path), f"It holds no {kind} benchmark. {ANOTHER_FILE}")
    return lines
