"""What each sitting took of the machine, so that work that others slowed can be seen afterwards."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.journal import append_whole
from corpora.task import Frozen

SITTINGS = "sittings.jsonl"
NO_WORK = ("idle", "iowait", "guest", "guest_nice")
"""Of the times that a system tells: nothing is computed, or it is counted under another name."""


class Sitting(Frozen):
    """One stretch of work by one process.

    `began` is ISO 8601, UTC. `seconds` passed; `cpu_seconds` the process computed, all its threads
    together, and `others_seconds` everybody else on the machine. `waiting` is the wait policy of
    matrix kernels, None where threads spin.
    """

    began: str
    seconds: float
    cpu_seconds: float
    others_seconds: float
    waiting: str | None = None


@contextmanager
def sitting(path: Path) -> Iterator[None]:
    """Adds a line to the file at the end, however that comes; a killed process leaves none."""
    began = datetime.now(UTC).isoformat(timespec="seconds")
    clock, own, busy = time.perf_counter(), time.process_time(), busy_seconds()
    try:
        yield
    finally:
        computed = time.process_time() - own
        line = Sitting(
            began=began,
            seconds=round(time.perf_counter() - clock, 3),
            cpu_seconds=round(computed, 3),
            others_seconds=round(max(0.0, busy_seconds() - busy - computed), 3),
            waiting=os.environ.get("OMP_WAIT_POLICY"),
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        append_whole(path, line.model_dump_json().encode() + b"\n")


def sittings_in(path: Path) -> tuple[Sitting, ...]:
    """Those that a file tells of, in order; none where there is no file."""
    lines = path.read_bytes().splitlines(keepends=True) if path.is_file() else []
    return tuple(Sitting.model_validate_json(line) for line in lines if line.endswith(b"\n"))


def busy_seconds() -> float:
    """That the cores of the machine have computed since it started, for whomever."""
    import psutil

    times = psutil.cpu_times()._asdict()
    return float(sum(seconds for name, seconds in times.items() if name not in NO_WORK))
