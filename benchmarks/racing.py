"""A race before the test: on growing numbers of validation rows, who can no longer win is stopped.

What is cheap to prepare races first. What trains or searches is prepared one after the other
behind it, unless it is said beforehand that it cannot win (`MayWin`). Whoever is stopped answers no
test row. Every step is in the journal before the next one follows from it, so a race that was
killed comes to the same end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random

import numpy as np

from benchmarks.aggregates import Mean
from benchmarks.anytime import drawn, shows_above
from benchmarks.contest import ERROR, FREE, Stop, level_of, next_look
from benchmarks.guard import Broken
from benchmarks.incumbent import INCUMBENT
from benchmarks.metrics import aggregate_of
from benchmarks.model_slot import KnownModels
from benchmarks.progress import Phase, Reporter
from benchmarks.quote import Quote
from benchmarks.race_records import EliminationRecord, Expected, RaceRecord, RoundRecord
from benchmarks.raced import (
    contest_in,
    is_dear,
    judges_among,
    opening_of,
    race_id,
    unfinished,
)
from benchmarks.records import FailureRecord, RunRecord
from benchmarks.resampling import cluster_keys
from benchmarks.sitting import Sitting
from benchmarks.standing import Standing, standing_of
from benchmarks.turn import fits, make_ready
from corpora.checks.splits import independent
from corpora.task import Dataset, Example
from strategies.base import Prepared

MayWin = Callable[[str], str | None]
"""Asked for the id of a strategy that trains or searches, before it is prepared: why it cannot win,
or None where it may."""


def run_race(
    sittings: Sequence[Sitting],
    slot: KnownModels,
    run: RunRecord,
    quoted: Quote,
    may_win: MayWin | None = None,
) -> frozenset[str]:
    """Race what is not answered yet, one sitting a strategy; returns the ids of those that broke,
    which are not to be tried again at once."""
    race = Race(sittings, slot, run, may_win)
    before = race.journal.mend()  # a race may be the first that this process does
    if any(race.is_open(standing_of(before, sitting.entry.id)) for sitting in sittings):
        race.begin(quoted)
        race.run_all()
    return frozenset(race.broke)


class Race:
    """The race of one run."""

    def __init__(
        self,
        sittings: Sequence[Sitting],
        slot: KnownModels,
        run: RunRecord,
        may_win: MayWin | None,
    ) -> None:
        self.sittings = {sitting.entry.id: sitting for sitting in sittings}
        self.slot = slot
        self.run = run
        self.may_win = may_win
        self.journal = sittings[0].journal
        self.dataset = sittings[0].dataset
        self.broke: set[str] = set()
        self.held: tuple[str, Prepared] | None = None
        self.rows: tuple[Example, ...] = ()
        self.is_on = False

    def is_open(self, standing: Standing) -> bool:
        """Whether there is something to be spared: it is not skipped, stopped or answered."""
        skipped = standing.setup is not None and standing.setup.status == "skipped"
        answered = standing.answered >= {row.id for row in self.dataset.test}
        return not (skipped or answered or standing.elimination)

    def begin(self, quoted: Quote) -> None:
        """Take up the race that was begun, or begin one."""
        opening = opening_of(self.journal)
        if opening is None:
            opening = opening_for(self.dataset, self.run, quoted)
            self.journal.append([opening])
        known = {row.id: row for row in self.dataset.validation}
        self.rows = tuple(known[name] for name in opening.examples)
        families = {facts.family for facts in self.run.strategies}
        some = families - {FREE, INCUMBENT} and judges_among(self.run.strategies)
        self.is_on = bool(some) and opening.refused is None

    def run_all(self) -> None:
        """Cheap ones together, dear ones one by one; with the cheap ones whoever is prepared, as
        where a race was killed before that one's first look."""
        dear = [s for s in self.sittings.values() if is_dear(s.entry.facts)]
        for sitting in self.sittings.values():
            standing = standing_of(self.journal, sitting.entry.id)
            if sitting not in dear or (is_ready(standing) and not standing.failure):
                self.enter(sitting)
        self.rounds()
        for sitting in dear:
            if self.enter(sitting):
                self.rounds()
        self.held = None  # lets go of its model

    def enter(self, sitting: Sitting) -> bool:
        """Prepare one that is not prepared yet, and let it answer for its first look, which comes
        whatever others score; whether it races now."""
        name = sitting.entry.id
        standing = standing_of(self.journal, name)
        if not self.is_open(standing):
            return False
        ready = is_ready(standing)
        if not ready and self.is_on and self.may_win is not None and is_dear(sitting.entry.facts):
            self.held = None  # lets go of its model before another one is loaded
            if not fits(sitting, self.slot):
                return False
            reason = self.may_win(name)
            if reason is not None:
                self.stop([forecast(name, reason, self.run)])
                return False
        if (not ready or standing.failure) and self.prepared(sitting) is None:
            return False
        if self.is_on:
            free = sitting.entry.strategy.family == FREE
            self.answer({name: len(self.rows) if free else next_look(0, len(self.rows))})
        return name not in self.broke

    def rounds(self) -> None:
        """Round after round until no further look could stop anybody."""
        while True:
            records = self.journal.read()
            contest = contest_in(records)
            if contest is None:
                return
            if left := unfinished(records, contest):
                self.answer(left)
            elif stops := contest.stops():
                self.stop([elimination(stop, self.run) for stop in stops])
            elif rows := contest.wants():
                self.journal.append([RoundRecord(rows=rows)])
            else:
                return

    def stop(self, found: Sequence[EliminationRecord]) -> None:
        self.journal.append(found)
        for record in found:
            reporter = self.sittings[record.strategy].reporter
            reporter.tell("done", 1.0, f"eliminated: {record.reason}")

    def answer(self, goals: Mapping[str, int]) -> None:
        """Bring each of these to so many rows."""
        for name, sitting in self.sittings.items():
            heat = heat_of(sitting, self.rows[: goals.get(name, 0)], len(self.rows))
            standing = standing_of(self.journal, heat.entry.id)
            if standing.answered >= {row.id for row in heat.dataset.test}:
                continue
            prepared = self.prepared(sitting)
            if prepared is None:
                continue
            try:
                heat.answer_test(prepared, standing.answered, len(standing.batches))
            except Broken as broken:
                self.held = None
                self.broke.add(name)
                sitting.store(FailureRecord(strategy=name, reason=str(broken)))

    def prepared(self, sitting: Sitting) -> Prepared | None:
        """The strategy as it answers; that of the last turn is still at hand."""
        name = sitting.entry.id
        if self.held is not None and self.held[0] == name:
            return self.held[1]
        self.held = None  # lets go of its model before another one is loaded
        prepared = make_ready(sitting, self.slot)
        if prepared is None:
            self.broke.add(name)
        else:
            self.held = name, prepared
        return prepared


def is_ready(standing: Standing) -> bool:
    """Whether it was prepared; it may have broken since then."""
    return standing.setup is not None and standing.setup.status == "completed"


def opening_for(dataset: Dataset, run: RunRecord, quoted: Quote) -> RaceRecord:
    """The race of a data set: the validation rows that training rows do not give away, in an order
    of chance, groups together."""
    rows = race_order(independent(dataset.train, dataset.validation), run.seed)
    level = level_of(judges_among(run.strategies))
    return RaceRecord(
        examples=tuple(row.id for row in rows),
        groups=tuple(row.group for row in rows),
        error=ERROR,
        level=level,
        expected={
            row.id: Expected(
                setup=row.setup_seconds,
                answering=max(0.0, row.seconds - row.setup_seconds - row.curve_seconds),
                curve=row.curve_seconds,
                usd=row.usd,
            )
            for row in quoted.rows
            if row.skipped is None
        },
        refused=refusal_of(dataset, [row.group for row in rows], level),
    )


def race_order(rows: Sequence[Example], seed: int) -> list[Example]:
    """Groups in an order of chance, each with its rows as they stand."""
    keys = cluster_keys([row.group for row in rows])
    order = sorted(set(keys))
    Random(seed).shuffle(order)
    place = {key: at for at, key in enumerate(order)}
    pairs = sorted(zip(keys, rows, strict=True), key=lambda pair: place[pair[0]])
    return [row for _, row in pairs]


def refusal_of(dataset: Dataset, groups: Sequence[str | None], level: float) -> str | None:
    """Why no race over these rows can stop anybody; None where one can."""
    task = dataset.task
    if not isinstance(aggregate_of(task.metric, task.labels), Mean):
        return f"{task.metric} is no mean over examples, so no example tells who is ahead"
    lost = drawn(np.ones(len(groups)), groups)
    if not shows_above(lost, task.needs.practical_margin, level):
        count = f"{len(groups)} validation examples"
        if repeated := len(dataset.validation) - len(groups):
            count += f" ({repeated} more repeat training examples)"
        return f"{count} are too few to show who cannot win"
    return None


def elimination(stop: Stop, run: RunRecord) -> EliminationRecord:
    return EliminationRecord(
        strategy=stop.strategy,
        ground=stop.ground,
        reason=stop.reason,
        by=stop.by,
        difference=stop.difference,
        at_most=stop.at_most,
        n=stop.n,
        needs=run.needs,
    )


def forecast(strategy: str, reason: str, run: RunRecord) -> EliminationRecord:
    return EliminationRecord(strategy=strategy, ground="forecast", reason=reason, needs=run.needs)


def heat_of(sitting: Sitting, rows: Sequence[Example], of: int) -> Sitting:
    """The same strategy's turn at rows of the race in place of the test rows."""
    return Sitting(
        replace(sitting.entry, id=race_id(sitting.entry.id)),
        sitting.dataset.model_copy(update={"test": tuple(rows)}),
        sitting.shelf,
        sitting.journal,
        sitting.seed,
        HeatReporter(sitting.reporter, len(rows), of),
        sitting.cancelled,
        sitting.reuse,
    )


class HeatReporter(Reporter):
    """Tells of a heat as a part of the race."""

    def __init__(self, told: Reporter, rows: int, of: int) -> None:
        self._told = told
        self._share = rows / max(1, of)

    def tell(self, phase: Phase, fraction: float, message: str = "") -> None:
        self._told.tell("racing", self._share * fraction, "on validation examples")
