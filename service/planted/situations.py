"""All situations in which the right decision is known, and runs of equal strategies."""

from __future__ import annotations

import numpy as np

from benchmarks.records import Record
from benchmarks.standing import latest_run
from benchmarks.summary import summarise
from corpora.task import Needs
from service.choosing import build_case
from service.planted.drawing import records_of
from service.planted.faults import FAULTS
from service.planted.gains import GAINS, TEN
from service.planted.limits import LIMITS
from service.planted.situation import Situation
from service.planted.worlds import World, way_of

SITUATIONS: tuple[Situation, ...] = (*GAINS, *LIMITS, *FAULTS)
BY_NAME = {situation.name: situation for situation in SITUATIONS}
EQUALS = 0x657175616C
"""Keeps the draws of equal strategies apart from those of the situations."""


def equal_run(seed: int) -> tuple[int, list[Record]]:
    """A run of 2 to 8 strategies of one true quality, with their number; 40 to 120 rows."""
    root = np.random.SeedSequence([EQUALS, seed])
    for_truth, for_rows = (np.random.default_rng(child) for child in root.spawn(2))
    count = int(for_truth.integers(2, 9))
    quality = for_truth.uniform(0.3, 0.9)
    names = for_truth.permutation(TEN)[:count]
    world = World(
        tuple(way_of(for_truth, str(name), quality) for name in names),
        rows=int(for_truth.integers(40, 121)),
        needs=Needs(),
        correlation=for_truth.uniform(0.0, 0.8),
    )
    return count, records_of(world, for_rows, seed)


def tells_apart(records: list[Record]) -> bool:
    """Whether the rule takes any strategy of the run to be beaten by another."""
    run = latest_run(records)
    assert run is not None
    case = build_case(summarise(records), run.task, run.needs)
    return case.pick is not None and bool(case.pick.beaten)
