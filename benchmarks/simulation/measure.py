"""Simulating cell by cell, each stored as it is done: what is stored is not simulated again."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

from benchmarks.simulation.cells import Cell, cells
from benchmarks.simulation.trials import Tally, simulate
from benchmarks.speed.sheet import Measurement, Sheet

SIMULATED = "simulated"
BENCHMARKS = Path(__file__).parent.parent
TESTED = (
    *("distributions.py", "resampling.py", "statistics.py"),
    *("paired.py", "families.py", "seeds.py"),
)
Say = Callable[[str], None]


def measure_cells(
    asked: Sequence[Cell], simulations: int, *, sheet: Sheet, jobs: int, say: Say
) -> list[Measurement]:
    """One measurement a cell, in the order asked; equal strategies are simulated twice as often.

    The sheet's are taken where they were made by this very code.
    """
    code = code_tested()
    done = {one.key: one for one in sheet.measurements if one.facts["code"] == code}
    keys = {cell.name: (cell.name, SIMULATED, times(cell, simulations)) for cell in asked}
    missing = [cell for cell in asked if keys[cell.name] not in done]
    for name, seconds, tally in worked(missing, simulations, jobs):
        facts = {"code": code, **asdict(tally)}
        one = Measurement(name, SIMULATED, tally.simulations, seconds, facts)
        sheet.add(one)
        done[one.key] = one
        say(f"{name}: {100 * tally.covered / tally.simulations:.1f}% covered, {seconds:.1f} s")
    return [done[keys[cell.name]] for cell in asked]


def read_measurements(path: Path) -> list[Measurement]:
    """The cells in the file of a benchmark; of one simulated again the last."""
    _, *lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    found = {line["piece"]: Measurement(**line) for line in lines}
    return list(found.values())


def times(cell: Cell, simulations: int) -> int:
    """The largest of many error rates is asked for: they are to be known better than the rest."""
    return 2 * simulations if cell.equal and cell.kind == "difference" else simulations


Work = tuple[str, float, Tally]


def worked(missing: Sequence[Cell], simulations: int, jobs: int) -> Iterator[Work]:
    """The cells as they are done, here or in so many processes."""
    if jobs == 1 or len(missing) < 2:
        for cell in missing:
            yield work(cell.name, simulations)
        return
    context = get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=one_thread) as pool:
        waiting = [pool.submit(work, cell.name, simulations) for cell in missing]
        try:
            for future in as_completed(waiting):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def work(name: str, simulations: int) -> Work:
    cell = next(cell for cell in cells(quick=False) if cell.name == name)
    began = time.perf_counter()
    tally = simulate(cell, times(cell, simulations))
    return name, time.perf_counter() - began, tally


def one_thread() -> None:
    """Processes share out the cores; matrix products in each must not do so again."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)


def code_tested() -> str:
    """A digest of the sources that a result depends on."""
    files = [BENCHMARKS / name for name in TESTED]
    files += [BENCHMARKS / "simulation" / name for name in ("worlds.py", "cells.py", "trials.py")]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
