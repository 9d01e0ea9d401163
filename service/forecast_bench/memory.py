"""What memory ran out for: it is tried again, and no record is made of it.

Another process may have held the memory, so that the strategy is not to blame.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path

from benchmarks.errors import BenchmarkError
from benchmarks.evidence.finding import Finding
from benchmarks.evidence.store import line_of, mended, read_lines
from service.published import write_atomically

SIGNS = (
    *("memoryerror", "out of memory", "allocate memory", "defaultcpuallocator", "alloc_failed"),
    *("fit into memory", "memory of this machine"),
)
"""In small letters: of Python, of torch on CPUs and GPUs, of the libraries under it, and ours."""

PATIENCE = 3
"""Sittings after which memory that runs out once more is a failure like any other: the task is too
large for the machine, and what else was measured of it is not to be lost."""


def ran_out(reason: str | None) -> bool:
    """Whether a failure says that there was too little memory."""
    return any(sign in (reason or "").lower() for sign in SIGNS)


def refuse(task: str, troubles: Mapping[str, str], folder: Path) -> None:
    """Raises BenchmarkError where memory ran out for any of them, by what they are of."""
    short = {name: why for name, why in troubles.items() if ran_out(why)}
    if short:
        name, why = next(iter(short.items()))
        raise BenchmarkError(
            f"{task}: memory ran out for {', '.join(short)} ({name}: {why[:200]}). Free memory and"
            f" start the command again; to begin this part anew, remove {folder}."
        )


def forget(path: Path) -> None:
    """Take the findings that memory ran out for off a file of findings, if there is one."""
    lines = mended(path)
    if not lines:
        return
    head, findings = read_lines(path, lines)
    kept = without_short(findings)
    if len(kept) < len(findings):
        write_atomically(path, b"".join(map(line_of, (head, *kept))).decode())


def without_short(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that memory did not run out for. What one of the others was the first to need
    is booked to the next that needs it."""
    kept: list[Finding] = []
    paid: set[str] = set()
    owed: set[str] = set()
    for each in findings:
        if ran_out(each.trouble):
            owed |= set(each.shared) - paid
            continue
        due = owed & set(each.shared)
        owed -= due
        paid |= set(each.shared)
        more = math.fsum(each.shared[name] for name in due)
        kept.append(each.model_copy(update={"seconds": each.seconds + more}) if due else each)
    return kept
