"""The parts of `tuneworth bench statistics`: each does its work and gives its checks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.simulation.cells import cells
from benchmarks.simulation.figures import statistics_checks
from benchmarks.simulation.measure import Say, measure_cells
from benchmarks.speed.checks import BenchCheck
from benchmarks.speed.sheet import Sheet


@dataclass(frozen=True)
class Job:
    """What a part is given: how much to do, with how many processes, and where it is stored."""

    simulations: int
    quick: bool
    jobs: int
    sheet: Sheet
    say: Say


Part = Callable[[Job], list[BenchCheck]]


def coverage(job: Job) -> list[BenchCheck]:
    """Intervals and tests against known truths."""
    asked = cells(quick=job.quick)
    found = measure_cells(asked, job.simulations, sheet=job.sheet, jobs=job.jobs, say=job.say)
    return statistics_checks(found)


PARTS: tuple[Part, ...] = (coverage,)


def measure_statistics(job: Job) -> list[BenchCheck]:
    return [check for part in PARTS for check in part(job)]
