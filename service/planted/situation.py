"""A situation in which the right decision is known: how it is drawn, and what is right in it."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.errors import BenchmarkError
from benchmarks.records import Record
from benchmarks.standing import latest_run
from benchmarks.summary import summarise
from service.planted.drawing import records_of
from service.planted.worlds import Rng, World
from service.recommendation import Recommendation, recommend

NOT_YES = ("no", "not yet")


@dataclass(frozen=True)
class Right:
    """The answers that are right by what is true; where nothing stands, any is.

    `says` must stand in one of the reasons. `unmet` asks for a need that is named as missed, and
    `counted` for the number of examples that a "not yet" waits for.
    """

    commits: Sequence[str]
    verdicts: Sequence[str] = ()
    picks: Sequence[str | None] = ()
    says: str = ""
    unmet: bool = False
    counted: bool = False

    def allows(self, answer: Recommendation) -> bool:
        waits = answer.commit_to_fine_tuning == "not yet"
        return (
            answer.commit_to_fine_tuning in self.commits
            and (not self.verdicts or answer.verdict in self.verdicts)
            and (not self.picks or answer.strategy in self.picks)
            and any(self.says in reason for reason in answer.reasons)
            and (not self.unmet or bool(answer.unmet_needs))
            and (not self.counted or not waits or bool(answer.examples_needed))
        )


@dataclass(frozen=True)
class Situation:
    """`what` is so in it, and what is `right` there, both in words. `draw` gives the true
    parameters, from their ranges, with the answers that follow from them alone."""

    name: str
    what: str
    right: str
    draw: Callable[[Rng], tuple[World, Right]]

    def drawn(self, seed: int) -> tuple[World, Right, list[Record]]:
        """The true parameters, the right answers, and what a comparison then happens to see."""
        root = np.random.SeedSequence([zlib.crc32(self.name.encode()), seed])
        for_truth, for_rows = (np.random.default_rng(child) for child in root.spawn(2))
        world, right = self.draw(for_truth)
        return world, right, records_of(world, for_rows, seed)


def answer_to(records: Sequence[Record]) -> Recommendation:
    """What the product says to such records."""
    run = latest_run(records)
    if run is None:
        raise BenchmarkError("these records hold no run record: there is nothing to decide.")
    return recommend(summarise(records), run.task, run.needs)
