"""A comparison stage by stage: begun, raced, and each strategy taken once, or again.

A stage reads off the records what is left to it, and stores what it does before it goes on. So
each may run in a process of its own, the strategies side by side, and one that was killed is
simply called again: what comes of it is the same. A strategy's stage has to see the records of the
beginning, of the race, and its own; the order of the others is indifferent to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property, lru_cache

from benchmarks.costs import PriceList
from benchmarks.curve import turns_of
from benchmarks.errors import RunMismatch
from benchmarks.incumbent import INCUMBENT, judge_incumbent
from benchmarks.journal import Records
from benchmarks.metrics import metric_for
from benchmarks.model_slot import KnownModels, ModelSlot, fingerprints
from benchmarks.opening import open_run, quote_of
from benchmarks.placing import Shelf
from benchmarks.plan import Entry, fingerprint, plan_run
from benchmarks.progress import OnProgress, Reporter
from benchmarks.quote import Quote
from benchmarks.raced import groundless
from benchmarks.racing import MayWin, run_race
from benchmarks.records import Record, RunRecord, SentinelRecord
from benchmarks.reuse import Reuse
from benchmarks.seats import SeatedRecords
from benchmarks.sentinels import train_and_test_are_apart
from benchmarks.standing import latest_run, standing_of
from benchmarks.turn import Turns
from corpora.errors import InvalidInput
from corpora.task import Dataset
from strategies.base import Strategy
from strategies.cache import Cache


def nothing() -> int:
    """How much other work there is beside a process that has the machine to itself."""
    return 0


@dataclass(frozen=True)
class Setting:
    """What is compared, and what its stages work with: the same in every process but for `slot`,
    `shelf` and callbacks. `beside` counts the other work on this machine at the moment.

    Raises UnknownMetric, and InvalidInput where a strategy has the name of what runs today.
    """

    dataset: Dataset
    strategies: tuple[Strategy, ...]
    slot: ModelSlot
    shelf: Shelf
    seed: int
    prices: PriceList
    on_progress: OnProgress
    cancelled: Callable[[], bool]
    cache: Cache | None = None
    probes: bool = False
    beside: Callable[[], int] = nothing

    def __post_init__(self) -> None:
        metric_for(self.dataset.task.metric, self.dataset.task.kind)
        if self.dataset.incumbent and any(each.name == INCUMBENT for each in self.strategies):
            fix = "What runs today is called so in this comparison: give the strategy another name."
            raise InvalidInput("strategies", INCUMBENT, fix)

    @cached_property
    def entries(self) -> list[Entry]:
        """What is compared, in the order of the run."""
        return plan_run(self.dataset, self.strategies, self.slot.names)

    @cached_property
    def ids(self) -> list[str]:
        """The names of all that is done, in order."""
        today = [INCUMBENT] if self.dataset.incumbent else []
        return [*today, *turns_of(self.dataset, self.entries)]

    @cached_property
    def reuse(self) -> Reuse:
        return Reuse(self.cache, self.dataset, self.seed)

    @cached_property
    def fingerprint(self) -> Callable[[frozenset[tuple[str, str]]], str]:
        """That of a run with models of these names and fingerprints; reckoned once, as it takes
        reading all of the data."""
        return lru_cache(
            lambda models: fingerprint(self.dataset, self.entries, dict(models), self.seed)
        )

    def on(self, shelf: Shelf) -> Setting:
        """The same with artefacts on another shelf; what was reckoned is not reckoned again."""
        other = replace(self, shelf=shelf)
        reckoned = {field.name for field in fields(self)}
        other.__dict__.update(
            {name: value for name, value in self.__dict__.items() if name not in reckoned}
        )
        return other

    def quoted(self, run: RunRecord) -> Quote:
        """What a run of this is quoted at on its machine."""
        return quote_of(
            run,
            self.dataset,
            self.strategies,
            self.slot.names,
            self.prices,
            probes=self.probes,
        )

    def turns(self, run: RunRecord, journal: Records, before: Sequence[Record] = ()) -> Turns:
        """The turns of a run of this, of which `before` is known. Raises RunMismatch for a run of
        something else."""
        models = fingerprints(run.models)
        if run.fingerprint != self.fingerprint(frozenset(models.items())):
            raise RunMismatch(self.shelf.folder, "data set, choice of strategies, seed or version")
        seated = SeatedRecords(journal, run, self.prices, self.beside, before)

        def cancelled() -> bool:
            seated.look()
            return self.cancelled()

        return Turns(
            run=run,
            dataset=self.dataset,
            shelf=self.shelf,
            journal=seated,
            slot=KnownModels(self.slot, models),
            on_progress=self.on_progress,
            cancelled=cancelled,
            reuse=self.reuse,
            ids=self.ids,
            probes=self.probes,
        )


def begin(setting: Setting, journal: Records) -> RunRecord:
    """Begin a run, or go on with one: what it is of, whether its data are apart, and what runs
    today, as far as that is not stored; returns the record that holds.

    Loads every model once. Raises RunMismatch, BadPriceFile (a hosted model without a price), and
    where no model can be loaded, what the loading of one raises.
    """
    dataset, before = setting.dataset, journal.mend()
    run = open_run(
        dataset,
        setting.entries,
        setting.slot,
        setting.seed,
        setting.prices,
        setting.shelf.folder,
        before,
    )
    if run != latest_run(before):
        journal.append([run])
    if not any(isinstance(record, SentinelRecord) for record in before):
        journal.append([train_and_test_are_apart(dataset)])
    given = judge_incumbent(dataset, before)
    if given:
        journal.append(given)
    if dataset.incumbent:
        total = len(setting.ids)
        Reporter(setting.on_progress, strategy=INCUMBENT, position=1, total=total).tell("done", 1.0)
    return run


def race(
    setting: Setting, run: RunRecord, journal: Records, may_win: MayWin | None = None
) -> frozenset[str]:
    """Stop who can no longer win; returns the strategies that are over: stopped, in this race or an
    earlier one, or broken a moment ago."""
    turns = setting.turns(run, journal)
    quoted = setting.quoted(run)
    sittings = [turns.sitting(entry) for entry in setting.entries]
    broke = run_race(sittings, turns.slot, run, quoted, may_win)
    found = journal.read()
    return broke | {each.id for each in setting.entries if standing_of(found, each.id).elimination}


def take(
    setting: Setting,
    run: RunRecord,
    journal: Records,
    strategy: str,
    *,
    over: bool = False,
    before: Sequence[Record] | None = None,
) -> bool:
    """Do what is left of one strategy and of its learning curve; whether anything was.

    Nothing is left of one that is `over`, as a race just said. One that failed is tried again.
    `before` are the records, where the caller has them at hand.
    """
    entries = {entry.id: entry for entry in setting.entries}
    known = journal.mend() if before is None else before
    return setting.turns(run, journal, known).take(entries[strategy], known, over=over)


def again(records: Sequence[Record], run: RunRecord) -> list[str]:
    """Who is to be taken again once all are: strategies that a race stopped because of one that
    then broke, or fails too often to be recommended. Taking them may bring up others."""
    return groundless(records, run)
